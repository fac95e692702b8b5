using System.Globalization;
using System.Text.Json.Nodes;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>Sizes and addresses as ndctl prints them: numbers for programs, texts for people.</summary>
internal static class NdctlNumber
{
    private const ulong MiB = 1 << 20;
    private const ulong GiB = 1UL << 30;
    private const ulong TiB = 1UL << 40;

    public static JsonNode Size(ulong bytes, bool human) => human && bytes >= 5000 * 1024 ? JsonValue.Create(SizeText(bytes)) : JsonValue.Create(bytes);

    public static JsonNode Hex(ulong value, bool human) => human ? JsonValue.Create(HexText(value)) : JsonValue.Create(value);

    /// <summary>C's <c>%#llx</c>, which has no prefix for zero.</summary>
    public static string HexText(ulong value) => value == 0 ? "0" : string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    public static string SizeText(ulong bytes) => bytes switch
    {
        < 2 * GiB => Text(bytes, MiB, 1000_000, "MiB", "MB"),
        < 2 * TiB => Text(bytes, GiB, 1000_000_000, "GiB", "GB"),
        _ => Text(bytes, TiB, 1000_000_000_000, "TiB", "TB"),
    };

    // In hundredths, rounded; the decimal one by way of whole two-hundredths, as ndctl does.
    private static string Text(ulong bytes, ulong binary, ulong @decimal, string binaryUnit, string decimalUnit)
    {
        UInt128 first = (((UInt128)bytes * 200 / binary) + 1) / 2;
        UInt128 second = (((UInt128)bytes / (@decimal / 200)) + 1) / 2;
        return string.Create(CultureInfo.InvariantCulture, $"{first / 100}.{first % 100:00} {binaryUnit} ({second / 100}.{second % 100:00} {decimalUnit})");
    }
}
