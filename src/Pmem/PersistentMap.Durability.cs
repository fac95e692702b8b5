using System.Runtime.CompilerServices;
using Pmem.Native;
using Pmem.Tracing;

namespace Pmem;

/// <content>Flushing and waiting.</content>
public sealed unsafe partial class PersistentMap
{
    /// <summary>
    /// Starts writing back a range: the cache lines (or, with page granularity, the pages, at once) that hold it. Durable after
    /// <see cref="Drain"/> on the same thread.
    /// </summary>
    /// <exception cref="PmemException">Page granularity only: the file system could not write.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Flush(long offset, long length)
    {
        byte* at = At(offset, length);
        if (!PersistenceTrace.IsEnabled && _direct == StoreGranularity.CacheLine && length > 0)
            CpuCache.Flush(at, length);
        else
            FlushSlow(offset, length);
    }

    /// <summary>Waits until everything this thread flushed or stored non-temporally is durable.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Drain()
    {
        if (PersistenceTrace.IsEnabled)
            DrainTraced();
        else if (_direct != StoreGranularity.Page)
            CpuCache.Fence();
    }

    /// <summary>Makes a range durable: <see cref="Flush"/> and <see cref="Drain"/> (libpmem <c>pmem_persist</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Persist(long offset, long length)
    {
        Flush(offset, length);
        Drain();
    }

    /// <summary>
    /// Makes a range durable down to media, so that it survives even a failed ADR (libpmem2 <c>pmem2_deep_flush</c>): flushes the lines, then
    /// asks the file system, or the region of a device, to flush its write queues. Slow; for the rare words that tell whether ADR failed.
    /// </summary>
    /// <exception cref="PmemException">The file system could not write.</exception>
    public void DeepFlush(long offset, long length)
    {
        byte* at = At(offset, length);
        if (length == 0)
            return;
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.DeepFlush(this, offset, length);
        if (_granularity != StoreGranularity.Page && CpuCache.IsAvailable)
        {
            CpuCache.Flush(at, length);
            CpuCache.Fence();
        }

        _region.DeepFlush(at, length);
    }

    /// <summary>Makes a range durable through the file system (libpmem <c>pmem_msync</c>), whatever the granularity.</summary>
    /// <exception cref="PmemException">The file system could not write.</exception>
    public void Sync(long offset, long length)
    {
        byte* at = At(offset, length);
        if (length == 0)
            return;
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.DeepFlush(this, offset, length);
        _region.Sync(at, length);
    }

    private void FlushSlow(long offset, long length)
    {
        if (length == 0)
            return;
        FlushHere(offset, length);
        if (_replicas.Length > 0)
            Replicate(offset, length, CopyHints.None);
    }

    /// <summary>Flushes a range of this map only.</summary>
    private void FlushHere(long offset, long length)
    {
        if (length == 0)
            return;
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Flush(this, offset, length);
        if (_granularity == StoreGranularity.CacheLine)
            CpuCache.Flush(At(offset, length), length);
        else if (_granularity == StoreGranularity.Page)
            _region.Sync(At(offset, length), length);
    }

    private void DrainTraced()
    {
        lock (PersistenceTrace.Gate)
        {
            PersistenceTrace.Fence(this);
            foreach (PersistentMap replica in _replicas)
                PersistenceTrace.Fence(replica);
            if (_direct != StoreGranularity.Page)
                CpuCache.Fence();
        }
    }
}
