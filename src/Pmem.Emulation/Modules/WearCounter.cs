using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Pmem.Tracing;

namespace Pmem.Emulation.Modules;

/// <summary>
/// Counts what a tracked volume writes back to the modules of its set, block by block: flushes, deep flushes and non-temporal stores. Costs nothing to volumes that are not
/// tracked.
/// </summary>
/// <remarks>
/// Each count is in the module's file at once, so that a process that is killed takes none with it. The file is written as one, not through a map: a store to a map would be
/// told to the sinks that are being told of the flush.
/// </remarks>
internal sealed class WearCounter : ITraceSink, IDisposable
{
    private readonly PersistentMap _map;
    private readonly VirtualSet _set;
    private readonly long _start;
    private readonly IReadOnlyDictionary<int, SafeFileHandle> _files;

    // Of all counters of the platform: two volumes may have parts of one block.
    private readonly Lock _gate;
    private readonly IDisposable _attachment;
    private readonly byte[] _count = new byte[sizeof(ulong)];
    private Dictionary<int, ulong> _most = [];

    /// <summary>Begins to count.</summary>
    /// <param name="map">The volume.</param>
    /// <param name="set">Its set.</param>
    /// <param name="start">Where it begins in the set.</param>
    /// <param name="files">The file of <see cref="ModuleWear"/> of each DIMM of the set; closed with this.</param>
    /// <param name="gate">Held while a count is changed.</param>
    public WearCounter(PersistentMap map, VirtualSet set, long start, IReadOnlyDictionary<int, SafeFileHandle> files, Lock gate)
    {
        (_map, _set, _start, _files, _gate) = (map, set, start, files, gate);
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>Whether nothing more will come.</summary>
    public bool IsOver => _map.Length == 0;

    /// <summary>Of each DIMM that was written since the last time, how often the block was that was written most.</summary>
    public IReadOnlyDictionary<int, ulong> Take()
    {
        lock (_gate)
        {
            Dictionary<int, ulong> taken = _most;
            _most = [];
            return taken;
        }
    }

    public void Dispose()
    {
        _attachment.Dispose();
        lock (_gate)
        {
            foreach (SafeFileHandle file in _files.Values)
                file.Dispose();
        }
    }

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
                _most[dimm] = Math.Max(_most.GetValueOrDefault(dimm), Add(_files[dimm], dpa / ModuleWear.BlockSize));
                at += Math.Min(_set.LineSize - (at % _set.LineSize), ModuleWear.BlockSize - (dpa % ModuleWear.BlockSize));
            }
        }
    }

    private ulong Add(SafeFileHandle file, long block)
    {
        if (file.IsClosed || RandomAccess.Read(file, _count, block * sizeof(ulong)) < _count.Length)
            return 0;
        ulong count = BinaryPrimitives.ReadUInt64LittleEndian(_count) + 1;
        BinaryPrimitives.WriteUInt64LittleEndian(_count, count);
        RandomAccess.Write(file, _count, block * sizeof(ulong));
        return count;
    }
}
