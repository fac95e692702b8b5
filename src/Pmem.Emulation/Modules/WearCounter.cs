using Pmem.Tracing;

namespace Pmem.Emulation.Modules;

/// <summary>
/// Counts what a tracked volume writes back to the modules of its set, block by block: flushes, deep flushes and non-temporal stores. Costs nothing to volumes that are not
/// tracked.
/// </summary>
internal sealed class WearCounter : ITraceSink, IDisposable
{
    private readonly PersistentMap _map;
    private readonly VirtualSet _set;
    private readonly long _start;
    private readonly Lock _gate = new();
    private readonly IDisposable _attachment;
    private Dictionary<(int Dimm, long Block), ulong> _counts = [];

    public WearCounter(PersistentMap map, VirtualSet set, long start)
    {
        (_map, _set, _start) = (map, set, start);
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>Whether nothing more will come.</summary>
    public bool IsOver => _map.Length == 0;

    /// <summary>What was written since the last time: how often each block.</summary>
    public IReadOnlyDictionary<(int Dimm, long Block), ulong> Take()
    {
        lock (_gate)
        {
            Dictionary<(int, long), ulong> taken = _counts;
            _counts = [];
            return taken;
        }
    }

    public void Dispose() => _attachment.Dispose();

    void ITraceSink.OnMap(PersistentMap map)
    {
        // Only the one map is of interest.
    }

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        // What was counted is taken when the platform closes, or its power is cut.
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        if (kind == StoreKind.NonTemporal)
            Count(map, offset, bytes.Length);
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length) => Count(map, offset, length);

    void ITraceSink.OnFence(PersistentMap map)
    {
        // Writes nothing.
    }

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => Count(map, offset, length);

    void ITraceSink.OnMark(string name)
    {
        // Writes nothing.
    }

    private void Count(PersistentMap map, long offset, long length)
    {
        if (!ReferenceEquals(map, _map))
            return;
        lock (_gate)
        {
            for (long at = _start + offset, end = at + length; at < end;)
            {
                (int dimm, long dpa) = InterleavedMemory.Translate(_set, at);
                (int, long) block = (dimm, dpa / ModuleWear.BlockSize);
                _counts[block] = _counts.GetValueOrDefault(block) + 1;
                at += Math.Min(_set.LineSize - (at % _set.LineSize), ModuleWear.BlockSize - (dpa % ModuleWear.BlockSize));
            }
        }
    }
}
