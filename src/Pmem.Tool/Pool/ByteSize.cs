using System.Globalization;

namespace Pmem.Tool.Pool;

/// <summary>Sizes as people write them: <c>8388608</c>, <c>8M</c>, <c>1GiB</c>, <c>500MB</c>.</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, long Factor)[] s_units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("PiB", 1L << 50),
        ("kB", 1000L), ("MB", 1000_000L), ("GB", 1000_000_000L), ("TB", 1000_000_000_000L), ("PB", 1000_000_000_000_000L),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40), ("P", 1L << 50),
        ("B", 1L),
    ];

    /// <summary>Why a text is no size of at least so many bytes, or null when it is one.</summary>
    public static string? FindProblem(string text, long least, out long bytes)
    {
        string minimum = Format(least).Split('(')[0].Replace(" ", string.Empty, StringComparison.Ordinal);
        if (TryParse(text, out bytes))
            return bytes >= least ? null : $"'{text}' is not a size of at least {minimum}";
        return IsTooLarge(text)
            ? $"'{text}' is too large: there are no more than {long.MaxValue} bytes"
            : $"'{text}' is not a size of at least {minimum}; write a whole number with a unit, such as 64MiB";
    }

    /// <summary>Whether a text that is no size would be one if numbers went further.</summary>
    public static bool IsTooLarge(string text)
    {
        string digits = WithoutUnit(text, out _);
        return !TryParse(text, out _) && digits.Length > 0 && digits.All(char.IsAsciiDigit);
    }

    /// <summary>Parses a size; units of one letter and with an i are powers of 1024, the others of 1000.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        string digits = WithoutUnit(text, out long factor);
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long number) || number > long.MaxValue / factor)
            return false;
        bytes = number * factor;
        return true;
    }

    /// <summary>A size for people: <c>64 MiB (67108864)</c>.</summary>
    public static string Format(long bytes)
    {
        ReadOnlySpan<string> names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < names.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {names[unit]} ({bytes})");
    }

    private static string WithoutUnit(string text, out long factor)
    {
        string digits = text.Trim();
        factor = 1;
        foreach ((string suffix, long value) in s_units)
        {
            if (!digits.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            factor = value;
            return digits[..^suffix.Length].TrimEnd();
        }

        return digits;
    }
}
