using System.CommandLine;
using Pmem.Pools;

namespace Pmem.Tool.Pool.Details;

/// <summary>Which details of a pool are wanted.</summary>
internal sealed record DetailOptions
{
    public bool Headers { get; init; }

    public bool Statistics { get; init; }

    public bool Lanes { get; init; }

    public bool Pending { get; init; }

    public bool Heap { get; init; }

    public bool Bitmaps { get; init; }

    public bool Table { get; init; }

    public bool Map { get; init; }

    public bool Flog { get; init; }

    public bool Data { get; init; }

    public bool Hex { get; init; }

    public int Replica { get; init; }

    /// <summary>Lanes, chunks, blocks, or bytes of a log, whatever is listed.</summary>
    public ByteRanges Range { get; init; } = ByteRanges.All;

    public ByteRanges Types { get; init; } = ByteRanges.All;

    public bool IsAny => Headers || Statistics || Lanes || Heap || Table || Map || Flog || Data;
}

/// <summary>The options of <c>pmem pool info</c> that ask for details.</summary>
internal sealed class DetailOptionSet
{
    private readonly Option<bool> _headers = new("--headers") { Description = "The pool header, descriptor and heap header, field by field." };
    private readonly Option<bool> _statistics = new("--stats") { Description = "Objects by type number; chunks and allocation classes of each zone; blocks by state." };
    private readonly Option<bool> _lanes = new("--lanes") { Description = "Lanes and the entries of their redo and undo logs (object pools; --range selects lanes)." };
    private readonly Option<bool> _pending = new("--pending") { Description = "With --lanes: only those that recovery has work in." };
    private readonly Option<bool> _heap = new("--heap") { Description = "The map of the heap: zones, chunks, runs (object pools; --range selects chunks)." };
    private readonly Option<bool> _bitmaps = new("--bitmaps") { Description = "With --heap: the bitmaps of runs." };
    private readonly Option<bool> _table = new("--table") { Description = "Info blocks and their copies (block pools)." };
    private readonly Option<bool> _map = new("--map") { Description = "Map entries (block pools; --range selects blocks)." };
    private readonly Option<bool> _flog = new("--flog") { Description = "Flog entries (block pools)." };
    private readonly Option<bool> _data = new("--data") { Description = "The content (logs; --range selects bytes)." };
    private readonly Option<bool> _hex = new("--hex") { Description = "With --headers, --heap and --table: the bytes of headers too." };
    private readonly Option<bool> _all = new("--all") { Description = "All of these but the content." };
    private readonly Option<string?> _range = new("--range", "-r") { Description = "Which lanes, chunks, blocks or bytes, such as 0-99,500-." };
    private readonly Option<string?> _types = new("--types", "-t") { Description = "With --stats: only objects with these type numbers." };
    private readonly Option<int> _replica = new("--replica", "-p") { Description = "The replica to look at; 0 is the master." };

    public IEnumerable<Option> All => [_headers, _statistics, _lanes, _pending, _heap, _bitmaps, _table, _map, _flog, _data, _hex, _all, _range, _types, _replica];

    /// <summary>An option that says nothing of such a pool, or of what was asked for with it, in a sentence; null when there is none.</summary>
    public string? FindMisfit(ParseResult parsed, PoolKind? kind)
    {
        Option? foreign = kind switch
        {
            PoolKind.Object => Given(_table, _map, _flog, _data),
            PoolKind.Block => Given(_lanes, _pending, _heap, _bitmaps, _types, _data),
            PoolKind.Log => Given(_statistics, _lanes, _pending, _heap, _bitmaps, _types, _table, _map, _flog),
            _ => null,
        };
        if (foreign is not null)
            return $"a pool of kind {InfoVerb.TypeName(kind)} has nothing that {foreign.Name} shows: leave it out";
        if (Given(_all) is not null)
            return null;
        if (Given(_types) is not null && Given(_statistics) is null)
            return "--types selects objects of --stats: give that too";
        if (Given(_range) is not null && Given(_lanes, _pending, _heap, _bitmaps, _map, _data) is null)
            return "--range selects what --lanes, --heap, --map or --data list: give one of them too";
        if (Given(_hex) is not null && Given(_headers, _heap, _bitmaps, _table) is null)
            return "--hex adds to --headers, --heap and --table: give one of them too";
        return Given(_replica) is not null && !All.Any(option => option is Option<bool> && Given(option) is not null)
            ? "--replica says in which replica details are looked at: say which, such as --headers"
            : null;

        Option? Given(params ReadOnlySpan<Option> options)
        {
            foreach (Option option in options)
            {
                if (parsed.GetResult(option) is { Implicit: false })
                    return option;
            }

            return null;
        }
    }

    /// <summary>What was given; null, and why, when it makes no sense.</summary>
    public DetailOptions? Read(ParseResult parsed, out string problem)
    {
        problem = string.Empty;
        ByteRanges? range = ByteRanges.All;
        ByteRanges? types = ByteRanges.All;
        foreach (Option<string?> option in (Option<string?>[])[_range, _types])
        {
            if (parsed.GetValue(option) is not { } text)
                continue;
            if (!ByteRanges.TryParse(text, out ByteRanges? read))
            {
                problem = $"'{text}' is not a range such as 0-99,500-";
                return null;
            }

            if (option == _range)
                range = read;
            else
                types = read;
        }

        bool all = parsed.GetValue(_all);
        return new DetailOptions
        {
            Headers = all || parsed.GetValue(_headers),
            Statistics = all || parsed.GetValue(_statistics),
            Lanes = all || parsed.GetValue(_lanes) || parsed.GetValue(_pending),
            Pending = parsed.GetValue(_pending),
            Heap = all || parsed.GetValue(_heap) || parsed.GetValue(_bitmaps),
            Bitmaps = all || parsed.GetValue(_bitmaps),
            Table = all || parsed.GetValue(_table),
            Map = all || parsed.GetValue(_map),
            Flog = all || parsed.GetValue(_flog),
            Data = parsed.GetValue(_data),
            Hex = parsed.GetValue(_hex),
            Range = range,
            Types = types,
            Replica = parsed.GetValue(_replica),
        };
    }
}
