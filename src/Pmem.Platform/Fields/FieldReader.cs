using System.Buffers.Binary;
using System.Text;

namespace Pmem.Platform.Fields;

/// <summary>Fills fields from bytes. Every length is checked against what is left before anything is allocated.</summary>
internal ref struct FieldReader(ReadOnlySpan<byte> bytes, string what, long baseOffset) : IFieldVisitor
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public readonly bool Explains => false;

    public void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => value = Take(name, 1)[0];

    public void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = BinaryPrimitives.ReadUInt16LittleEndian(Take(name, sizeof(ushort)));

    public void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = BinaryPrimitives.ReadUInt32LittleEndian(Take(name, sizeof(uint)));

    public void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = BinaryPrimitives.ReadUInt64LittleEndian(Take(name, sizeof(ulong)));

    public void Guid(string name, ref Guid value, string? meaning = null) => value = new Guid(Take(name, 16));

    public void Reserved(int length, ref ulong value)
    {
        ReadOnlySpan<byte> source = Take("reserved", length);
        value = 0;
        for (int i = length - 1; i >= 0; i--)
            value = (value << 8) | source[i];
    }

    public void Text(string name, ref string value, int length) => value = Encoding.Latin1.GetString(Take(name, length));

    public void Block(string name, ref byte[] value, int length) => value = Take(name, length).ToArray();

    public void Array16(string name, ref ushort[] values, long count)
    {
        ReadOnlySpan<byte> source = Take(name, count, sizeof(ushort));
        values = new ushort[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadUInt16LittleEndian(source[(i * sizeof(ushort))..]);
    }

    public void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        ReadOnlySpan<byte> source = Take(name, count, sizeof(uint));
        values = new uint[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadUInt32LittleEndian(source[(i * sizeof(uint))..]);
    }

    public void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        ReadOnlySpan<byte> source = Take(name, count, sizeof(ulong));
        values = new ulong[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadUInt64LittleEndian(source[(i * sizeof(ulong))..]);
    }

    public void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        int length = new T().ByteLength;
        int start = _at;
        ReadOnlySpan<byte> source = Take(name, count, length);
        values = new T[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = new T();
            values[i].ReadFrom(source.Slice(i * length, length), what, baseOffset + start + (i * length));
        }
    }

    public void Bytes(string name, ref byte[] value, long count) => value = Take(name, count, 1).ToArray();

    public void Rest(string name, ref byte[] value)
    {
        value = _bytes[_at..].ToArray();
        _at = _bytes.Length;
    }

    public readonly bool Optional(string firstField, ref bool present) => present = _at < _bytes.Length;

    public readonly void DemandEnd()
    {
        if (_at != _bytes.Length)
            throw new PmemFormatException($"length of {what}", baseOffset, $"{_at} bytes", $"{_bytes.Length}");
    }

    private ReadOnlySpan<byte> Take(string name, int length) => Take(name, length, 1);

    private ReadOnlySpan<byte> Take(string name, long count, int size)
    {
        // count comes from a 32-bit field at most, so the product cannot overflow.
        if (count < 0 || count * size > _bytes.Length - _at)
            throw new PmemFormatException($"{what}, {name}", baseOffset + _at, $"{count * size} bytes", $"{_bytes.Length - _at} left");
        ReadOnlySpan<byte> taken = _bytes.Slice(_at, (int)(count * size));
        _at += taken.Length;
        return taken;
    }
}
