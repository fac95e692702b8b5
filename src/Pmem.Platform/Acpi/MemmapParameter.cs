using System.Globalization;

namespace Pmem.Platform.Acpi;

/// <summary>The forms of Linux's <c>memmap=</c> boot parameter.</summary>
public enum MemmapForm
{
    /// <summary><c>exactmap</c>: forget the firmware's map.</summary>
    ExactMap,

    /// <summary><c>nn</c>: no RAM from that address on.</summary>
    Limit,

    /// <summary><c>nn@ss</c>: RAM.</summary>
    Ram,

    /// <summary><c>nn#ss</c>: ACPI tables.</summary>
    Acpi,

    /// <summary><c>nn$ss</c>: reserved.</summary>
    Reserved,

    /// <summary><c>nn!ss</c>: persistent memory without NFIT (type 12), which <c>nd_e820</c> takes.</summary>
    Pram,

    /// <summary><c>nn%ss-old+new</c>: another type for what is there; without a new type it is taken out, and without an old one the range is added.</summary>
    Convert,
}

/// <summary>One form in a <c>memmap=</c> parameter.</summary>
/// <param name="Form">Which.</param>
/// <param name="Size">Bytes, or the limit.</param>
/// <param name="Start">First address.</param>
/// <param name="From">For <see cref="MemmapForm.Convert"/>: only ranges of this type; null with a new type adds the whole range, whatever is there.</param>
/// <param name="To">For <see cref="MemmapForm.Convert"/>: the new type; null takes the ranges out.</param>
public readonly record struct MemmapEntry(MemmapForm Form, ulong Size = 0, ulong Start = 0, E820Type? From = null, E820Type? To = null)
{
    /// <summary>The form as Linux reads it, sizes in the largest unit that is exact.</summary>
    public override string ToString() => Form switch
    {
        MemmapForm.ExactMap => "exactmap",
        MemmapForm.Limit => Number(Size),
        MemmapForm.Ram => $"{Number(Size)}@{Number(Start)}",
        MemmapForm.Acpi => $"{Number(Size)}#{Number(Start)}",
        MemmapForm.Reserved => $"{Number(Size)}${Number(Start)}",
        MemmapForm.Pram => $"{Number(Size)}!{Number(Start)}",
        _ => $"{Number(Size)}%{Number(Start)}{(From is { } from ? $"-{Type(from)}" : "")}{(To is { } to ? $"+{Type(to)}" : "")}",
    };

    private static string Number(ulong value)
    {
        ReadOnlySpan<char> units = "KMGTPE";
        int unit = -1;
        while (value != 0 && value % 1024 == 0 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return unit < 0 ? (value > 0xffff ? $"0x{value:x}" : $"{value}") : $"{value}{units[unit]}";
    }

    private static string Type(E820Type type) => (uint)type > 0xffff ? $"0x{(uint)type:x}" : $"{(uint)type}";
}

/// <summary>Linux's <c>memmap=</c> boot parameter on x86: forms in the order in which they change the firmware's memory map.</summary>
/// <param name="Entries">The forms.</param>
public sealed record MemmapParameter(IReadOnlyList<MemmapEntry> Entries)
{
    /// <summary>The ranges that the forms add.</summary>
    public IReadOnlyList<E820Range> Ranges => [.. Entries.Select(Range).OfType<E820Range>()];

    /// <summary>Parses what follows <c>memmap=</c>, forms separated by commas; numbers as Linux's <c>memparse</c> reads them (decimal, <c>0x</c>, <c>0</c> for octal, units K to E).</summary>
    /// <exception cref="PmemFormatException">A form is none of those that Linux knows.</exception>
    public static MemmapParameter Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string value = text.StartsWith("memmap=", StringComparison.Ordinal) ? text["memmap=".Length..] : text;
        return new MemmapParameter([.. value.Split(',').Select(ParseEntry)]);
    }

    /// <summary>The value of the parameter.</summary>
    public override string ToString() => string.Join(',', Entries);

    /// <summary>The parameter as a GRUB configuration file needs it, where <c>$</c> begins a variable.</summary>
    public string ToGrub() => $"memmap={ToString().Replace("$", "\\$", StringComparison.Ordinal)}";

    /// <summary>
    /// The memory map that Linux works with: the forms applied in order; where ranges overlap, the higher type wins. Neighbours of one type are joined, except persistent memory
    /// without NFIT and soft-reserved memory: their ranges are devices, and stay what they were (<c>e820_nomerge</c>).
    /// </summary>
    /// <param name="firmware">The firmware's map.</param>
    public IReadOnlyList<E820Range> ApplyTo(IEnumerable<E820Range> firmware)
    {
        List<E820Range> map = [.. firmware];
        foreach (MemmapEntry entry in Entries)
        {
            switch (entry.Form)
            {
                case MemmapForm.ExactMap:
                    map.Clear();
                    break;
                case MemmapForm.Limit:
                    map = Change(map, entry.Size, ulong.MaxValue - entry.Size, E820Type.Ram, to: null);
                    break;
                case MemmapForm.Convert when entry is not { From: null, To: not null }:
                    map = Change(map, entry.Start, entry.Size, entry.From, entry.To);
                    break;
                default:
                    map.Add(Range(entry)!.Value);
                    break;
            }
        }

        return Resolve(map);
    }

    private static E820Range? Range(MemmapEntry entry)
    {
        E820Type? type = entry.Form switch
        {
            MemmapForm.Ram => E820Type.Ram,
            MemmapForm.Acpi => E820Type.Acpi,
            MemmapForm.Reserved => E820Type.Reserved,
            MemmapForm.Pram => E820Type.Pram,
            MemmapForm.Convert when entry.From is null => entry.To,
            _ => null,
        };
        return type is { } known ? new E820Range(entry.Start, entry.Size, known) : null;
    }

    private static List<E820Range> Change(List<E820Range> map, ulong start, ulong size, E820Type? from, E820Type? to)
    {
        ulong end = start + Math.Min(size, ulong.MaxValue - start);
        var changed = new List<E820Range>();
        foreach (E820Range range in map)
        {
            if (!range.Overlaps(start, size) || (from is { } type && range.Type != type))
            {
                changed.Add(range);
                continue;
            }

            ulong first = Math.Max(range.Base, start);
            ulong last = Math.Min(range.End, end);
            if (first > range.Base)
                changed.Add(range with { Length = first - range.Base });
            if (to is { } other)
                changed.Add(new E820Range(first, last - first, other));
            if (last < range.End)
                changed.Add(new E820Range(last, range.End - last, range.Type));
        }

        return changed;
    }

    private static List<E820Range> Resolve(List<E820Range> map)
    {
        ulong[] cuts = [.. map.SelectMany(range => (ulong[])[range.Base, range.End]).Distinct().Order()];
        var resolved = new List<E820Range>();
        for (int i = 0; i + 1 < cuts.Length; i++)
        {
            uint type = map.Where(range => range.Overlaps(cuts[i], cuts[i + 1] - cuts[i])).Select(range => (uint)range.Type).DefaultIfEmpty().Max();
            if (type == 0)
                continue;
            if (resolved.Count != 0 && resolved[^1].End == cuts[i] && resolved[^1].Type == (E820Type)type && (E820Type)type is not (E820Type.Pram or E820Type.SoftReserved))
                resolved[^1] = resolved[^1] with { Length = cuts[i + 1] - resolved[^1].Base };
            else
                resolved.Add(new E820Range(cuts[i], cuts[i + 1] - cuts[i], (E820Type)type));
        }

        return resolved;
    }

    private static MemmapEntry ParseEntry(string text)
    {
        if (text == "exactmap")
            return new MemmapEntry(MemmapForm.ExactMap);
        int at = text.AsSpan().IndexOfAny("@#$!%");
        if (at < 0)
            return new MemmapEntry(MemmapForm.Limit, Number(text, text));
        ulong size = Number(text, text[..at]);
        string rest = text[(at + 1)..];
        if (text[at] != '%')
        {
            MemmapForm form = text[at] switch { '@' => MemmapForm.Ram, '#' => MemmapForm.Acpi, '$' => MemmapForm.Reserved, _ => MemmapForm.Pram };
            return new MemmapEntry(form, size, Number(text, rest));
        }

        int plus = rest.IndexOf('+', StringComparison.Ordinal);
        string? to = plus < 0 ? null : rest[(plus + 1)..];
        string before = plus < 0 ? rest : rest[..plus];
        int minus = before.IndexOf('-', StringComparison.Ordinal);
        string? from = minus < 0 ? null : before[(minus + 1)..];
        return new MemmapEntry(MemmapForm.Convert, size, Number(text, minus < 0 ? before : before[..minus]), Type(text, from), Type(text, to));
    }

    private static E820Type? Type(string form, string? text)
    {
        if (text is null)
            return null;
        ulong type = Number(form, text, units: false);
        // 0 means "any" to Linux, as if nothing were written.
        return type == 0 ? null : type <= uint.MaxValue ? (E820Type)type : throw Wrong(form);
    }

    private static ulong Number(string form, string text, bool units = true)
    {
        int shift = units && text.Length != 0 ? "KMGTPE".IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal) + 1 : 0;
        bool hexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        // In hexadecimal, e is a digit, which memparse takes first.
        if (hexadecimal && char.ToUpperInvariant(text[^1]) == 'E')
            shift = 0;
        string digits = shift == 0 ? text : text[..^1];
        ulong value;
        if (hexadecimal)
        {
            if (!ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value))
                throw Wrong(form);
        }
        else if (digits.Length > 1 && digits[0] == '0')
        {
            value = Octal(form, digits);
        }
        else if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            throw Wrong(form);
        }

        return value <= ulong.MaxValue >> (10 * shift) ? value << (10 * shift) : throw Wrong(form);
    }

    private static ulong Octal(string form, string digits)
    {
        ulong value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value >> 61 != 0)
                throw Wrong(form);
            value = (value << 3) | (uint)(digit - '0');
        }

        return value;
    }

    private static PmemFormatException Wrong(string form) =>
        new("memmap", -1, "exactmap, nn, nn@ss, nn#ss, nn$ss, nn!ss or nn%ss-old+new with 64-bit numbers", $"\"{form}\"");
}
