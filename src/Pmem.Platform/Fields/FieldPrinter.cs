using System.Text;

namespace Pmem.Platform.Fields;

/// <summary>
/// Prints fields one a line, as ACPI disassemblers do: offset in hexadecimal and decimal, length, name, value, and what the value means.
/// </summary>
internal struct FieldPrinter(StringBuilder output, long baseOffset) : IFieldVisitor
{
    private const int MaximumItems = 64;
    private const int BytesPerLine = 16;
    private long _at = baseOffset;

    public readonly bool Explains => true;

    public void UInt8(string name, ref byte value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        Line(name, 1, $"{value:X2}", meaning);

    public void UInt16(string name, ref ushort value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        Line(name, sizeof(ushort), Number(value, sizeof(ushort), format), meaning);

    public void UInt32(string name, ref uint value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        Line(name, sizeof(uint), Number(value, sizeof(uint), format), meaning);

    public void UInt64(string name, ref ulong value, FieldFormat format = FieldFormat.Decimal, string? meaning = null) =>
        Line(name, sizeof(ulong), Number(value, sizeof(ulong), format), meaning);

    public void Guid(string name, ref Guid value, string? meaning = null) => Line(name, 16, value.ToString(), meaning);

    public void Reserved(int length, ref ulong value) => Line("reserved", length, value.ToString($"X{length * 2}"), null);

    public void Text(string name, ref string value, int length) => Line(name, length, $"\"{value.TrimEnd('\0')}\"", null);

    public void Block(string name, ref byte[] value, int length) => Dump(name, value);

    public void Array16(string name, ref ushort[] values, long count) => List(name, sizeof(ushort), [.. values.Take(MaximumItems).Select(v => $"{v:X4}")], values.Length);

    public void Array32(string name, ref uint[] values, long count, FieldFormat format = FieldFormat.Decimal) =>
        List(name, sizeof(uint), [.. values.Take(MaximumItems).Select(v => $"{v:X8}")], values.Length);

    public void Array64(string name, ref ulong[] values, long count, FieldFormat format = FieldFormat.Decimal) =>
        List(name, sizeof(ulong), [.. values.Take(MaximumItems).Select(v => $"{v:X16}")], values.Length);

    public void Records<T>(string name, ref T[] values, long count)
        where T : BinaryStructure, new()
    {
        foreach (T value in values)
        {
            var inner = new FieldPrinter(output, _at);
            value.Visit(ref inner);
            _at = inner._at;
        }
    }

    public void Bytes(string name, ref byte[] value, long count) => Dump(name, value);

    public void Rest(string name, ref byte[] value) => Dump(name, value);

    public readonly bool Optional(string firstField, ref bool present) => present;

    private void Dump(string name, byte[] value)
    {
        for (int i = 0; i < value.Length; i += BytesPerLine)
        {
            int length = Math.Min(BytesPerLine, value.Length - i);
            Line(i == 0 ? name : string.Empty, length, string.Join(' ', value.Skip(i).Take(length).Select(b => $"{b:X2}")), null);
        }
    }

    private void List(string name, int size, string[] shown, int total)
    {
        for (int i = 0; i < shown.Length; i++)
            Line(i == 0 ? name : string.Empty, size, shown[i], null);
        if (total > shown.Length)
            Line(string.Empty, (total - shown.Length) * size, $"({total - shown.Length} more)", null);
    }

    private void Line(string name, int length, string value, string? meaning)
    {
        output.Append($"[{_at:X3}h {_at:D4} {length,3}] {Title(name),34} : {value}");
        if (!string.IsNullOrEmpty(meaning))
            output.Append($" [{meaning}]");
        output.Append('\n');
        _at += length;
    }

    private static string Number(ulong value, int size, FieldFormat format) =>
        FieldText.InFieldOrder(value, size, format).ToString($"X{size * 2}");

    // rangeIndex → Range Index
    private static string Title(string name)
    {
        var title = new StringBuilder(name.Length + 4);
        foreach (char c in name)
        {
            if (title.Length == 0)
            {
                title.Append(char.ToUpperInvariant(c));
                continue;
            }

            if (char.IsUpper(c))
                title.Append(' ');
            title.Append(c);
        }

        return title.ToString();
    }
}
