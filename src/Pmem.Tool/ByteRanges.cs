using System.Diagnostics.CodeAnalysis;
using Pmem.Tool.Pool;

namespace Pmem.Tool;

/// <summary>Ranges as people write them, first and last included: <c>0-4095</c>, <c>8192-</c>, <c>-511</c> (from 0), <c>77</c>, several with commas.</summary>
internal sealed class ByteRanges(IReadOnlyList<(long First, long Last)> ranges)
{
    public static ByteRanges All { get; } = new([(0, long.MaxValue)]);

    public IEnumerable<(long First, long Last)> Within(long length) =>
        ranges.Where(range => range.First < length).Select(range => (range.First, Math.Min(range.Last, length - 1)));

    public bool Contains(long value) => ranges.Any(range => value >= range.First && value <= range.Last);

    public static bool TryParse(string text, [NotNullWhen(true)] out ByteRanges? ranges)
    {
        var list = new List<(long First, long Last)>();
        ranges = null;
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            long first = 0;
            long last = long.MaxValue;
            if (ends.Length > 2 || (ends.Length == 2 && ends[0].Length + ends[1].Length == 0))
                return false;
            if ((ends[0].Length > 0 || ends.Length == 1) && !ByteSize.TryParse(ends[0], out first))
                return false;
            if (ends.Length == 1)
                last = first;
            else if (ends[1].Length > 0 && !ByteSize.TryParse(ends[1], out last))
                return false;
            if (last < first)
                return false;
            list.Add((first, last));
        }

        ranges = new ByteRanges(list);
        return true;
    }
}
