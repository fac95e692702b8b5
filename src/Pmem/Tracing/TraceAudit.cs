namespace Pmem.Tracing;

/// <summary>Bytes that changed without a traced store.</summary>
/// <param name="Map">Where.</param>
/// <param name="Offset">First byte, from the start of the map.</param>
/// <param name="Length">Length in bytes.</param>
public readonly record struct UntracedStore(PersistentMap Map, long Offset, long Length);

/// <summary>
/// Finds stores that bypassed tracing: keeps a copy of each map it sees, applies every traced store to it, and compares at each fence, the end
/// of an epoch. What differs was written through a span, a reference or a pointer, and a crash test would not know of it.
/// </summary>
/// <remarks>Attach it before the maps are made, or <see cref="Watch"/> them. Compares whole maps: for tests with small ones. Thread-safe.</remarks>
public sealed class TraceAudit : ITraceSink
{
    private readonly Dictionary<PersistentMap, byte[]> _shadows = [];
    private readonly List<UntracedStore> _found = [];

    /// <summary>What was found so far, in order.</summary>
    public IReadOnlyList<UntracedStore> Found
    {
        get
        {
            lock (PersistenceTrace.Gate)
                return [.. _found];
        }
    }

    /// <summary>Watches a map from now on; what it holds now counts as traced.</summary>
    public void Watch(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length > Array.MaxLength)
            throw new ArgumentException($"a map of {map.Length} bytes is too large to be watched", nameof(map));
        lock (PersistenceTrace.Gate)
            _shadows[map] = map.GetSpan(0, checked((int)map.Length)).ToArray();
    }

    /// <summary>Compares now, without waiting for a fence.</summary>
    public void Check(PersistentMap map)
    {
        lock (PersistenceTrace.Gate)
        {
            if (!_shadows.TryGetValue(map, out byte[]? shadow))
                return;
            ReadOnlySpan<byte> now = map.GetSpan(0, shadow.Length);
            for (int at = 0; at < shadow.Length;)
            {
                at += now[at..].CommonPrefixLength(shadow.AsSpan(at));
                if (at == shadow.Length)
                    return;
                int end = at;
                while (end < shadow.Length && now[end] != shadow[end])
                    end++;
                _found.Add(new UntracedStore(map, at, end - at));
                now[at..end].CopyTo(shadow.AsSpan(at));
                at = end;
            }
        }
    }

    void ITraceSink.OnMap(PersistentMap map)
    {
        if (map.Length <= Array.MaxLength)
            Watch(map);
    }

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        Check(map);
        lock (PersistenceTrace.Gate)
            _shadows.Remove(map);
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        lock (PersistenceTrace.Gate)
        {
            if (_shadows.TryGetValue(map, out byte[]? shadow))
                bytes.CopyTo(shadow.AsSpan((int)offset));
        }
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length)
    {
        // A flush ends no epoch.
    }

    void ITraceSink.OnFence(PersistentMap map) => Check(map);

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => Check(map);

    void ITraceSink.OnMark(string name)
    {
        // Names change nothing.
    }
}
