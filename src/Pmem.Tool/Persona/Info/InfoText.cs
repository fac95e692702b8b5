using System.Globalization;
using Pmem.Blocks.Layout;

namespace Pmem.Tool.Persona.Info;

/// <summary>Values as pmempool prints them.</summary>
internal static class InfoText
{
    /// <summary>A size: a number, with <paramref name="human"/> 1 a rounded one with a unit, with 2 both.</summary>
    public static string Size(ulong size, int human)
    {
        const int Units = 5;
        double value = size;
        ulong whole = size;
        int unit = -1;
        for (; whole >= 1024 && unit < Units; unit++)
        {
            whole /= 1024;
            value /= 1024;
        }

        if (human == 0 || unit is < 0 or >= Units)
            return $"{size}";

        // The fifth of pmempool's units is the end of a C string.
        string rounded = Fixed(value, 1);
        if (unit == Units - 1)
            return rounded;
        return human == 1 ? $"{rounded}{"KMGT"[unit]}" : $"{rounded}{"KMGT"[unit]} [{size}]";
    }

    public static string Percent(double percent) => percent switch
    {
        > 0.0 and < 0.0001 => $"{percent.ToString("0.000000e+00", CultureInfo.InvariantCulture)} %",
        >= 100.0 or < double.Epsilon => $"{Fixed(percent, 0)} %",
        _ when double.IsNaN(percent) => "-nan %",
        _ => $"{Fixed(percent, 6)} %",
    };

    /// <summary>A number as C's <c>%.nf</c> writes it: rounded by its exact value, and halves to the even digit.</summary>
    public static string Fixed(double value, int decimals)
    {
        // Far more digits than a double between a ten thousandth and the largest size has.
        const int Exact = 80;
        string digits = value.ToString($"F{Exact}", CultureInfo.InvariantCulture);
        int end = digits.IndexOf('.', StringComparison.Ordinal) + 1 + decimals;
        string kept = digits[..end].TrimEnd('.');
        int half = string.CompareOrdinal(digits[end..], "5".PadRight(digits.Length - end, '0'));
        bool roundsUp = half > 0 || (half == 0 && (kept[^1] - '0') % 2 != 0);
        decimal number = decimal.Parse(kept, CultureInfo.InvariantCulture);
        return (roundsUp ? number + (decimal)Math.Pow(10, -decimals) : number).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    public static string Checksum(ulong stored, ulong computed) => stored == computed ? $"0x{stored:x} [OK]" : $"0x{stored:x} [wrong! should be: 0x{computed:x}]";

    /// <summary>Local time; years may have more than four digits.</summary>
    public static string Time(ulong seconds)
    {
        const long LastSecond = 253402300799;
        const long FourCenturies = 146097L * 86400;
        long time = (long)seconds;
        long cycles = time > LastSecond ? ((time - LastSecond) / FourCenturies) + 1 : time < 0 ? ((time + 1) / FourCenturies) - 1 : 0;
        long year = cycles * 400;
        if (Math.Abs(year) > int.MaxValue - 10_000L)
            return "unknown";
        DateTimeOffset moment = DateTimeOffset.FromUnixTimeSeconds(time - (cycles * FourCenturies)).ToLocalTime();
        return string.Create(CultureInfo.InvariantCulture, $"{moment:ddd MMM dd} {moment.Year + year} {moment:HH:mm:ss}");
    }

    public static string EntryState(uint entry) => $"0x{entry & MapEntry.BlockMask:x8} state: {(entry >> 30) switch { 0 => "init", 1 => "error", 2 => "zero", _ => "normal" }}";
}
