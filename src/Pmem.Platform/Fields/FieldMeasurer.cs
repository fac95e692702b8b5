namespace Pmem.Platform.Fields;

/// <summary>Adds up lengths, and notes where each field is: docs/formats compares its byte tables with it.</summary>
internal struct FieldMeasurer(List<(string Name, int Offset, int Length)>? layout = null) : IFieldVisitor
{
    public int Length { get; private set; }

    public readonly bool Explains => false;

    public void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Add(name, 1);

    public void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Add(name, sizeof(ushort));

    public void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Add(name, sizeof(uint));

    public void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Add(name, sizeof(ulong));

    public void Guid(string name, ref Guid value, string? meaning = null) => Add(name, 16);

    public void Reserved(int length, ref ulong value) => Add("reserved", length);

    public void Text(string name, ref string value, int length) => Add(name, length);

    public void Block(string name, ref byte[] value, int length) => Add(name, length);

    public void Array16(string name, ref ushort[] values, long count) => Add(name, values.Length * sizeof(ushort));

    public void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal) => Add(name, values.Length * sizeof(uint));

    public void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal) => Add(name, values.Length * sizeof(ulong));

    public void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        foreach (T value in values)
            Add(name, value.ByteLength);
    }

    public void Bytes(string name, ref byte[] value, long count) => Add(name, value.Length);

    public void Rest(string name, ref byte[] value) => Add(name, value.Length);

    public readonly bool Optional(string firstField, ref bool present) => present;

    private void Add(string name, int length)
    {
        layout?.Add((name, Length, length));
        Length += length;
    }
}
