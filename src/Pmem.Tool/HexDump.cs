using System.Globalization;
using System.Text;

namespace Pmem.Tool;

/// <summary>Bytes as <c>hexdump -C</c> shows them: sixteen a line, with their offset and as text.</summary>
internal static class HexDump
{
    private const int PerLine = 16;

    public static void Write(TextWriter output, long offset, ReadOnlySpan<byte> bytes)
    {
        var line = new StringBuilder();
        for (int at = 0; at < bytes.Length; at += PerLine)
        {
            ReadOnlySpan<byte> part = bytes.Slice(at, Math.Min(PerLine, bytes.Length - at));
            line.Clear();
            line.Append(CultureInfo.InvariantCulture, $"{offset + at:x8}  ");
            for (int i = 0; i < PerLine; i++)
            {
                if (i < part.Length)
                    line.Append(CultureInfo.InvariantCulture, $"{part[i]:x2} ");
                else
                    line.Append("   ");
                if (i == (PerLine / 2) - 1)
                    line.Append(' ');
            }

            line.Append(" |");
            foreach (byte value in part)
                line.Append(value is >= 0x20 and < 0x7F ? (char)value : '.');
            line.Append(' ', PerLine - part.Length).Append('|');
            output.WriteLine(line);
        }
    }
}
