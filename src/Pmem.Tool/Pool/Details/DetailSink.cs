using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Pmem.Tool.Pool.Details;

/// <summary>Where the details of a pool go, as text for people or as JSON: named sections, lists of records, fields, bytes.</summary>
internal abstract class DetailSink
{
    private int _depth;

    /// <summary>Runs what writes a section; a damaged pool ends the section, not the command. False when that happened.</summary>
    public bool Section(string name, Action content)
    {
        int depth = _depth;
        Open(name, isList: false);
        try
        {
            content();
        }
        catch (PmemException problem)
        {
            while (_depth > depth + 1)
                Close();
            Field("problem", problem.Message);
            Close();
            return false;
        }

        Close();
        return true;
    }

    /// <summary>A list; each element is written by <see cref="Record"/>.</summary>
    public void List<T>(string name, IEnumerable<T> items, Action<T> record)
    {
        Open(name, isList: true);
        foreach (T item in items)
        {
            Record();
            record(item);
            Close();
        }

        Close();
    }

    public void Field(string name, ulong value) => Number(name, value.ToString(CultureInfo.InvariantCulture));

    public void Field(string name, long value) => Number(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A number that people read in hexadecimal.</summary>
    public abstract void Offset(string name, ulong value);

    public abstract void Field(string name, string value);

    public abstract void Field(string name, bool value);

    public abstract void Bytes(string name, ulong offset, ReadOnlySpan<byte> bytes);

    protected abstract void Number(string name, string digits);

    protected abstract void OpenObject(string? name);

    protected abstract void OpenList(string name);

    protected abstract void CloseLast();

    private void Open(string name, bool isList)
    {
        _depth++;
        if (isList)
            OpenList(name);
        else
            OpenObject(name);
    }

    private void Record()
    {
        _depth++;
        OpenObject(null);
    }

    private void Close()
    {
        _depth--;
        CloseLast();
    }
}

/// <summary>Details as JSON, written out as they come.</summary>
internal sealed class JsonSink(Utf8JsonWriter writer) : DetailSink
{
    private const int FlushFrom = 1 << 16;

    private readonly Stack<bool> _lists = new();

    public override void Offset(string name, ulong value) => writer.WriteNumber(name, value);

    public override void Field(string name, string value) => writer.WriteString(name, value);

    public override void Field(string name, bool value) => writer.WriteBoolean(name, value);

    public override void Bytes(string name, ulong offset, ReadOnlySpan<byte> bytes)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("offset", offset);
        writer.WriteBase64String("data", bytes);
        writer.WriteEndObject();
    }

    protected override void Number(string name, string digits)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(digits);
    }

    protected override void OpenObject(string? name)
    {
        _lists.Push(false);
        if (name is null)
            writer.WriteStartObject();
        else
            writer.WriteStartObject(name);
    }

    protected override void OpenList(string name)
    {
        _lists.Push(true);
        writer.WriteStartArray(name);
    }

    protected override void CloseLast()
    {
        if (_lists.Pop())
            writer.WriteEndArray();
        else
            writer.WriteEndObject();
        if (writer.BytesPending > FlushFrom)
            writer.Flush();
    }
}

/// <summary>Details as text: a section has a title, a record is a line, what is inside it is indented.</summary>
internal sealed class TextSink(TextWriter output) : DetailSink
{
    private const int NameWidth = 20;

    private const int LineWidth = 118;

    private readonly Stack<(bool IsRecord, int Indent)> _open = new();
    private readonly StringBuilder _line = new();
    private string? _title;
    private int _indent;

    public override void Offset(string name, ulong value) => Put(name, $"0x{value:x}");

    public override void Field(string name, string value) => Put(name, value.Length == 0 ? "\"\"" : value);

    public override void Field(string name, bool value) => Put(name, value ? "yes" : "no");

    public override void Bytes(string name, ulong offset, ReadOnlySpan<byte> bytes)
    {
        EndLine();
        output.WriteLine($"{Space()}{name}:");
        HexDump.Write(output, (long)offset, bytes);
    }

    protected override void Number(string name, string digits) => Put(name, digits);

    protected override void OpenObject(string? name)
    {
        EndLine();
        ShowTitle(":");
        _open.Push((name is null, _indent));
        if (name is null)
            return;
        output.WriteLine(_indent == 0 ? $"\n{name}:" : $"{Space()}{name}:");
        _indent += 2;
    }

    protected override void OpenList(string name)
    {
        EndLine();
        _open.Push((false, _indent));
        _title = name;
    }

    protected override void CloseLast()
    {
        EndLine();
        ShowTitle(": none");
        _indent = _open.Pop().Indent;
    }

    /// <summary>The title of a list, once it is known whether anything is in it.</summary>
    private void ShowTitle(string end)
    {
        if (_title is null)
            return;
        output.WriteLine($"{Space()}{_title}{end}");
        _title = null;
        _indent += 2;
    }

    private void Put(string name, string value)
    {
        if (_open.Count == 0 || !_open.Peek().IsRecord)
        {
            output.WriteLine($"{Space()}{name,-NameWidth}{value}");
            return;
        }

        if (_indent + _line.Length + name.Length + value.Length > LineWidth)
            EndLine();
        _line.Append(_line.Length == 0 ? string.Empty : ", ").Append(name).Append(' ').Append(value);
    }

    private void EndLine()
    {
        if (_line.Length == 0)
            return;
        output.WriteLine($"{Space()}{_line}");
        _line.Clear();
        _indent = _open.Peek().Indent + 2;
    }

    private string Space() => new(' ', _indent);
}
