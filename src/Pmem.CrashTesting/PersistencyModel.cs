using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>
/// What a power failure can leave, at one point of a trace.
///
/// Cache lines are independent. What survives of a line is a prefix of its stores, somewhere between what a completed flush and fence
/// guarantee and everything issued so far (Px86). Stores are split into aligned 8-byte fragments: one fragment is atomic; a store of several
/// can tear, but only as the last one that survived of its line. Non-temporal fragments that no fence of their thread has passed may be there
/// or not, each for itself.
/// </summary>
public sealed class PersistencyModel
{
    /// <summary>Bytes of a cache line.</summary>
    public const int LineSize = 64;

    private const int WordSize = 8;
    private const int PageSize = 4096;

    private readonly StoreGranularity _granularity;
    private readonly byte[] _base;
    private readonly SortedDictionary<long, PendingLine> _lines = [];
    private readonly Dictionary<int, Dictionary<long, int>> _flushed = [];

    /// <summary>Starts with an image that is durable.</summary>
    public PersistencyModel(byte[] initial, StoreGranularity granularity)
    {
        _base = [.. initial];
        _granularity = granularity;
    }

    /// <summary>The image in which nothing survived that is not guaranteed.</summary>
    public ReadOnlySpan<byte> Guaranteed => _base;

    /// <summary>Lines of which more than the guaranteed content may survive, in order.</summary>
    public IReadOnlyCollection<PendingLine> Pending => _lines.Values;

    /// <summary>Whether the event will make anything durable that is not yet: the only places where a crash can leave something new.</summary>
    public bool Folds(TraceEvent item) => item.Kind switch
    {
        TraceEventKind.Fence => FenceFolds(item.Thread),
        TraceEventKind.Store => item.Store == StoreKind.ReadModifyWrite && FenceFolds(item.Thread),
        TraceEventKind.Flush => _granularity == StoreGranularity.Page && AnyPending(item, PageSize),
        TraceEventKind.DeepFlush => AnyPending(item, _granularity == StoreGranularity.Page ? PageSize : LineSize),
        _ => false,
    };

    /// <summary>Takes an event into account.</summary>
    public void Apply(TraceEvent item)
    {
        switch (item.Kind)
        {
            case TraceEventKind.Store:
                ApplyStore(item);
                break;
            case TraceEventKind.Flush when _granularity == StoreGranularity.Page:
                FoldRange(item, PageSize);
                break;
            case TraceEventKind.Flush:
                ApplyFlush(item);
                break;
            case TraceEventKind.Fence:
                Fence(item.Thread);
                break;
            case TraceEventKind.DeepFlush:
                FoldRange(item, _granularity == StoreGranularity.Page ? PageSize : LineSize);
                break;
        }
    }

    private bool FenceFolds(int thread)
    {
        if (_granularity == StoreGranularity.Page)
            return false;
        if (_flushed.TryGetValue(thread, out Dictionary<long, int>? marks))
        {
            foreach ((long line, int count) in marks)
            {
                if (count > 0 && _lines.ContainsKey(line))
                    return true;
            }
        }

        foreach (PendingLine line in _lines.Values)
        {
            if (line.HasLoose(thread))
                return true;
        }

        return false;
    }

    private bool AnyPending(TraceEvent item, int unit)
    {
        long first = item.Offset & -unit;
        long end = (item.Offset + item.Length + unit - 1) & -unit;
        foreach (long line in _lines.Keys)
        {
            if (line >= first && line < end)
                return true;
        }

        return false;
    }

    private void ApplyStore(TraceEvent item)
    {
        if (item.Store == StoreKind.ReadModifyWrite)
            Fence(item.Thread);
        if (_granularity == StoreGranularity.Byte)
        {
            // Caches survive: visible is durable.
            item.Bytes.CopyTo(_base, item.Offset);
            return;
        }

        long end = item.Offset + item.Length;
        for (long line = item.Offset & -LineSize; line < end; line += LineSize)
        {
            long from = Math.Max(item.Offset, line);
            long to = Math.Min(end, line + LineSize);
            if (!_lines.TryGetValue(line, out PendingLine? pending))
                _lines[line] = pending = new PendingLine(line);
            pending.Add(item.Thread, Split(item, from, to), item.Store == StoreKind.NonTemporal);
        }
    }

    private static List<Fragment> Split(TraceEvent item, long from, long to)
    {
        var fragments = new List<Fragment>();
        for (long at = from; at < to;)
        {
            long next = Math.Min(to, (at & -WordSize) + WordSize);
            fragments.Add(new Fragment((int)(at % LineSize), item.Bytes[(int)(at - item.Offset)..(int)(next - item.Offset)]));
            at = next;
        }

        return fragments;
    }

    private void ApplyFlush(TraceEvent item)
    {
        if (!_flushed.TryGetValue(item.Thread, out Dictionary<long, int>? marks))
            _flushed[item.Thread] = marks = [];
        for (long line = item.Offset & -LineSize; line < item.Offset + item.Length; line += LineSize)
        {
            if (_lines.TryGetValue(line, out PendingLine? pending))
                marks[line] = pending.GroupCount;
        }
    }

    private void Fence(int thread)
    {
        if (_granularity == StoreGranularity.Page)
            return;
        if (_flushed.Remove(thread, out Dictionary<long, int>? marks))
        {
            foreach ((long line, int count) in marks)
            {
                if (_lines.TryGetValue(line, out PendingLine? pending))
                    Fold(pending, count);
            }
        }

        foreach (PendingLine pending in _lines.Values.Where(l => l.HasLoose(thread)).ToArray())
        {
            // A non-temporal store writes the line's older content back before it.
            Fold(pending, pending.GroupsBeforeLoose(thread));
            pending.FoldLoose(thread, _base);
            Forget(pending);
        }
    }

    private void FoldRange(TraceEvent item, int unit)
    {
        long first = item.Offset & -unit;
        long end = (item.Offset + item.Length + unit - 1) & -unit;
        foreach (PendingLine pending in _lines.Values.Where(l => l.Offset >= first && l.Offset < end).ToArray())
        {
            pending.FoldAll(_base);
            Fold(pending, pending.GroupCount);
            _lines.Remove(pending.Offset);
        }
    }

    private void Fold(PendingLine pending, int count)
    {
        if (count <= 0)
            return;
        pending.Fold(count, _base);
        foreach (Dictionary<long, int> marks in _flushed.Values)
        {
            if (marks.TryGetValue(pending.Offset, out int mark))
                marks[pending.Offset] = Math.Max(0, mark - count);
        }

        Forget(pending);
    }

    private void Forget(PendingLine pending)
    {
        if (pending.IsEmpty)
            _lines.Remove(pending.Offset);
    }
}

/// <summary>Up to eight bytes of a line that are stored at once.</summary>
/// <param name="Position">First byte in the line.</param>
/// <param name="Bytes">What is stored.</param>
internal sealed record Fragment(int Position, byte[] Bytes);
