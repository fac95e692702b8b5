using System.Globalization;

namespace Pmem.Tool.Persona.Info;

/// <summary>What <c>pmempool info</c> was asked for.</summary>
internal sealed class InfoOptions
{
    private const string Letters = "vhnf:ezuF:L:c:dmxVw:gBsr:lRS:OECZHT:bot:aAp:k:";

    private static readonly PoolOption[] s_table =
    [
        new("version", 'V', PoolTypes.All),
        new("verbose", 'v', PoolTypes.All),
        new("help", 'h', PoolTypes.All),
        new("human", 'n', PoolTypes.All),
        new("force", 'f', PoolTypes.All),
        new("data", 'd', PoolTypes.All, (PoolTypes.Object, "Oo")),
        new("headers-hex", 'x', PoolTypes.All),
        new("stats", 's', PoolTypes.All),
        new("range", 'r', PoolTypes.All, (PoolTypes.Log, "d"), (PoolTypes.Tables, "dm"), (PoolTypes.Object, "OZCl")),
        new("bad-blocks", 'k', PoolTypes.All),
        new("walk", 'w', PoolTypes.Log),
        new("skip-zeros", 'z', PoolTypes.Tables, (PoolTypes.Tables, "dm")),
        new("skip-error", 'e', PoolTypes.Tables, (PoolTypes.Tables, "dm")),
        new("skip-no-flag", 'u', PoolTypes.Tables, (PoolTypes.Tables, "dm")),
        new("map", 'm', PoolTypes.Tables),
        new("flog", 'g', PoolTypes.Tables),
        new("backup", 'B', PoolTypes.Tables),
        new("lanes", 'l', PoolTypes.Object),
        new("recovery", 'R', PoolTypes.Object, (PoolTypes.Object, "l")),
        new("section", 'S', PoolTypes.Object, (PoolTypes.Object, "l")),
        new("object-store", 'O', PoolTypes.Object),
        new("types", 't', PoolTypes.Object, (PoolTypes.Object, "Os")),
        new("no-empty", 'E', PoolTypes.Object, (PoolTypes.Object, "O")),
        new("alloc-header", 'A', PoolTypes.Object, (PoolTypes.Object, "Olo")),
        new("oob-header", 'a', PoolTypes.Object, (PoolTypes.Object, "Olo")),
        new("root", 'o', PoolTypes.Object),
        new("heap", 'H', PoolTypes.Object),
        new("zones", 'Z', PoolTypes.Object, (PoolTypes.Object, "OHs")),
        new("chunks", 'C', PoolTypes.Object, (PoolTypes.Object, "OHs")),
        new("chunk-type", 'T', PoolTypes.Object, (PoolTypes.Object, "C")),
        new("bitmap", 'b', PoolTypes.Object, (PoolTypes.Object, "H"), (PoolTypes.Object, "C")),
        new("replica", 'p', PoolTypes.Object),
    ];

    private static readonly Dictionary<string, char> s_names = s_table.ToDictionary(option => option.Name, option => option.Letter, StringComparer.Ordinal);

    private static readonly string[] s_chunkTypes = ["unknown", "footer", "free", "used", "run"];

    private readonly HashSet<char> _given = [];
    private bool _usesRange;

    public string File { get; private set; } = string.Empty;

    /// <summary>The kind that the file is taken for, whatever it says; null to look.</summary>
    public PoolTypes? Forced { get; private set; }

    /// <summary>Whether to list bad blocks; null to do as the pool's features say.</summary>
    public bool? BadBlocks { get; private set; }

    public int Human => Has('n') ? 1 : 0;

    public long Walk { get; private set; }

    public long Replica { get; private set; }

    /// <summary>Blocks, bytes, chunks of a log, or objects.</summary>
    public NumberRanges Ranges { get; } = new();

    public NumberRanges LaneRanges { get; } = new();

    public NumberRanges ZoneRanges { get; } = new();

    public NumberRanges ChunkRanges { get; } = new();

    public NumberRanges TypeRanges { get; } = new();

    /// <summary>Kinds of chunk to show, as bits.</summary>
    public uint ChunkTypes { get; private set; } = 1 << 2 | 1 << 3 | 1 << 4;

    /// <summary>Whether <see cref="Ranges"/> was given.</summary>
    public bool UsesRange => _usesRange;

    public bool Has(char letter) => _given.Contains(letter);

    /// <summary>The level of lines that an option shows: 1 when it was given.</summary>
    public int LevelOf(char letter) => Has(letter) ? 1 : 0;

    /// <summary>The first rule that the options break on a kind of pool.</summary>
    public string? FindProblem(PoolTypes type) => PoolOptionRules.FindProblem(s_table, _given, type);

    /// <summary>Parses the arguments; null when that answers the command, and the code to end with.</summary>
    public static InfoOptions? Parse(Terminal terminal, string[] arguments, out int code)
    {
        code = 0;
        var options = new InfoOptions();
        if (arguments.Length == 0)
        {
            code = Pmempool.Usage(terminal, "info");
            return null;
        }

        GetOpt parsed = GetOpt.Parse(arguments, Letters, s_names);
        NumberRanges ranges = options.Ranges;
        foreach (GivenOption given in parsed.Options)
        {
            if (options.Take(terminal, given, ref ranges) is not { } end)
                continue;
            code = end;
            return null;
        }

        if (parsed.Operands.Count == 0)
        {
            code = Pmempool.Usage(terminal, "info");
            return null;
        }

        options.File = parsed.Operands[0];
        if (!options._usesRange)
            options.Ranges.Add(0, ulong.MaxValue);
        foreach (NumberRanges all in (ReadOnlySpan<NumberRanges>)[options.TypeRanges, options.LaneRanges, options.ZoneRanges, options.ChunkRanges])
        {
            if (all.IsEmpty)
                all.Add(0, ulong.MaxValue);
        }

        return options;
    }

    /// <summary>Takes an option; the code to end with, when it ends the command.</summary>
    private int? Take(Terminal terminal, GivenOption given, ref NumberRanges ranges)
    {
        (char option, string? value) = (given.Option, given.Value);

        // pmempool ends with a failed assertion on three letters that it parses and does not know.
        if (option == GetOpt.Mistake || "FLc".Contains(option, StringComparison.Ordinal))
            return Pmempool.Usage(terminal, "info", option == GetOpt.Mistake ? value : $"invalid option -- '{option}'");
        _given.Add(option);
        switch (option)
        {
            case 'V':
                terminal.Out.Write($"{Pmempool.Name} {Pmempool.Version}\n");
                return 0;
            case 'h':
                return Pmempool.ShowHelp(terminal, "info");
            case 'f':
                Forced = value switch { "blk" => PoolTypes.Block, "log" => PoolTypes.Log, "obj" => PoolTypes.Object, "btt" => PoolTypes.Btt, _ => null };
                return Forced is null ? terminal.Fail($"'{value}' -- unknown pool type") : null;
            case 'k':
                BadBlocks = value switch { "yes" => true, "no" => false, _ => null };
                return BadBlocks is null ? terminal.Fail($"'{value}' -- invalid argument of the '-k/--bad-blocks' option") : null;
            case 'r':
                if (!ranges.TryAdd(value!))
                    return terminal.Fail($"'{value}' -- cannot parse range(s)");
                _usesRange |= ranges == Ranges;
                return null;
            case 'w':
                Walk = CNumber.ReadPrefix(value!);
                return Walk == 0 ? terminal.Fail($"'{value}' -- invalid chunk size") : null;
            case 'l':
                ranges = LaneRanges;
                return null;
            case 'O':
                ranges = Ranges;
                return null;
            case 'Z':
                ranges = ZoneRanges;
                return null;
            case 'C':
                ranges = ChunkRanges;
                return null;
            case 'T':
                return TakeChunkTypes(value!) ? null : terminal.Fail($"'{value}' -- cannot parse chunk type(s)");
            case 't':
                return TypeRanges.TryAdd(value!) ? null : terminal.Fail($"'{value}' -- cannot parse range(s)");
            case 'p':
                if (!CNumber.TryRead(value!, out long replica))
                    return terminal.Fail($"'{value}' -- invalid replica number");
                Replica = replica;
                return null;
            case 'S':
                // pmempool's table has the option and its program does not.
                return Pmempool.Usage(terminal, "info");
            default:
                return null;
        }
    }

    private bool TakeChunkTypes(string text)
    {
        ChunkTypes = 0;
        foreach (string name in text.Split(','))
        {
            int type = Array.IndexOf(s_chunkTypes, name);
            if (type < 0)
                return false;
            ChunkTypes |= 1U << type;
        }

        return (ChunkTypes & 1) == 0;
    }
}

/// <summary>Numbers as C's library reads them.</summary>
internal static class CNumber
{
    /// <summary>The number at the start of a text, 0 when there is none (<c>atoll</c>).</summary>
    public static long ReadPrefix(string text) => Read(text, out long value, out _) ? value : 0;

    /// <summary>The number that is the whole text (<c>strtoll</c>); an empty text is 0.</summary>
    public static bool TryRead(string text, out long value) => Read(text, out value, out int end) ? end == text.Length : text.Length == 0;

    private static bool Read(string text, out long value, out int end)
    {
        int start = text.Length - text.TrimStart(' ', '\t', '\n', '\v', '\f', '\r').Length;
        end = start + (start < text.Length && (text[start] is '+' or '-') ? 1 : 0);
        int digits = end;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        if (long.TryParse(text.AsSpan(start, end - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))
            return true;
        value = digits == end ? 0 : text[start] == '-' ? long.MinValue : long.MaxValue;
        end = digits == end ? 0 : end;
        return end > 0;
    }
}
