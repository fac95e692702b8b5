using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Conversion;

/// <summary>
/// The transaction section of a lane of layouts 1 to 4. One that was not committed is rolled back: saved ranges are restored, objects it allocated are
/// freed. One that was is finished: objects it freed are freed. Both may be repeated as long as the logs are there.
/// </summary>
internal sealed class OldTransaction(PersistentMap map, PersistentHeap heap, PoolBounds bounds, long lane, uint layout)
{
    /// <summary>Whether the transaction had come to its commit.</summary>
    public bool IsCommitted => map.ReadUInt64(lane + OldLane.TransactionState) == OldLane.Committed;

    /// <summary>Whether there is something to roll back or to finish; the cache that a lane keeps from one transaction to the next is not, while it is empty.</summary>
    public bool IsPending => IsCommitted || Objects(OldUndo.Allocated).Any() || Objects(OldUndo.Freed).Any() || Ranges().Any();

    /// <summary>Says what is impossible, before anything is changed.</summary>
    public void Validate()
    {
        if (map.ReadUInt64(lane + OldLane.TransactionState) is var state and not (0 or OldLane.Committed))
            throw new PmemFormatException("transaction state", lane + OldLane.TransactionState, "0 or 1", $"{state}");
        foreach (OldUndo log in (ReadOnlySpan<OldUndo>)[OldUndo.Allocated, OldUndo.Freed])
        {
            foreach (long user in Objects(log))
            {
                if (!bounds.IsInHeap(user, 1))
                    throw new PmemFormatException("undo entry", lane + OldLane.UndoLogs, "an object", $"0x{user:x}");
            }
        }

        foreach ((long offset, long length, _) in Ranges())
        {
            if (!bounds.IsInHeap(offset, length))
                throw new PmemFormatException("undo entry destination", lane + OldLane.UndoLogs, "a range of the heap", $"0x{offset:x}+{length}");
        }
    }

    /// <summary>Rolls back or finishes, and retires the logs. Durable at return.</summary>
    public unsafe void Recover()
    {
        bool committed = IsCommitted;
        if (!committed)
        {
            foreach ((long offset, long length, long data) in Ranges())
                map.Move(offset, data, length, CopyHints.NoDrain);
            map.Drain();
        }

        foreach (long user in Objects(committed ? OldUndo.Freed : OldUndo.Allocated))
            Free(user);
        foreach (long array in Arrays())
            Free(array);

        // The state last: without it a committed transaction would be rolled back.
        map.Fill(lane + OldLane.UndoLogs, 0, OldLane.SectionSize - sizeof(ulong));
        map.StoreUInt64(lane + OldLane.TransactionState, 0);
        map.Persist(lane + OldLane.TransactionState, sizeof(ulong));
    }

    private void Free(long user)
    {
        // Not there any more when this is a repetition, or not there yet when the allocation was only reserved.
        if (heap.FindObjectAt(user) == user)
            heap.FreeInPlace(user);
    }

    /// <summary>User data of the objects that an undo log names.</summary>
    private IEnumerable<long> Objects(OldUndo log) => layout == 1 ? ListObjects(log) : VectorObjects(lane + OldLane.UndoLogs + ((int)log * OldLane.VectorSize));

    private IEnumerable<long> ListObjects(OldUndo log)
    {
        long head = lane + OldLane.UndoLogs + ((int)log * OldLane.ListHeadSize);
        ulong first = map.ReadUInt64(head + sizeof(ulong));
        long most = bounds.HeapSize / (2 * ObjectHeader.LegacySize);
        for (ulong user = first; user != 0;)
        {
            DemandObject(user, head);
            if (most-- == 0)
                throw new PmemFormatException("undo list", head, "an end", "a circle");
            yield return (long)user;
            user = map.ReadUInt64((long)user - OldLane.ListEntryBehind + sizeof(ulong));
            if (user == first)
                yield break;
        }
    }

    private IEnumerable<long> VectorObjects(long vector)
    {
        for (int i = 0; i < OldLane.VectorArrays; i++)
        {
            long array = ArrayAt(vector, i);
            if (array == 0)
                yield break;
            for (long n = 0; n < (long)OldLane.VectorEmbedded << i; n++)
            {
                ulong user = map.ReadUInt64(array + (n * sizeof(ulong)));
                if (user == 0)
                    yield break;
                if (user == OldLane.SkippedEntry)
                    continue;
                DemandObject(user, array + (n * sizeof(ulong)));
                yield return (long)user;
            }
        }
    }

    /// <summary>The objects that hold arrays of vectors.</summary>
    private List<long> Arrays()
    {
        var arrays = new List<long>();
        for (int log = 0; layout != 1 && log <= (int)OldUndo.Caches; log++)
        {
            for (int i = 1; i < OldLane.VectorArrays && ArrayAt(lane + OldLane.UndoLogs + (log * OldLane.VectorSize), i) is var array and not 0; i++)
                arrays.Add(array);
        }

        return arrays;
    }

    private long ArrayAt(long vector, int index)
    {
        ulong array = map.ReadUInt64(vector + (index * sizeof(ulong)));
        long length = ((long)OldLane.VectorEmbedded << index) * sizeof(ulong);
        long embedded = vector + (OldLane.VectorArrays * sizeof(ulong));
        bool valid = array == 0 || (index == 0 ? array == (ulong)embedded : array <= long.MaxValue && array % sizeof(ulong) == 0 && bounds.IsInHeap((long)array, length));
        return valid ? (long)array : throw new PmemFormatException("undo vector", vector + (index * sizeof(ulong)), index == 0 ? $"0 or 0x{embedded:x}" : "0 or an object", $"0x{array:x}");
    }

    /// <summary>Saved ranges: where they belong, how long they are, where their bytes are.</summary>
    private IEnumerable<(long Offset, long Length, long Data)> Ranges()
    {
        foreach (long range in Objects(OldUndo.Ranges))
        {
            long room = heap.FindObjectAt(range) == range ? heap.UsableSize(range) : 0;
            if (ReadRange(range, room) is { } saved)
                yield return saved;
        }

        foreach (long cache in Objects(OldUndo.Caches))
        {
            long room = heap.FindObjectAt(cache) == cache ? heap.UsableSize(cache) : 0;
            if (layout <= 3)
                room = Math.Min(room, OldLane.CacheSlots * (OldLane.RangeHeaderSize + OldLane.CacheSlotData));
            for (long at = 0; ReadRange(cache + at, room - at) is { } saved;)
            {
                yield return saved;
                at += OldLane.RangeHeaderSize + Step(saved.Length);
            }
        }
    }

    /// <summary>From the data of one range in a cache to the next range: a slot, or, in layout 4, as much as it needs.</summary>
    private long Step(long length)
    {
        long alignment = layout <= 3 || map.ReadUInt64(PoolDescriptor.ConversionFlagsField) != 0 ? OldLane.CacheSlotData : sizeof(ulong);
        return (length + alignment - 1) & -alignment;
    }

    private (long Offset, long Length, long Data)? ReadRange(long at, long room)
    {
        if (room < OldLane.RangeHeaderSize)
            return null;
        ulong offset = map.ReadUInt64(at);
        ulong length = map.ReadUInt64(at + sizeof(ulong));
        if (offset == 0 || length == 0)
            return null;
        if (offset > long.MaxValue || length > (ulong)(room - OldLane.RangeHeaderSize))
            throw new PmemFormatException("saved range", at, $"at most {room - OldLane.RangeHeaderSize} bytes", $"0x{offset:x}+{length}");
        return ((long)offset, (long)length, at + OldLane.RangeHeaderSize);
    }

    private void DemandObject(ulong user, long where)
    {
        if (user > long.MaxValue || !bounds.IsInHeap((long)user - ObjectHeader.LegacySize, ObjectHeader.LegacySize + 1) || user % sizeof(ulong) != 0)
            throw new PmemFormatException("undo entry", where, "an object", $"0x{user:x}");
    }
}
