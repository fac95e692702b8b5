using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools;

namespace Pmem.Objects;

/// <content>Creating and opening. The order of steps is libpmemobj's (docs/recovery.md): a crash anywhere leaves a pool that the next open completes.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>Creates a pool file of <paramref name="size"/> bytes (at least 8 MiB) with the layout name and opens it; size 0 takes an existing, empty file, or
    /// makes the parts of a pool set file. Durable at return.</summary>
    /// <exception cref="IOException">The file exists.</exception>
    /// <exception cref="PmemException">The file cannot be created; the message says why.</exception>
    public static ObjectStore Create(string path, string layout, long size, ObjectStoreOptions? options = null)
    {
        options ??= ObjectStoreOptions.Default;
        DemandLayout(layout);
        PoolFile pool = PoolFile.Create(path, PoolKind.Object, size, new PoolCreateOptions { Mode = options.Mode, ForceGranularity = options.ForceGranularity });
        try
        {
            ObjectStore store = Format(pool, layout, options);
            pool.CompleteCreation();
            return store;
        }
        catch
        {
            pool.CancelCreation();
            throw;
        }
    }

    /// <summary>Makes a store in a map of at least 8 MiB, without a file; the store owns the map.</summary>
    public static ObjectStore Create(PersistentMap map, string layout, ObjectStoreOptions? options = null)
    {
        DemandLayout(layout);
        return Format(PoolFile.Format(map, PoolKind.Object), layout, options ?? ObjectStoreOptions.Default);
    }

    /// <summary>
    /// Opens a pool, a single file or a pool set, recovering it when it was not closed: unfinished redo operations are finished, unfinished transactions rolled back.
    /// </summary>
    /// <param name="path">The pool file.</param>
    /// <param name="layout">The layout name that the pool must have; null accepts any.</param>
    /// <param name="options">How to open it.</param>
    /// <exception cref="PmemFormatException">The pool is not valid: says where, what was expected and what is there.</exception>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    public static ObjectStore Open(string path, string? layout = null, ObjectStoreOptions? options = null)
    {
        options ??= ObjectStoreOptions.Default;
        PoolFile pool = PoolFile.Open(path, PoolKind.Object, new PoolOpenOptions { CopyOnWrite = options.CopyOnWrite, ForceGranularity = options.ForceGranularity });
        try
        {
            return Start(pool, layout, options);
        }
        catch
        {
            // Closed, not abandoned: a failed open must not leave the pool marked as in use.
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Opens and recovers the store in a map (an image in memory, say); the store owns the map once it is open, on failure the caller keeps it.</summary>
    /// <inheritdoc cref="Open(string, string?, ObjectStoreOptions?)"/>
    public static ObjectStore Open(PersistentMap map, string? layout = null, ObjectStoreOptions? options = null) =>
        Start(PoolFile.Attach(map, PoolKind.Object), layout, options ?? ObjectStoreOptions.Default);

    /// <summary>Opens and recovers the store in an open pool; the store owns the pool once it is open, on failure the caller keeps it.</summary>
    /// <inheritdoc cref="Open(string, string?, ObjectStoreOptions?)"/>
    public static ObjectStore Open(PoolFile pool, string? layout = null, ObjectStoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        if (pool.Kind != PoolKind.Object)
            throw new ArgumentException($"the pool is of kind {pool.Kind}", nameof(pool));
        return Start(pool, layout, options ?? ObjectStoreOptions.Default);
    }

    private static void DemandLayout(string layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        int length = System.Text.Encoding.UTF8.GetByteCount(layout);
        if (length > PoolDescriptor.MaximumLayoutLength)
            throw new ArgumentException($"a layout name has at most {PoolDescriptor.MaximumLayoutLength} bytes, not {length}", nameof(layout));
    }

    private static ObjectStore Format(PoolFile pool, string layout, ObjectStoreOptions options)
    {
        PersistentMap map = pool.Map;
        long heapSize = HeapLayout.UsableSize(pool.Size - PoolDescriptor.DefaultHeapOffset);
        var bounds = new PoolBounds(PoolDescriptor.DefaultLanesOffset, PoolDescriptor.DefaultLaneCount, PoolDescriptor.DefaultHeapOffset, heapSize);
        FormatLanes(map, bounds);
        PersistentHeap.Format(map, bounds.HeapOffset, heapSize);
        map.StoreUInt64(PoolDescriptor.HeapSizeField, (ulong)heapSize);
        map.Persist(PoolDescriptor.HeapSizeField, sizeof(ulong));
        DescriptorReader.Write(map, layout, bounds);

        // Run id, root and conversion flags of an existing file may be anything.
        map.Fill(PoolDescriptor.RootOffsetField, 0, PoolDescriptor.HeapSizeField - PoolDescriptor.RootOffsetField);
        map.Fill(PoolDescriptor.CurrentAllocatedField, 0, PoolDescriptor.RunTimeArea - PoolDescriptor.CurrentAllocatedField);
        return Start(pool, layout, options);
    }

    private static void FormatLanes(PersistentMap map, PoolBounds bounds)
    {
        byte[] lane = new byte[LaneLayout.Size];
        BitConverter.TryWriteBytes(lane.AsSpan(LaneLayout.InternalPosition + UlogHeader.CapacityPosition), (ulong)LaneLayout.InternalCapacity);
        BitConverter.TryWriteBytes(lane.AsSpan(LaneLayout.ExternalPosition + UlogHeader.CapacityPosition), (ulong)LaneLayout.ExternalCapacity);
        BitConverter.TryWriteBytes(lane.AsSpan(LaneLayout.UndoPosition + UlogHeader.CapacityPosition), (ulong)LaneLayout.UndoCapacity);
        for (int i = 0; i < bounds.LaneCount; i++)
            map.Copy(bounds.LaneOffset(i), lane, CopyHints.NoDrain);
        map.Drain();
    }

    private static ObjectStore Start(PoolFile pool, string? layout, ObjectStoreOptions options)
    {
        if (pool.IsReadOnly)
            throw new PmemException("the pool has ro_compat features that this version does not know, so it can only be read; object stores need to write");

        PersistentMap map = pool.Map;
        PoolBounds bounds = DescriptorReader.Read(map, layout);
        if (bounds.HeapSize == 0)
        {
            // The creation was interrupted before the size was durable, or somebody asks us to take the whole file.
            bounds = bounds with { HeapSize = HeapLayout.UsableSize(pool.Size - bounds.HeapOffset) };
            map.StoreUInt64(PoolDescriptor.HeapSizeField, (ulong)bounds.HeapSize);
            map.Persist(PoolDescriptor.HeapSizeField, sizeof(ulong));
        }

        ulong runId = map.ReadUInt64(PoolDescriptor.RunIdField);
        if ((runId & 1) != 0)
            throw new PmemFormatException("run id", PoolDescriptor.RunIdField, "an even number", $"{runId}");
        runId += 2;
        if (runId == 0)
            runId = 2;

        var store = new ObjectStore(pool, bounds, runId, options);
        store.Heap.Validate();
        ReplicaRecovery.Validate(pool, layout);
        ReplicaRecovery.CopyLanes(pool, bounds);
        store.Recover(runId);
        if (pool.WasDirty)
            store.RepairedReplicaBytes = ReplicaRecovery.Repair(pool, store.Bounds);
        return store;
    }

    private void Recover(ulong runId)
    {
        _map.StoreUInt64(PoolDescriptor.RunIdField, runId);
        _map.Persist(PoolDescriptor.RunIdField, sizeof(ulong));

        Conversion.LaneCapacities.Complete(_map, Bounds);

        // Redo first: it completes allocations, so the heap is consistent before anybody looks at it.
        for (int i = 0; i < Bounds.LaneCount; i++)
        {
            long lane = Bounds.LaneOffset(i);
            bool recovered = RedoRecovery.Recover(_map, lane + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, Bounds);
            recovered |= RedoRecovery.Recover(_map, lane + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, Bounds);
            RecoveredOperations += recovered ? 1 : 0;
        }

        // What the redo logs completed must be as valid as the rest.
        if (RecoveredOperations > 0)
            Heap.Validate();
        Heap.Boot();

        // Undo last: freeing its extensions needs the heap.
        for (int i = 0; i < Bounds.LaneCount; i++)
        {
            long undo = Bounds.LaneOffset(i) + LaneLayout.UndoPosition;
            int index = i;
            if (UndoRecovery.NeedsRecovery(_map, undo, Bounds, out bool interrupted))
            {
                UndoRecovery.Recover(_map, new Lane(this, index, Bounds), Bounds);
                RecoveredTransactions += interrupted ? 1 : 0;
            }
        }

        if (_map.ReadUInt64(PoolDescriptor.ConversionFlagsField) != 0)
        {
            _map.StoreUInt64(PoolDescriptor.ConversionFlagsField, 0);
            _map.Persist(PoolDescriptor.ConversionFlagsField, sizeof(ulong));
        }
    }

    /// <summary>Redo operations that the open finished.</summary>
    public int RecoveredOperations { get; private set; }

    /// <summary>Transactions that the open rolled back.</summary>
    public int RecoveredTransactions { get; private set; }

    /// <summary>Bytes of replicas that were behind the master because the pool was not closed, and that the open brought in step.</summary>
    public long RepairedReplicaBytes { get; private set; }
}
