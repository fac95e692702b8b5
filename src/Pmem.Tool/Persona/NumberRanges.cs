namespace Pmem.Tool.Persona;

/// <summary>
/// Ranges as pmempool takes them: <c>n-m</c> either way round, <c>n-</c>, <c>-m</c>, <c>n</c>, with suffixes of sizes, several with commas. They are
/// joined where they touch, and kept in the order in which pmempool goes through them, which is not that of the numbers.
/// </summary>
internal sealed class NumberRanges
{
    private readonly List<(ulong First, ulong Last)> _ranges = [];

    public bool IsEmpty => _ranges.Count == 0;

    public IReadOnlyList<(ulong First, ulong Last)> InOrder => _ranges;

    public bool Contains(ulong value) => _ranges.Exists(range => range.First <= value && value <= range.Last);

    /// <summary>Adds the ranges of a text, cut to 0 to <paramref name="most"/>; false when it is none, though those before the mistake are added.</summary>
    public bool TryAdd(string text, ulong most = ulong.MaxValue)
    {
        foreach (string part in text.Split(','))
        {
            if (!TryParse(part, most, out ulong first, out ulong last))
                return false;
            Add(first, Math.Min(last, most));
        }

        return true;
    }

    public void Add(ulong first, ulong last)
    {
        // The sums wrap as pmempool's do.
        for (int i = 0; i < _ranges.Count;)
        {
            (ulong First, ulong Last) other = _ranges[i];
            if (other.Last + 1 < first || last + 1 < other.First)
            {
                i++;
                continue;
            }

            first = Math.Min(first, other.First);
            last = Math.Max(last, other.Last);
            _ranges.RemoveAt(i);
        }

        int before = _ranges.FindIndex(range => range.First < first);
        _ranges.Insert(before + 1, (first, last));
    }

    /// <summary>Parses a size as PMDK does: a number, and a suffix such as K, KiB or kB (PMDK <c>util_parse_size</c>).</summary>
    public static bool TryParseSize(string text, out ulong size)
    {
        ReadOnlySpan<char> rest = text.AsSpan().TrimStart(" \t\n\v\f\r");
        int sign = rest is ['+' or '-', ..] ? 1 : 0;
        int digits = sign;
        size = 0;
        bool overflows = false;
        for (; digits < rest.Length && char.IsAsciiDigit(rest[digits]); digits++)
        {
            UInt128 value = ((UInt128)size * 10) + (uint)(rest[digits] - '0');
            overflows |= value > ulong.MaxValue;
            size = (ulong)value;
        }

        if (digits == sign)
            return false;
        size = overflows ? ulong.MaxValue : rest[0] == '-' ? 0 - size : size;
        string unit = rest[digits..].TrimStart(" \t\n\v\f\r").ToString().Split(' ', '\t', '\n', '\v', '\f', '\r')[0];
        unit = unit[..Math.Min(unit.Length, 8)];
        ulong? scale = unit switch
        {
            "" or "B" => 1,
            "K" or "KiB" => 1UL << 10,
            "M" or "MiB" => 1UL << 20,
            "G" or "GiB" => 1UL << 30,
            "T" or "TiB" => 1UL << 40,
            "P" or "PiB" => 1UL << 50,
            "kB" => 1000,
            "MB" => 1000_000,
            "GB" => 1000_000_000,
            "TB" => 1000_000_000_000,
            "PB" => 1000_000_000_000_000,
            _ => null,
        };
        size *= scale ?? 0;
        return scale is not null;
    }

    private static bool TryParse(string text, ulong most, out ulong first, out ulong last)
    {
        first = 0;
        last = most;
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0)
        {
            bool isNumber = TryParseSize(text, out first);
            last = first;
            return isNumber && first <= most;
        }

        if (dash == 0)
            return text.Length > 1 && TryParseSize(text[1..], out last);
        if (dash == text.Length - 1)
            return TryParseSize(text[..dash], out first);
        if (!TryParseSize(text[..dash], out first) || !TryParseSize(text[(dash + 1)..], out last))
            return false;
        if (first > last)
            (first, last) = (last, first);
        return true;
    }
}
