using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>
/// Records what is done to one map. Stores that a program makes through spans and references are not reported by the map; give their ranges,
/// and the recorder finds them by comparing at each event.
/// </summary>
public sealed class TraceRecorder : ITraceSink, IDisposable
{
    private const int Word = sizeof(ulong);

    private readonly PersistentMap _map;
    private readonly (long Offset, int Length)[] _raw;
    private readonly byte[] _initial;
    private readonly byte[] _shadow;
    private readonly List<TraceEvent> _events = [];
    private readonly IDisposable _attachment;

    /// <summary>Starts recording; what the map holds now counts as durable.</summary>
    /// <param name="map">The map.</param>
    /// <param name="rawRanges">Ranges that the program writes directly.</param>
    public TraceRecorder(PersistentMap map, params (long Offset, int Length)[] rawRanges)
    {
        _map = map;
        _raw = rawRanges;
        _initial = map.GetSpan(0, checked((int)map.Length)).ToArray();
        _shadow = [.. _initial];
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>Stops recording and returns the trace.</summary>
    public Trace Stop()
    {
        _attachment.Dispose();
        CaptureRaw();
        return new Trace(_initial, _map.Granularity, _events);
    }

    /// <summary>Stops recording.</summary>
    public void Dispose() => _attachment.Dispose();

    /// <summary>The first byte that differs from what was recorded, or -1: a store that was neither reported nor inside a raw range.</summary>
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
        // The trace ends with the recording, not with the map.
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        if (!ReferenceEquals(map, _map))
            return;
        CaptureRaw(offset, bytes.Length);
        bytes.CopyTo(_shadow.AsSpan((int)offset));
        Add(TraceEventKind.Store, offset, bytes.Length, bytes.ToArray(), kind);
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length) => OnRange(map, TraceEventKind.Flush, offset, length);

    void ITraceSink.OnFence(PersistentMap map) => OnRange(map, TraceEventKind.Fence, 0, 0);

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => OnRange(map, TraceEventKind.DeepFlush, offset, length);

    void ITraceSink.OnMark(string name)
    {
        CaptureRaw();
        _events.Add(new TraceEvent(TraceEventKind.Mark, Environment.CurrentManagedThreadId, 0, 0, [], StoreKind.Ordered, name));
    }

    private void OnRange(PersistentMap map, TraceEventKind kind, long offset, long length)
    {
        if (!ReferenceEquals(map, _map))
            return;
        CaptureRaw();
        Add(kind, offset, length, [], StoreKind.Ordered);
    }

    private void Add(TraceEventKind kind, long offset, long length, byte[] bytes, StoreKind store) =>
        _events.Add(new TraceEvent(kind, Environment.CurrentManagedThreadId, offset, length, bytes, store));

    /// <summary>Records words that changed in the raw ranges, except where a reported store is about to be recorded.</summary>
    private void CaptureRaw(long exceptOffset = 0, long exceptLength = 0)
    {
        foreach ((long offset, int length) in _raw)
        {
            Span<byte> now = _map.GetSpan(offset, length);
            if (now.SequenceEqual(_shadow.AsSpan((int)offset, length)))
                continue;
            for (int i = 0; i < length; i += Word)
            {
                int size = Math.Min(Word, length - i);
                long at = offset + i;
                if (at + size > exceptOffset && at < exceptOffset + exceptLength)
                    continue;
                Span<byte> word = now.Slice(i, size);
                if (word.SequenceEqual(_shadow.AsSpan((int)at, size)))
                    continue;
                word.CopyTo(_shadow.AsSpan((int)at));
                Add(TraceEventKind.Store, at, size, word.ToArray(), StoreKind.Ordered);
            }
        }
    }
}
