using System.Text.Json;

namespace Pmem.Platform.Fields;

/// <summary>
/// Fills fields from the members of a JSON object. A member that is missing leaves the field as it is; numbers may be written as numbers or as
/// text, <c>0x</c> first where they are hexadecimal. A member that no field has is a fault: it is most likely misspelt.
/// </summary>
internal sealed class FieldJsonReader(JsonElement json, string what) : IFieldVisitor
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private int _reserved;

    public bool Explains => false;

    public void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) => value = (byte)Number(name, value, 1, format);

    public void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = (ushort)Number(name, value, sizeof(ushort), format);

    public void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = (uint)Number(name, value, sizeof(uint), format);

    public void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        value = Number(name, value, sizeof(ulong), format);

    public void Guid(string name, ref Guid value, string? meaning = null)
    {
        if (!TryGet(name, out JsonElement element))
            return;
        if (element.ValueKind != JsonValueKind.String || !System.Guid.TryParse(element.GetString(), out value))
            throw Fault(name, "a GUID as text", element);
    }

    public void Reserved(int length, ref ulong value) => value = Number($"reserved{_reserved++}", value, length, FieldFormat.Hex);

    public void Text(string name, ref string value, int length)
    {
        if (!TryGet(name, out JsonElement element))
            return;
        if (element.ValueKind != JsonValueKind.String || element.GetString() is not { } text || text.Length > length || text.Any(c => c > 0xff))
            throw Fault(name, $"text of at most {length} characters", element);
        value = text;
    }

    public void Block(string name, ref byte[] value, int length)
    {
        if (!TryGet(name, out JsonElement element))
            return;
        value = Digits(name, element);
        if (value.Length != length)
            throw Fault(name, $"{length} bytes as hexadecimal digits", element);
    }

    public void Array16(string name, ref ushort[] values, long count) =>
        values = TryGet(name, out JsonElement array) ? [.. Items(name, array).Select(e => (ushort)Value(name, e, sizeof(ushort), FieldFormat.Decimal))] : values;

    public void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal) =>
        values = TryGet(name, out JsonElement array) ? [.. Items(name, array).Select(e => (uint)Value(name, e, sizeof(uint), format))] : values;

    public void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal) =>
        values = TryGet(name, out JsonElement array) ? [.. Items(name, array).Select(e => Value(name, e, sizeof(ulong), format))] : values;

    public void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        if (!TryGet(name, out JsonElement array))
            return;
        var records = new List<T>();
        foreach (JsonElement element in Items(name, array))
        {
            var record = new T();
            Fill(record, element, $"{what}, {name}[{records.Count}]");
            records.Add(record);
        }

        values = [.. records];
    }

    public void Bytes(string name, ref byte[] value, long count) => Rest(name, ref value);

    public void Rest(string name, ref byte[] value)
    {
        if (TryGet(name, out JsonElement element))
            value = Digits(name, element);
    }

    public bool Optional(string firstField, ref bool present) => present = json.TryGetProperty(firstField, out _);

    /// <summary>Reads a whole structure; members in <paramref name="others"/> belong to the caller.</summary>
    public static void Fill(BinaryStructure target, JsonElement json, string what, params ReadOnlySpan<string> others)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new PmemFormatException(what, -1, "a JSON object", json.ValueKind.ToString());
        var reader = new FieldJsonReader(json, what);
        foreach (string other in others)
            reader._known.Add(other);
        target.Visit(ref reader);
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!reader._known.Contains(property.Name))
                throw new PmemFormatException(what, -1, $"one of the members {string.Join(", ", reader._known.Order(StringComparer.Ordinal))}", $"\"{property.Name}\"");
        }
    }

    private ulong Number(string name, ulong current, int size, FieldFormat format) =>
        TryGet(name, out JsonElement element) ? Value(name, element, size, format) : current;

    private ulong Value(string name, JsonElement element, int size, FieldFormat format)
    {
        ulong value = 0;
        bool read = element.ValueKind switch
        {
            JsonValueKind.Number => element.TryGetUInt64(out value),
            JsonValueKind.String => FieldText.TryParse(element.GetString()!, out value),
            _ => false,
        };
        if (!read || (size < sizeof(ulong) && value >> (8 * size) != 0))
            throw Fault(name, $"a number of at most {8 * size} bits", element);
        return FieldText.InFieldOrder(value, size, format);
    }

    private JsonElement.ArrayEnumerator Items(string name, JsonElement array) =>
        array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : throw Fault(name, "an array", array);

    private byte[] Digits(string name, JsonElement element)
    {
        try
        {
            return Convert.FromHexString(element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Fault(name, "hexadecimal digits as text", element));
        }
        catch (FormatException)
        {
            throw Fault(name, "hexadecimal digits, two a byte", element);
        }
    }

    private bool TryGet(string name, out JsonElement element)
    {
        _known.Add(name);
        return json.TryGetProperty(name, out element);
    }

    private PmemFormatException Fault(string name, string expected, JsonElement found) => new($"{what}, {name}", -1, expected, found.GetRawText());
}
