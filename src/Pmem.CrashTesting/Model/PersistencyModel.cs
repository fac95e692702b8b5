using Pmem.Tracing;

namespace Pmem.CrashTesting.Model;

/// <summary>
/// What a crash can leave, at one point of a trace.
///
/// Cache lines are independent. What survives of a line is a prefix of its stores, somewhere between what a completed flush and fence
/// guarantee and everything issued so far (Px86). Stores are split into aligned 8-byte fragments: one fragment is atomic; a store of several
/// can tear, but only as the last one that survived of its line. Non-temporal fragments that no fence of their thread has passed may be there
/// or not, each for itself. Flushes take effect at their thread's next fence, <c>clflush</c> and deep flushes at once.
/// With caches that survive (byte granularity) only the last store can be torn. Behind a page cache only a sync guarantees.
/// When ADR fails, only deep flushes count.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class PersistencyModel
{
    /// <summary>Bytes of a cache line.</summary>
    public const int LineSize = 64;

    private const int WordSize = 8;
    private const int PageSize = 4096;

    private enum Rules
    {
        Visible,
        Lines,
        DeepOnly,
        Pages,
    }

    private readonly Rules _rules;
    private readonly byte[]? _base;
    private readonly long _length;
    private readonly LineReader _read;
    private readonly Dictionary<long, PendingLine> _lines = [];
    private readonly Dictionary<int, Dictionary<long, long>> _flushed = [];
    private readonly Dictionary<int, HashSet<long>> _loose = [];
    private readonly Dictionary<long, byte[]> _changed = [];
    private readonly List<long> _lastStore = [];
    private readonly List<Fragment> _fragments = [];
    private PendingLine[]? _sorted;
    private long _sequence;
    private int _eventIndex;

    /// <summary>Starts with an image that is durable.</summary>
    /// <param name="initial">The image; it is copied.</param>
    /// <param name="granularity">How the map becomes durable.</param>
    /// <param name="kind">Power loss with or without ADR.</param>
    public PersistencyModel(byte[] initial, StoreGranularity granularity, CrashKind kind = CrashKind.PowerLoss)
        : this(initial.Length, static (_, _) => { }, granularity, kind)
    {
        byte[] copy = [.. initial];
        _base = copy;
        _read = (line, content) => copy.AsSpan((int)line, content.Length).CopyTo(content);
    }

    /// <summary>Starts with an image that somebody else keeps, and to whom <see cref="Changes"/> are told.</summary>
    internal PersistencyModel(long length, LineReader read, StoreGranularity granularity, CrashKind kind)
    {
        _length = length;
        _read = read;
        _rules = (granularity, kind) switch
        {
            (StoreGranularity.Page, _) => Rules.Pages,
            (StoreGranularity.Byte, CrashKind.PowerLossWithoutAdr) => Rules.Lines,
            (StoreGranularity.Byte, _) => Rules.Visible,
            (_, CrashKind.PowerLossWithoutAdr) => Rules.DeepOnly,
            _ => Rules.Lines,
        };
    }

    /// <summary>Reads what is durable of a line that has no pending stores.</summary>
    internal delegate void LineReader(long line, Span<byte> content);

    /// <summary>The image in which nothing survived that is not guaranteed.</summary>
    public ReadOnlySpan<byte> Guaranteed => _base;

    /// <summary>Lines of which more than the guaranteed content may survive, by offset.</summary>
    public IReadOnlyList<PendingLine> Pending
    {
        get
        {
            if (_sorted is null)
            {
                _sorted = [.. _lines.Values];
                Array.Sort(_sorted, static (a, b) => a.Offset.CompareTo(b.Offset));
            }

            return _sorted;
        }
    }

    /// <summary>Lines whose guaranteed content changed since <see cref="ForgetChanges"/>, with that content.</summary>
    internal IReadOnlyDictionary<long, byte[]> Changes => _changed;

    /// <summary>The line at an offset, or null when nothing of it is pending.</summary>
    internal PendingLine? Find(long offset) => _lines.GetValueOrDefault(offset);

    internal void ForgetChanges() => _changed.Clear();

    /// <summary>Whether the event will make anything durable that is not yet: the only places where a crash can leave something new.</summary>
    public bool Folds(TraceEvent item) => item.Kind switch
    {
        TraceEventKind.Fence => FenceFolds(item),
        TraceEventKind.Store when _rules == Rules.Visible => _lastStore.Count > 0 || FenceFolds(item),
        TraceEventKind.Store => item.Store == StoreKind.ReadModifyWrite && FenceFolds(item),
        TraceEventKind.Flush => (_rules == Rules.Pages && AnyPending(item, PageSize)) || (IsOrderedFlush(item) && AnyPending(item, LineSize)),
        TraceEventKind.DeepFlush => AnyPending(item, _rules == Rules.Pages ? PageSize : LineSize) || FenceFolds(item),
        _ => false,
    };

    /// <summary>Takes the next event into account.</summary>
    public void Apply(TraceEvent item)
    {
        switch (item.Kind)
        {
            case TraceEventKind.Store:
                ApplyStore(item);
                break;
            case TraceEventKind.Flush when _rules == Rules.Pages:
                GuaranteeRange(item, PageSize);
                break;
            case TraceEventKind.Flush when IsOrderedFlush(item):
                GuaranteeRange(item, LineSize);
                break;
            case TraceEventKind.Flush:
                ApplyFlush(item);
                break;
            case TraceEventKind.Fence:
                if (item.Fence != FenceKind.Load)
                    Fence(item.Thread);
                break;
            case TraceEventKind.DeepFlush:
                GuaranteeRange(item, _rules == Rules.Pages ? PageSize : LineSize);
                Fence(item.Thread);
                break;
        }

        _eventIndex++;
    }

    private bool IsOrderedFlush(TraceEvent item) => item.Flush == FlushKind.Ordered && _rules == Rules.Lines;

    private bool FenceFolds(TraceEvent item)
    {
        if (_rules is Rules.Pages or Rules.DeepOnly || (item.Kind == TraceEventKind.Fence && item.Fence == FenceKind.Load))
            return false;
        if (item.Kind == TraceEventKind.Store && item.Store != StoreKind.ReadModifyWrite)
            return false;
        if (_rules == Rules.Visible && _lastStore.Count > 0)
            return true;
        if (_loose.TryGetValue(item.Thread, out HashSet<long>? loose) && loose.Count > 0)
            return true;
        if (_flushed.TryGetValue(item.Thread, out Dictionary<long, long>? marks))
        {
            foreach ((long line, long mark) in marks)
            {
                if (_lines.TryGetValue(line, out PendingLine? pending) && pending.HasUnguaranteed(mark))
                    return true;
            }
        }

        return false;
    }

    private bool AnyPending(TraceEvent item, int unit)
    {
        foreach (PendingLine line in InRange(item, unit))
        {
            if (!line.IsEmpty)
                return true;
        }

        return false;
    }

    private List<PendingLine> InRange(TraceEvent item, int unit)
    {
        var found = new List<PendingLine>();
        long first = item.Offset & -unit;
        long end = (item.Offset + item.Length + unit - 1) & -unit;
        if ((end - first) / LineSize > _lines.Count)
        {
            foreach (PendingLine line in _lines.Values)
            {
                if (line.Offset >= first && line.Offset < end)
                    found.Add(line);
            }
        }
        else
        {
            for (long at = first; at < end; at += LineSize)
            {
                if (_lines.TryGetValue(at, out PendingLine? line))
                    found.Add(line);
            }
        }

        return found;
    }

    private void ApplyStore(TraceEvent item)
    {
        if (item.Store == StoreKind.ReadModifyWrite)
            Fence(item.Thread);
        bool nonTemporal = item.Store == StoreKind.NonTemporal && _rules != Rules.Pages;
        if (_rules == Rules.Visible)
        {
            // Caches survive: what is visible is durable. Only the newest store may be on its way, or torn.
            SettleLastStore();
        }

        _sequence++;
        _sorted = null;
        long end = item.Offset + item.Length;
        for (long line = item.Offset & -LineSize; line < end; line += LineSize)
        {
            long from = Math.Max(item.Offset, line);
            long to = Math.Min(end, line + LineSize);
            if (!_lines.TryGetValue(line, out PendingLine? pending))
                _lines[line] = pending = NewLine(line);
            Split(item, from, to);
            pending.Add(_eventIndex, item.Thread, _sequence, _fragments, nonTemporal);
            if (nonTemporal)
                LooseOf(item.Thread).Add(line);
            else if (_rules == Rules.Visible)
                _lastStore.Add(line);
        }
    }

    private PendingLine NewLine(long line)
    {
        Span<byte> content = stackalloc byte[(int)Math.Min(LineSize, _length - line)];
        if (_changed.TryGetValue(line, out byte[]? changed))
            changed.AsSpan(0, content.Length).CopyTo(content);
        else
            _read(line, content);
        return new PendingLine(line, content);
    }

    private void SettleLastStore()
    {
        foreach (long line in _lastStore)
        {
            if (_lines.TryGetValue(line, out PendingLine? earlier))
                Change(earlier, l => l.Guarantee(long.MaxValue));
        }

        _lastStore.Clear();
    }

    private void Split(TraceEvent item, long from, long to)
    {
        _fragments.Clear();
        for (long at = from; at < to;)
        {
            long next = Math.Min(to, (at & -WordSize) + WordSize);
            _fragments.Add(new Fragment((int)(at % LineSize), item.Bytes.AsMemory((int)(at - item.Offset), (int)(next - at))));
            at = next;
        }
    }

    private void ApplyFlush(TraceEvent item)
    {
        if (_rules != Rules.Lines)
            return;
        if (!_flushed.TryGetValue(item.Thread, out Dictionary<long, long>? marks))
            _flushed[item.Thread] = marks = [];
        foreach (PendingLine line in InRange(item, LineSize))
            marks[line.Offset] = line.LastSequence;
    }

    private void Fence(int thread)
    {
        if (_rules is Rules.Pages or Rules.DeepOnly)
            return;
        SettleLastStore();
        if (_flushed.TryGetValue(thread, out Dictionary<long, long>? marks))
        {
            foreach ((long line, long mark) in marks)
            {
                if (_lines.TryGetValue(line, out PendingLine? pending))
                    Change(pending, l => l.Guarantee(mark));
            }

            marks.Clear();
        }

        if (_loose.TryGetValue(thread, out HashSet<long>? loose))
        {
            foreach (long line in loose)
            {
                if (_lines.TryGetValue(line, out PendingLine? pending))
                    Change(pending, l => l.GuaranteeLoose(thread));
            }

            loose.Clear();
        }
    }

    private void GuaranteeRange(TraceEvent item, int unit)
    {
        foreach (PendingLine line in InRange(item, unit))
        {
            if (_rules == Rules.Pages)
                Change(line, l => l.GuaranteeAll());
            else
                Change(line, l => l.Guarantee(long.MaxValue));
            if (_rules == Rules.DeepOnly)
                Change(line, l => l.GuaranteeLoose(item.Thread));
        }
    }

    private void Change(PendingLine line, Action<PendingLine> change)
    {
        change(line);
        if (_base is null)
            _changed[line.Offset] = line.Guaranteed.ToArray();
        else
            line.Guaranteed.CopyTo(_base.AsSpan((int)line.Offset));
        if (line.IsEmpty)
            _lines.Remove(line.Offset);
        _sorted = null;
    }

    private HashSet<long> LooseOf(int thread)
    {
        if (!_loose.TryGetValue(thread, out HashSet<long>? lines))
            _loose[thread] = lines = [];
        return lines;
    }
}
