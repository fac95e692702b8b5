using Pmem.Objects.Layout;

namespace Pmem.Objects;

/// <content>Growing stores in pool sets of folders.</content>
public sealed unsafe partial class ObjectStore
{
    private readonly long _growthSize;

    /// <summary>Bytes that the store can have: what the folders of its pool set reserve, or its present size.</summary>
    public long MaximumSize => _pool.MaximumSize;

    /// <summary>Bytes of the pool now.</summary>
    public long Size => _pool.Size;

    /// <summary>
    /// Adds at least 2 MiB to the heap of a store in a pool set of folders (PMDK <c>heap.size.extend</c>), or what the set file leaves. Durable at
    /// return; may be called while other threads use the store.
    /// </summary>
    /// <returns>Whether the heap is larger now; false when the set is full, or not made of folders.</returns>
    /// <exception cref="PmemException">A file could not be made, a full disk for instance; the store is as before.</exception>
    public bool GrowHeap(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        EnterLane();
        try
        {
            return Heap.Grow(() => AddSpace(bytes));
        }
        finally
        {
            ExitLane();
        }
    }

    private long GrowHeapByItself()
    {
        try
        {
            return _growthSize > 0 ? AddSpace(_growthSize) : 0;
        }
        catch (PmemException)
        {
            // The caller says that the pool is full, which is true.
            return 0;
        }
    }

    /// <summary>Takes what the pool has and the heap does not (a crash behind the last growth), or adds a part; stores the heap's new size.</summary>
    private long AddSpace(long bytes)
    {
        if (!_pool.CanGrow)
            return 0;
        long size = HeapLayout.UsableSize(_pool.Size - Bounds.HeapOffset);
        if (size <= Bounds.HeapSize)
        {
            if (_pool.Grow(bytes) == 0)
                return 0;
            size = HeapLayout.UsableSize(_pool.Size - Bounds.HeapOffset);
            if (size <= Bounds.HeapSize)
                return 0;
        }

        _map.StoreUInt64(PoolDescriptor.HeapSizeField, (ulong)size);
        _map.Persist(PoolDescriptor.HeapSizeField, sizeof(ulong));
        Bounds = Bounds with { HeapSize = size };
        return size;
    }
}
