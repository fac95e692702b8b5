using System.Buffers.Binary;
using System.Text;

namespace Pmem.Platform.Fields;

/// <summary>Writes fields to bytes of the process's own memory.</summary>
internal ref struct FieldWriter(Span<byte> bytes) : IFieldVisitor
{
    private Span<byte> _left = bytes;

    public readonly bool Explains => false;

    public void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Take(1)[0] = value;

    public void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), value);

    public void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        BinaryPrimitives.WriteUInt32LittleEndian(Take(sizeof(uint)), value);

    public void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);

    public void Guid(string name, ref Guid value, string? meaning = null) => value.TryWriteBytes(Take(16));

    public void Reserved(int length, ref ulong value)
    {
        Span<byte> target = Take(length);
        for (int i = 0; i < length; i++)
            target[i] = (byte)(value >> (8 * i));
    }

    public void Text(string name, ref string value, int length)
    {
        Span<byte> target = Take(length);
        target.Clear();
        Encoding.Latin1.GetBytes(value.AsSpan(0, Math.Min(value.Length, length)), target);
    }

    public void Block(string name, ref byte[] value, int length)
    {
        Span<byte> target = Take(length);
        target.Clear();
        value.AsSpan(0, Math.Min(value.Length, length)).CopyTo(target);
    }

    public void Array16(string name, ref ushort[] values, long count)
    {
        foreach (ushort value in values)
            BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), value);
    }

    public void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        foreach (uint value in values)
            BinaryPrimitives.WriteUInt32LittleEndian(Take(sizeof(uint)), value);
    }

    public void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        foreach (ulong value in values)
            BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);
    }

    public void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        foreach (T value in values)
            value.WriteTo(Take(value.ByteLength));
    }

    public void Bytes(string name, ref byte[] value, long count) => value.CopyTo(Take(value.Length));

    public void Rest(string name, ref byte[] value) => value.CopyTo(Take(value.Length));

    public readonly bool Optional(string firstField, ref bool present) => present;

    private Span<byte> Take(int length)
    {
        Span<byte> taken = _left[..length];
        _left = _left[length..];
        return taken;
    }
}
