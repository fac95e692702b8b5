using System.Buffers.Binary;
using System.Globalization;

namespace Pmem.Platform.Fields;

/// <summary>Numbers as text, both ways.</summary>
internal static class FieldText
{
    /// <summary>The number that shows a field: the value, or its bytes read in memory order.</summary>
    public static ulong InFieldOrder(ulong value, int size, FieldFormat format) =>
        format == FieldFormat.MemoryOrder ? BinaryPrimitives.ReverseEndianness(value) >> (64 - (8 * size)) : value;

    public static string Hex(ulong value, int size, FieldFormat format) => "0x" + InFieldOrder(value, size, format).ToString(format == FieldFormat.MemoryOrder ? $"x{size * 2}" : "x");

    /// <summary>Parses <c>0x11</c> or <c>17</c>.</summary>
    public static bool TryParse(string text, out ulong value)
    {
        string digits = text.Trim();
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
