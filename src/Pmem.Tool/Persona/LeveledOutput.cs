using System.Globalization;
using System.Text;

namespace Pmem.Tool.Persona;

/// <summary>The output of <c>pmempool info</c> and <c>dump</c>: lines that are shown from a verbosity level on, indented, in columns, and hexdumps.</summary>
internal sealed class LeveledOutput(TextWriter output)
{
    private const int RowSize = 16;
    private const int HexWidth = 50;
    private const int ColumnWidth = 24;

    private int _indent;

    /// <summary>How much is shown: 1, or 2 with <c>-v</c>.</summary>
    public int Level { get; set; } = 1;

    /// <summary>Whether lines of a level are shown; level 0 never is.</summary>
    public bool Shows(int level) => level != 0 && Level >= level;

    public void Write(int level, string text)
    {
        if (!Shows(level))
            return;
        output.Write(new string(' ', _indent));
        output.Write(text);
    }

    public void NewLine(int level)
    {
        if (Shows(level))
            output.Write('\n');
    }

    public void Title(int level, string title)
    {
        if (!Shows(level))
            return;
        output.Write('\n');
        Write(level, title);
        output.Write(":\n");
    }

    public void Field(int level, string name, string value)
    {
        if (Shows(level))
            Write(level, $"{name,-ColumnWidth} : {value}\n");
    }

    public void Indent(int level, int by)
    {
        const int Deepest = 32;
        if (Shows(level))
            _indent = Math.Clamp(_indent + by, 0, Deepest);
    }

    /// <summary>Sixteen bytes a line with their offset; lines that repeat the one before are a star.</summary>
    public void HexDump(int level, ReadOnlySpan<byte> bytes, ulong offset, bool separate)
    {
        if (!Shows(level) || bytes.IsEmpty)
            return;
        int previous = 0;
        int width = 0;
        bool repeated = false;
        for (int at = 0; at < bytes.Length; at += RowSize)
        {
            ReadOnlySpan<byte> row = bytes.Slice(at, Math.Min(RowSize, bytes.Length - at));
            bool isLast = at + row.Length == bytes.Length;
            if (!isLast && at > 0 && row.SequenceEqual(bytes.Slice(previous, RowSize)))
            {
                if (!repeated)
                    output.Write("*\n");
                repeated = true;
                continue;
            }

            repeated = false;
            previous = at;
            string line = Row(row, offset + (ulong)at);
            output.Write(line);
            width = line.Length;
        }

        if (separate)
            output.Write(new string('-', width - 1) + "\n");
    }

    private static string Row(ReadOnlySpan<byte> row, ulong offset)
    {
        var hex = new StringBuilder();
        var text = new StringBuilder();
        for (int i = 0; i < row.Length; i++)
        {
            hex.Append(i == RowSize / 2 ? " " : string.Empty).Append(row[i].ToString("x2", CultureInfo.InvariantCulture)).Append(' ');
            text.Append(row[i] is >= 0x20 and < 0x7F ? (char)row[i] : '.');
        }

        return $"{offset:x8}  {hex.ToString(),-HexWidth}|{text.ToString(),-RowSize}|\n";
    }
}
