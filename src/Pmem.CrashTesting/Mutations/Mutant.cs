using Pmem.Tracing;

namespace Pmem.CrashTesting.Mutations;

/// <summary>How a program is made wrong.</summary>
public enum MutationKind
{
    /// <summary>A flush is left out; a non-temporal store becomes an ordinary one that nothing flushes.</summary>
    DropFlush,

    /// <summary>A fence is left out.</summary>
    DropFence,

    /// <summary>Two neighbouring persists change places: what was durable second is durable first.</summary>
    SwapPersists,

    /// <summary>A store of one word is made byte by byte, from either end.</summary>
    TearStore,
}

/// <summary>
/// A program with one mistake: what happens at one place of its source is changed, every time it happens. Flushes and fences change nothing
/// that the program itself can see, so changing its trace is the same as changing its source.
/// </summary>
/// <param name="Kind">What is changed.</param>
/// <param name="Site">The place: method, and the how manieth place in it that makes events; two places for a swap. Does not change when lines move.</param>
public sealed record Mutant(MutationKind Kind, string Site)
{
    private MutationSites _sites = MutationSites.Empty;

    /// <summary>An event that is changed, for people.</summary>
    public string Example { get; private init; } = string.Empty;

    /// <summary>One line for people, and the key of lists of justified survivors.</summary>
    public override string ToString() => $"{Kind} {Site}";

    /// <summary>The traces that the wrong program could have made: none when they are all the same as that of the right one.</summary>
    internal IEnumerable<Trace> Apply(Trace trace)
    {
        List<TraceEvent>?[] variants = Kind switch
        {
            MutationKind.DropFlush => [Replace(trace, DropFlush)],
            MutationKind.DropFence => [Replace(trace, item => IsFence(item) && IsHere(item) ? [] : null)],
            MutationKind.TearStore => [TearWords(trace, lowFirst: true), TearWords(trace, lowFirst: false)],
            _ => [Swap(trace)],
        };
        return variants.OfType<List<TraceEvent>>().Select(events => trace with { Events = events });
    }

    /// <summary>All mistakes that can be made at the places that a trace went through.</summary>
    internal static IEnumerable<Mutant> Find(Trace trace, MutationSites sites)
    {
        foreach (TraceEvent item in trace.Events)
        {
            if (sites.Of(item) is not { } site)
                continue;
            Mutant Make(MutationKind kind) => new(kind, site) { _sites = sites, Example = item.ToString() };
            if (item.Kind == TraceEventKind.Flush || item is { Kind: TraceEventKind.Store, Store: StoreKind.NonTemporal })
                yield return Make(MutationKind.DropFlush);
            if (IsFence(item))
                yield return Make(MutationKind.DropFence);
            if (IsWord(item))
                yield return Make(MutationKind.TearStore);
        }

        List<Epoch> epochs = Epochs(trace);
        for (int i = 1; i < epochs.Count; i++)
        {
            (Epoch first, Epoch second) = (epochs[i - 1], epochs[i]);
            if (!CanSwap(trace, first, second))
                continue;
            yield return new Mutant(MutationKind.SwapPersists, SwapSite(trace, first, second, sites))
            {
                _sites = sites,
                Example = $"{trace.Events[first.End - 1]}, {trace.Events[second.End - 1]}",
            };
        }
    }

    private static bool IsFence(TraceEvent item) => item.Kind == TraceEventKind.Fence;

    private static bool IsWord(TraceEvent item) => item is { Kind: TraceEventKind.Store, Length: 8, Store: StoreKind.Ordered or StoreKind.NonTemporal } && item.Offset % 8 == 0;

    private bool IsHere(TraceEvent item) => string.Equals(_sites.Of(item), Site, StringComparison.Ordinal);

    private TraceEvent[]? DropFlush(TraceEvent item)
    {
        if (!IsHere(item))
            return null;
        if (item.Kind == TraceEventKind.Flush)
            return [];
        return item is { Kind: TraceEventKind.Store, Store: StoreKind.NonTemporal } ? [item with { Store = item.Length > 8 ? StoreKind.Bulk : StoreKind.Ordered }] : null;
    }

    /// <summary>Tears the words that differ from what they overwrite in more than one byte: others cannot tear.</summary>
    private List<TraceEvent>? TearWords(Trace trace, bool lowFirst)
    {
        var words = new Dictionary<long, ulong>();
        return Replace(trace, item =>
        {
            bool tears = false;
            if (IsWord(item))
            {
                ulong before = words.TryGetValue(item.Offset, out ulong known) ? known : BitConverter.ToUInt64(trace.Initial, (int)item.Offset);
                tears = IsHere(item) && ChangedBytes(before ^ BitConverter.ToUInt64(item.Bytes)) > 1;
            }

            if (item.Kind == TraceEventKind.Store)
                Remember(words, trace, item);
            return tears ? Tear(item, lowFirst) : null;
        });
    }

    private static int ChangedBytes(ulong difference)
    {
        int count = 0;
        for (; difference != 0; difference >>= 8)
            count += (difference & 0xFF) != 0 ? 1 : 0;
        return count;
    }

    private static void Remember(Dictionary<long, ulong> words, Trace trace, TraceEvent item)
    {
        Span<byte> word = stackalloc byte[8];
        for (long at = item.Offset & -8; at < item.Offset + item.Length; at += 8)
        {
            if (at + 8 > trace.Initial.Length)
                return;
            BitConverter.TryWriteBytes(word, words.TryGetValue(at, out ulong known) ? known : BitConverter.ToUInt64(trace.Initial, (int)at));
            for (int i = 0; i < 8; i++)
            {
                long from = at + i - item.Offset;
                if (from >= 0 && from < item.Length)
                    word[i] = item.Bytes[(int)from];
            }

            words[at] = BitConverter.ToUInt64(word);
        }
    }

    private static TraceEvent[] Tear(TraceEvent item, bool lowFirst)
    {
        var parts = new TraceEvent[8];
        for (int j = 0; j < parts.Length; j++)
        {
            int i = lowFirst ? j : parts.Length - 1 - j;
            parts[j] = item with { Offset = item.Offset + i, Length = 1, Bytes = [item.Bytes[i]], Store = StoreKind.Ordered };
        }

        if (item.Store == StoreKind.Ordered)
            return parts;

        // A flush in the place of the store past the cache.
        return [.. parts, item with { Kind = TraceEventKind.Flush, Bytes = [], Store = StoreKind.Ordered }];
    }

    private static List<TraceEvent>? Replace(Trace trace, Func<TraceEvent, TraceEvent[]?> replace)
    {
        bool changed = false;
        var events = new List<TraceEvent>(trace.Events.Count);
        foreach (TraceEvent item in trace.Events)
        {
            if (replace(item) is { } instead)
            {
                changed = true;
                events.AddRange(instead);
            }
            else
            {
                events.Add(item);
            }
        }

        return changed ? events : null;
    }

    private List<TraceEvent>? Swap(Trace trace)
    {
        List<Epoch> epochs = Epochs(trace);
        var events = new List<TraceEvent>(trace.Events);
        bool changed = false;
        for (int i = 1; i < epochs.Count; i++)
        {
            (Epoch first, Epoch second) = (epochs[i - 1], epochs[i]);
            if (!CanSwap(trace, first, second) || !string.Equals(SwapSite(trace, first, second, _sites), Site, StringComparison.Ordinal))
                continue;
            List<TraceEvent> both = [.. trace.Events.Skip(second.Start).Take(second.End - second.Start), .. trace.Events.Skip(first.Start).Take(first.End - first.Start)];
            for (int j = 0; j < both.Count; j++)
                events[first.Start + j] = both[j];
            changed = true;
            i++; // the second has moved
        }

        return changed ? events : null;
    }

    private readonly record struct Epoch(int Start, int End, int Thread);

    /// <summary>Stretches of events of one thread that end with a fence and hold a store; notes and marks end them too.</summary>
    private static List<Epoch> Epochs(Trace trace)
    {
        var epochs = new List<Epoch>();
        int start = 0;
        bool stores = false;
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            stores |= item.Kind == TraceEventKind.Store;
            if (IsFence(item) && stores)
                epochs.Add(new Epoch(start, i + 1, item.Thread));
            if (IsFence(item) || item.Kind is TraceEventKind.Mark || item is { Kind: TraceEventKind.Note, Note: TraceNote.OperationBegin or TraceNote.OperationEnd })
            {
                start = i + 1;
                stores = false;
            }
        }

        return epochs;
    }

    private static bool CanSwap(Trace trace, Epoch first, Epoch second)
    {
        if (second.Start != first.End)
            return false;
        var touched = new HashSet<long>();
        for (int i = first.Start; i < first.End; i++)
        {
            if (trace.Events[i].Thread != first.Thread)
                return false;
            if (trace.Events[i].Kind == TraceEventKind.Store)
                AddWords(touched, trace.Events[i]);
        }

        for (int i = second.Start; i < second.End; i++)
        {
            if (trace.Events[i].Thread != first.Thread)
                return false;
            if (trace.Events[i].Kind == TraceEventKind.Store && Overlaps(touched, trace.Events[i]))
                return false; // the same words: another order would be another program
        }

        return true;
    }

    private static string SwapSite(Trace trace, Epoch first, Epoch second, MutationSites sites) =>
        $"{sites.Of(trace.Events[first.End - 1]) ?? "?"} with {sites.Of(trace.Events[second.End - 1]) ?? "?"}";

    private static void AddWords(HashSet<long> words, TraceEvent item)
    {
        for (long at = item.Offset & -8; at < item.Offset + item.Length; at += 8)
            words.Add(at);
    }

    private static bool Overlaps(HashSet<long> words, TraceEvent item)
    {
        for (long at = item.Offset & -8; at < item.Offset + item.Length; at += 8)
        {
            if (words.Contains(at))
                return true;
        }

        return false;
    }
}
