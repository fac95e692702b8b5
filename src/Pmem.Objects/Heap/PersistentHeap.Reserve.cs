using Pmem.Objects.Layout;
using Pmem.Tracing;

namespace Pmem.Objects.Heap;

/// <content>Reserving space and preparing frees, in DRAM.</content>
internal sealed unsafe partial class PersistentHeap
{
    private const int LineSize = 64;

    /// <summary>
    /// Reserves an object: its header is stored and being written back, its content zeroed if asked, but nothing on media says that it exists.
    /// </summary>
    /// <param name="size">Bytes wanted, at least 1.</param>
    /// <param name="typeNumber">Kept in the header.</param>
    /// <param name="objectFlags">Kept in the header.</param>
    /// <param name="zero">Whether to zero the usable bytes.</param>
    /// <param name="action">What <see cref="Publish(Logs.RedoLog, ref PersistentAction)"/> makes durable.</param>
    /// <returns>False when there is no space.</returns>
    public bool TryReserve(long size, ulong typeNumber, ushort objectFlags, bool zero, out PersistentAction action)
    {
        if (!TryReserveSpace(size, out action))
            return false;

        WriteObjectHeader(in action, typeNumber, objectFlags);
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Note(_map, TraceNote.Allocate, action.UserOffset, action.UsableSize);
        if (zero)
            _map.Fill(action.UserOffset, 0, action.UsableSize, CopyHints.NoDrain);
        return true;
    }

    private bool TryReserveSpace(long size, out PersistentAction action)
    {
        AllocationClass? allocationClass = AllocationClasses.ForSize(size);
        if (TryReserveOnce(allocationClass, size, out action))
            return true;

        // Runs that buckets hold may be empty; given back they are free chunks. Not before, because it decides where objects go.
        return DetachEmpty() && TryReserveOnce(allocationClass, size, out action);
    }

    private bool TryReserveOnce(AllocationClass? allocationClass, long size, out PersistentAction action) => allocationClass is null
        ? TryReserveChunks(size, out action)
        : TryReserveUnits(allocationClass, (int)(((ulong)(size + allocationClass.HeaderSize + allocationClass.UnitSize) - 1) / (ulong)allocationClass.UnitSize), out action);

    /// <summary>Prepares the free of an object; false when no allocated object's user data starts there.</summary>
    public bool TryDeferFree(long userOffset, out PersistentAction action)
    {
        if (TryLocate(userOffset, out Location location) && IsAllocated(in location))
        {
            DeferFree(in location, userOffset, out action);
            return true;
        }

        action = default;
        return false;
    }

    /// <summary>Prepares the free of an object that is allocated, or about to be.</summary>
    public void DeferFree(long userOffset, out PersistentAction action) => DeferFree(Locate(userOffset), userOffset, out action);

    private void DeferFree(in Location location, long userOffset, out PersistentAction action)
    {
        DemandPopulated(location.Zone);
        action = new PersistentAction
        {
            Kind = PersistentActionKind.Free,
            IsHuge = location.IsHuge,
            Gate = location.IsHuge ? -1 : GateOf(location.Chunk),
            ActiveSlot = -1,
            Zone = location.Zone,
            Chunk = location.Chunk,
            Unit = location.Unit,
            Units = location.Units,
            UserOffset = userOffset,
            UsableSize = location.UsableSize,
        };
        if (location.IsHuge)
            action.WordOffset = HeaderOffset(location.Zone, location.Chunk);
        else
            SetBits(ref action);
    }

    /// <summary>Prepares a store.</summary>
    public static PersistentAction SetValue(long offset, ulong value) =>
        new() { Kind = PersistentActionKind.Set, Gate = -1, ActiveSlot = -1, WordOffset = offset, Value = value };

    /// <summary>Gives reservations up; prepared frees and stores are just forgotten.</summary>
    public void Cancel(Span<PersistentAction> actions)
    {
        foreach (ref PersistentAction action in actions)
        {
            if (action.Kind == PersistentActionKind.Allocate)
            {
                if (action.IsHuge)
                {
                    lock (_chunkGate)
                        ReturnChunks(action.Zone, action.Chunk, (uint)action.Units);
                }
                else
                {
                    CancelUnits(in action);
                }
            }

            action.Kind = PersistentActionKind.None;
        }
    }

    private void CancelUnits(in PersistentAction action)
    {
        ActiveRun active = ActiveAt(action.ActiveSlot);
        if (active.Bucket is { } bucket)
        {
            bucket.Gate.Enter();
            if (bucket.Active is { } now && now.Chunk == action.Chunk && now.Zone == action.Zone)
                bucket.Insert(action.Unit, action.Units);
            bucket.Gate.Exit();
        }

        ReleaseActive(active);
    }

    private bool TryReserveUnits(AllocationClass allocationClass, int units, out PersistentAction action)
    {
        RunBucket bucket = ThreadArena().Bucket(allocationClass);
        bucket.Gate.Enter();
        try
        {
            int unit;
            while (!bucket.TryTake(units, out unit))
            {
                if (!TryRefill(bucket, units))
                {
                    action = default;
                    return false;
                }
            }

            ActiveRun active = bucket.Active!;
            Interlocked.Increment(ref active.Reservations);
            long block = bucket.DataOffset + (unit * allocationClass.UnitSize);
            action = new PersistentAction
            {
                Kind = PersistentActionKind.Allocate,
                Gate = GateOf(active.Chunk),
                ActiveSlot = active.Slot,
                Zone = active.Zone,
                Chunk = active.Chunk,
                Unit = unit,
                Units = units,
                UserOffset = block + allocationClass.HeaderSize,
                UsableSize = (units * allocationClass.UnitSize) - allocationClass.HeaderSize,
                WordOffset = bucket.RunOffset + RunGeometry.RunHeaderSize + (unit / RunGeometry.BitsPerWord * sizeof(ulong)),
                Value = Mask(unit, units),
            };
            return true;
        }
        finally
        {
            bucket.Gate.Exit();
        }
    }

    private bool TryReserveChunks(long size, out PersistentAction action)
    {
        action = default;
        long chunks = (size + ObjectHeader.CompactSize + HeapLayout.ChunkSize - 1) / HeapLayout.ChunkSize;
        if (chunks > HeapLayout.ChunksPerZone)
            return false;
        int zone;
        int chunk;
        lock (_chunkGate)
        {
            if (!TryTakeChunks((uint)chunks, out zone, out chunk))
                return false;
            ChunkHeader header = ReadHeader(zone, chunk);
            if ((header.Flags & ChunkFlags.CompactHeader) == 0)
                PersistHeader(zone, chunk, new ChunkHeader(header.Type, header.Flags | ChunkFlags.CompactHeader, header.SizeIndex));
        }

        action = new PersistentAction
        {
            Kind = PersistentActionKind.Allocate,
            IsHuge = true,
            Gate = -1,
            ActiveSlot = -1,
            Zone = zone,
            Chunk = chunk,
            Units = (int)chunks,
            UserOffset = ChunkOffset(zone, chunk) + ObjectHeader.CompactSize,
            UsableSize = (chunks * HeapLayout.ChunkSize) - ObjectHeader.CompactSize,
            WordOffset = HeaderOffset(zone, chunk),
        };
        return true;
    }

    private void WriteObjectHeader(in PersistentAction action, ulong typeNumber, ushort objectFlags)
    {
        long block = action.UserOffset - ObjectHeader.CompactSize;
        ulong size = (ulong)(action.UsableSize + ObjectHeader.CompactSize) | ((ulong)objectFlags << ObjectHeader.FlagsShift);
        if ((block & (LineSize - 1)) == 0)
        {
            // A whole line past the cache: the object's first bytes are undefined anyway, and no old content has to be fetched.
            ulong* line = stackalloc ulong[LineSize / sizeof(ulong)];
            line[0] = size;
            line[1] = typeNumber;
            _map.Copy(block, (byte*)line, LineSize, CopyHints.WriteCombining | CopyHints.NoDrain);
            return;
        }

        _map.StoreUInt64(block, size);
        _map.StoreUInt64(block + sizeof(ulong), typeNumber);
        _map.Flush(block, ObjectHeader.CompactSize);
    }

    private void SetBits(ref PersistentAction action)
    {
        action.WordOffset = ChunkOffset(action.Zone, action.Chunk) + RunGeometry.RunHeaderSize + (action.Unit / RunGeometry.BitsPerWord * sizeof(ulong));
        action.Value = Mask(action.Unit, action.Units);
    }

    private static ulong Mask(int unit, int units) =>
        units == RunGeometry.BitsPerWord ? ulong.MaxValue : ((1UL << units) - 1) << (unit % RunGeometry.BitsPerWord);
}
