using System.Globalization;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>Numbers as ndctl reads them: decimal, hexadecimal or octal, with a letter for a power of 1024.</summary>
internal static class NdctlSize
{
    public static bool TryParse(string text, out ulong value) => TryParse(text, out value, out _);

    /// <summary>Reads a number, and which unit it was written in.</summary>
    public static bool TryParse(string text, out ulong value, out ulong unit)
    {
        string digits = text;
        unit = 1;
        int at = text.Length == 0 ? -1 : "kmgt".IndexOf(char.ToLowerInvariant(text[^1]), StringComparison.Ordinal);
        if (at >= 0)
        {
            digits = text[..^1];
            unit = 1UL << (10 * (at + 1));
        }

        if (!TryNumber(digits, out value) || value > ulong.MaxValue / unit)
            return false;
        value *= unit;
        return true;
    }

    private static bool TryNumber(string digits, out ulong value)
    {
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        if (digits.Length < 2 || digits[0] != '0')
            return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value > ulong.MaxValue >> 3)
                return false;
            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }
}
