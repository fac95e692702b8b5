using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>
/// Records what is done to one map. Stores that a program makes through spans and references are not reported by the map: the recorder finds
/// them by comparing, at each event, the ranges that may hold them: those given, those that transactions and allocations announce, and the
/// whole map when it is small and none are given. Their order within a line is not known, so any of them may have come first.
/// </summary>
/// <remarks>Thread-safe while recording; <see cref="Stop"/> only after the program's threads are done.</remarks>
public sealed class TraceRecorder : ITraceSink, IDisposable
{
    // Maps of at most so many bytes are compared whole.
    private const long SmallMap = 256 << 10;

    private readonly PersistentMap _map;
    private readonly (long Offset, int Length)[] _raw;
    private readonly List<(long Offset, int Length, int Thread)> _announced = [];
    private readonly HashSet<int> _inTransaction = [];

    // Threads that work on the map: what others say of no map in particular is not about this one.
    private readonly HashSet<int> _threads = [Environment.CurrentManagedThreadId];
    private readonly Dictionary<int, List<TraceEvent>> _held = [];
    private readonly Dictionary<SourceStack.StackKey, SourceStack> _stacks = [];
    private readonly byte[] _initial;
    private readonly byte[] _shadow;
    private readonly List<TraceEvent> _events = [];
    private readonly Action<TraceEvent> _add;
    private readonly bool _captureStacks;
    private readonly IDisposable _attachment;

    /// <summary>Starts recording; what the map holds now counts as durable.</summary>
    /// <param name="map">The map.</param>
    /// <param name="rawRanges">Ranges that the program writes directly.</param>
    public TraceRecorder(PersistentMap map, params (long Offset, int Length)[] rawRanges)
        : this(map, captureStacks: false, rawRanges)
    {
    }

    /// <summary>Starts recording; what the map holds now counts as durable.</summary>
    /// <param name="map">The map.</param>
    /// <param name="captureStacks">Whether to remember where in the program each event happened; costs several microseconds an event.</param>
    /// <param name="rawRanges">Ranges that the program writes directly.</param>
    public TraceRecorder(PersistentMap map, bool captureStacks, params (long Offset, int Length)[] rawRanges)
        : this(map, captureStacks, output: null, rawRanges)
    {
    }

    /// <summary>Hands events out instead of keeping them.</summary>
    internal TraceRecorder(PersistentMap map, bool captureStacks, Action<TraceEvent>? output, params (long Offset, int Length)[] rawRanges)
    {
        ArgumentNullException.ThrowIfNull(map);
        _add = output ?? _events.Add;
        _map = map;
        _captureStacks = captureStacks;
        _raw = rawRanges.Length == 0 && map.Length <= SmallMap ? [(0, (int)map.Length)] : rawRanges;
        _initial = map.GetSpan(0, checked((int)map.Length)).ToArray();
        _shadow = [.. _initial];
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>Records only what the map reports, and no initial image: for maps that are explored in place.</summary>
    internal static TraceRecorder ReportedOnly(PersistentMap map) => new(map);

    private TraceRecorder(PersistentMap map)
    {
        _add = _events.Add;
        _map = map;
        _raw = [];
        _initial = [];
        _shadow = [];
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>What the map held when recording began.</summary>
    internal ReadOnlySpan<byte> Initial => _initial;

    /// <summary>Events recorded so far: in a sink's callback, those before the event that it is told of, and perhaps that one.</summary>
    public int EventCount => _events.Count;

    /// <summary>Stops recording and returns the trace.</summary>
    public Trace Stop()
    {
        _attachment.Dispose();
        CaptureRaw(null);
        return new Trace(_initial, _map.Granularity, _events);
    }

    /// <summary>Stops recording.</summary>
    public void Dispose() => _attachment.Dispose();

    /// <summary>The first byte that differs from what was recorded, or -1: a store that was neither reported nor inside a watched range.</summary>
    public long FindUntracedStore()
    {
        int at = _map.GetSpan(0, _shadow.Length).CommonPrefixLength(_shadow);
        return at == _shadow.Length ? -1 : at;
    }

    void ITraceSink.OnMap(PersistentMap map)
    {
        // Only the one map is of interest.
    }

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        if (ReferenceEquals(map, _map))
            CaptureRaw(Stack());
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        if (!ReferenceEquals(map, _map))
            return;
        Touch(Thread);
        SourceStack? stack = Stack();
        CaptureRaw(stack, offset, bytes.Length);
        if (_shadow.Length > 0)
            bytes.CopyTo(_shadow.AsSpan((int)offset));
        _add(new TraceEvent(TraceEventKind.Store, Thread, offset, bytes.Length, bytes.ToArray(), kind) { Source = stack });
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length) => OnRange(map, TraceEventKind.Flush, offset, length);

    void ITraceSink.OnFence(PersistentMap map) => OnRange(map, TraceEventKind.Fence, 0, 0);

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => OnRange(map, TraceEventKind.DeepFlush, offset, length);

    void ITraceSink.OnMark(string name)
    {
        if (!_threads.Contains(Thread))
            return; // another test's
        SourceStack? stack = Stack();
        CaptureRaw(stack);
        ForgetAllocations();
        _add(new TraceEvent(TraceEventKind.Mark, Thread, 0, 0, [], StoreKind.Ordered, name) { Source = stack });
    }

    void ITraceSink.OnNote(PersistentMap? map, TraceNote note, long offset, long length, string? text)
    {
        if (map is not null && !ReferenceEquals(map, _map))
            return;
        SourceStack? stack = Stack();
        int thread = Thread;
        if (map is not null)
        {
            Touch(thread);
        }
        else if (!_threads.Contains(thread))
        {
            // Meant for a map that the thread has not touched yet, this one or another test's.
            Hold(thread, note, text, stack);
            return;
        }

        CaptureRaw(stack);
        switch (note)
        {
            case TraceNote.TransactionBegin:
                _inTransaction.Add(thread);
                break;
            case TraceNote.TransactionAdd or TraceNote.Allocate when length is > 0 and <= int.MaxValue:
                _announced.Add((offset, (int)length, thread));
                break;
            case TraceNote.TransactionCommit or TraceNote.TransactionAbort:
                _inTransaction.Remove(thread);
                _announced.RemoveAll(r => r.Thread == thread);
                break;
            case TraceNote.OperationEnd:
                ForgetAllocations();
                break;
        }

        _add(new TraceEvent(TraceEventKind.Note, thread, offset, length, [], StoreKind.Ordered, text) { Note = note, Source = stack });
    }

    private static int Thread => Environment.CurrentManagedThreadId;

    private void Touch(int thread)
    {
        if (_threads.Add(thread) && _held.Remove(thread, out List<TraceEvent>? held))
            held.ForEach(_add);
    }

    // Acceptances that the thread has begun and not ended.
    private void Hold(int thread, TraceNote note, string? text, SourceStack? stack)
    {
        if (!_held.TryGetValue(thread, out List<TraceEvent>? held))
            _held[thread] = held = [];
        if (note == TraceNote.AcceptEnd && held.Count > 0)
            held.RemoveAt(held.Count - 1);
        else if (note != TraceNote.AcceptEnd)
            held.Add(new TraceEvent(TraceEventKind.Note, thread, 0, 0, [], StoreKind.Ordered, text) { Note = note, Source = stack });
    }

    // Once acknowledged, what an allocation outside a transaction gave is the program's; it says so if it changes it.
    private void ForgetAllocations() => _announced.RemoveAll(r => !_inTransaction.Contains(r.Thread));

    private SourceStack? Stack() => _captureStacks ? SourceStack.Capture(_stacks) : null;

    private void OnRange(PersistentMap map, TraceEventKind kind, long offset, long length)
    {
        if (!ReferenceEquals(map, _map))
            return;
        Touch(Thread);
        SourceStack? stack = Stack();
        CaptureRaw(stack);
        _add(new TraceEvent(kind, Thread, offset, length, [], StoreKind.Ordered) { Source = stack });
    }

    /// <summary>Records bytes that changed in the watched ranges, except where a reported store is about to be recorded.</summary>
    private void CaptureRaw(SourceStack? stack, long exceptOffset = 0, long exceptLength = 0)
    {
        if (_map.Length == 0 || _shadow.Length == 0)
            return; // disposed, or nothing to compare with
        long exceptEnd = exceptOffset + exceptLength;
        foreach ((long offset, int length) in _raw)
            Capture(stack, offset, length, exceptOffset, exceptEnd);
        foreach ((long offset, int length, _) in _announced)
            Capture(stack, offset, length, exceptOffset, exceptEnd);
    }

    private void Capture(SourceStack? stack, long offset, int length, long exceptOffset, long exceptEnd)
    {
        long end = offset + length;
        if (exceptEnd <= offset || exceptOffset >= end || exceptEnd == exceptOffset)
        {
            CapturePiece(stack, offset, end);
            return;
        }

        CapturePiece(stack, offset, Math.Max(offset, exceptOffset));
        CapturePiece(stack, Math.Min(end, exceptEnd), end);
    }

    private void CapturePiece(SourceStack? stack, long from, long to)
    {
        const int Line = Model.PersistencyModel.LineSize;
        while (from < to)
        {
            ReadOnlySpan<byte> now = _map.GetSpan(from, (int)(to - from));
            ReadOnlySpan<byte> before = _shadow.AsSpan((int)from, (int)(to - from));
            int same = now.CommonPrefixLength(before);
            if (same == now.Length)
                return;
            long first = from + same;
            int inLine = (int)Math.Min(to - first, Line - (first % Line));
            now = now.Slice(same, inLine);
            before = before.Slice(same, inLine);
            int last = inLine;
            while (now[last - 1] == before[last - 1])
                last--;
            byte[] bytes = now[..last].ToArray();
            bytes.CopyTo(_shadow.AsSpan((int)first));
            _add(new TraceEvent(TraceEventKind.Store, Thread, first, last, bytes, last > sizeof(ulong) ? StoreKind.Bulk : StoreKind.Ordered) { IsRaw = true, Source = stack });
            from = first + inLine;
        }
    }
}
