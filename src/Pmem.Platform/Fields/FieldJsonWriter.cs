using System.Text.Json;

namespace Pmem.Platform.Fields;

/// <summary>Writes fields as members of a JSON object. Reserved bytes and trailing bytes appear only where they are not zero or empty.</summary>
internal struct FieldJsonWriter(Utf8JsonWriter json) : IFieldVisitor
{
    private int _reserved;

    public readonly bool Explains => false;

    public readonly void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Number(name, value, 1, format);

    public readonly void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Number(name, value, sizeof(ushort), format);

    public readonly void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Number(name, value, sizeof(uint), format);

    public readonly void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => Number(name, value, sizeof(ulong), format);

    public readonly void Guid(string name, ref Guid value, string? meaning = null) => json.WriteString(name, value);

    public void Reserved(int length, ref ulong value)
    {
        string name = $"reserved{_reserved++}";
        if (value != 0)
            json.WriteString(name, FieldText.Hex(value, length, FieldFormat.Hex));
    }

    public readonly void Text(string name, ref string value, int length) => json.WriteString(name, value.TrimEnd('\0'));

    public readonly void Block(string name, ref byte[] value, int length)
    {
        if (value.AsSpan().ContainsAnyExcept((byte)0))
            json.WriteString(name, Convert.ToHexStringLower(value));
    }

    public readonly void Array16(string name, ref ushort[] values, long count)
    {
        json.WriteStartArray(name);
        foreach (ushort value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    public readonly void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        json.WriteStartArray(name);
        foreach (uint value in values)
            Item(value, sizeof(uint), format);
        json.WriteEndArray();
    }

    public readonly void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal)
    {
        json.WriteStartArray(name);
        foreach (ulong value in values)
            Item(value, sizeof(ulong), format);
        json.WriteEndArray();
    }

    public readonly void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        json.WriteStartArray(name);
        foreach (T value in values)
        {
            json.WriteStartObject();
            var inner = new FieldJsonWriter(json);
            value.Visit(ref inner);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public readonly void Bytes(string name, ref byte[] value, long count) => json.WriteString(name, Convert.ToHexStringLower(value));

    public readonly void Rest(string name, ref byte[] value)
    {
        if (value.Length != 0)
            json.WriteString(name, Convert.ToHexStringLower(value));
    }

    public readonly bool Optional(string firstField, ref bool present) => present;

    private readonly void Number(string name, ulong value, int size, FieldFormat format)
    {
        json.WritePropertyName(name);
        Item(value, size, format);
    }

    private readonly void Item(ulong value, int size, FieldFormat format)
    {
        if (format == FieldFormat.Decimal)
            json.WriteNumberValue(value);
        else
            json.WriteStringValue(FieldText.Hex(value, size, format));
    }
}
