using System.Globalization;

namespace Pmem.Pools.Sets;

/// <summary>Sizes as set files write them (PMDK <c>util_parse_size</c>).</summary>
internal static class PoolSetSize
{
    private static readonly Dictionary<string, long> s_units = new(StringComparer.Ordinal)
    {
        [string.Empty] = 1, ["B"] = 1,
        ["K"] = 1L << 10, ["M"] = 1L << 20, ["G"] = 1L << 30, ["T"] = 1L << 40, ["P"] = 1L << 50,
        ["KiB"] = 1L << 10, ["MiB"] = 1L << 20, ["GiB"] = 1L << 30, ["TiB"] = 1L << 40, ["PiB"] = 1L << 50,
        ["kB"] = 1000, ["MB"] = 1000_000, ["GB"] = 1000_000_000, ["TB"] = 1000_000_000_000, ["PB"] = 1000_000_000_000_000,
    };

    /// <summary>Parses digits and a unit. A leading plus sign is accepted, as in C; what does not fit in 63 bits is not.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int start = text.StartsWith('+') ? 1 : 0;
        int end = start;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        if (!long.TryParse(text.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            || !s_units.TryGetValue(text[end..], out long unit) || number > long.MaxValue / unit)
        {
            return false;
        }

        bytes = number * unit;
        return true;
    }
}
