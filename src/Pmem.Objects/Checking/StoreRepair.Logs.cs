using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Checking;

/// <content>Logs: what recovery would stumble over.</content>
internal sealed partial class StoreRepair
{
    private void MendLanes(PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount && !IsFull; i++)
        {
            if (i % 64 == 0)
                Report("mending logs", i, bounds.LaneCount);
            long lane = bounds.LaneOffset(i);
            MendRedo(lane + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, bounds);
            MendRedo(lane + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, bounds);
            MendUndo(lane + LaneLayout.UndoPosition, bounds);
        }
    }

    /// <summary>Cuts a chain where it goes astray.</summary>
    private void MendChain(long log, PoolBounds bounds)
    {
        long field = log + UlogHeader.NextPosition;
        var chain = new UlogChain(map, log, bounds);
        try
        {
            while (chain.MoveNext())
                field = chain.Current.LogOffset + UlogHeader.NextPosition;
        }
        catch (PmemFormatException problem)
        {
            Mend(problem, "cut the chain of logs here: what an interrupted transaction saved there is not rolled back");
            Store(field, 0);
        }
    }

    private void MendRedo(long log, int capacity, PoolBounds bounds)
    {
        MendChain(log, bounds);
        if (!RedoRecovery.IsPending(map, log, capacity))
            return;
        RedoEntry[] entries = [.. RedoRecovery.RawEntries(map, log, capacity, bounds)];
        RedoEntry[] valid = [.. entries.Where(entry => RedoRecovery.IsValid(in entry, bounds))];
        if (valid.Length == entries.Length)
            return;

        // Begun: recovery had applied some of it when the process died, so the old state is gone, and the new one is nearer.
        bool begun = valid.Any(entry => map.ReadUInt64(entry.Offset) is var word && UlogEntry.Apply(entry.Operation, word, entry.Value) == word);
        foreach (RedoEntry entry in entries.Except(valid))
        {
            Mend(
                entry.EntryOffset,
                "redo entry",
                "SET, AND or OR of an aligned word of the heap, the lanes or the root fields",
                $"operation {(int)entry.Operation} of 0x{entry.Offset:x}",
                begun ? $"finished the other {valid.Length} entries of the operation, which had begun, without this one" : "dropped the operation, of which nothing was carried out yet");
        }

        RedoRecovery.Apply(map, log, begun ? valid : []);
    }

    private void MendUndo(long log, PoolBounds bounds)
    {
        ulong capacity = map.ReadUInt64(log + UlogHeader.CapacityPosition);
        if (capacity != LaneLayout.UndoCapacity)
        {
            Mend(log + UlogHeader.CapacityPosition, "undo log capacity", $"{LaneLayout.UndoCapacity}", $"{capacity}", "wrote the only capacity there is");
            Store(log + UlogHeader.CapacityPosition, LaneLayout.UndoCapacity);
        }

        MendChain(log, bounds);
        while (FindUndoProblem(log, bounds) is { } problem)
        {
            if (problem.What == "undo entry operation")
            {
                Mend(problem, "ended the log here: what follows is no entry");
                Store(problem.Offset, 0);
                continue;
            }

            Mend(problem, "rolled the transaction back as far as its entries lie in the heap, and retired the log");
            RollBack(log, bounds);
        }
    }

    private PmemFormatException? FindUndoProblem(long log, PoolBounds bounds)
    {
        try
        {
            foreach (UndoEntryView _ in new UndoReader(map, log, bounds))
            {
                // Reading is the check.
            }

            return null;
        }
        catch (PmemFormatException problem)
        {
            return problem;
        }
    }

    /// <summary>Restores every entry that lies in the heap, then makes all of them invalid by raising the generation. Idempotent until then.</summary>
    private void RollBack(long log, PoolBounds bounds)
    {
        // The chain is whole, so with bounds that allow everything only the entries' own lengths are judged.
        PoolBounds all = bounds with { HeapOffset = 0, HeapSize = long.MaxValue / 2 };
        foreach (UndoEntryView entry in new UndoReader(map, log, all))
        {
            if (bounds.IsInHeap(entry.Offset, entry.Length))
                UndoRecovery.Restore(map, in entry);
        }

        map.Drain();
        Store(log + UlogHeader.GenerationPosition, map.ReadUInt64(log + UlogHeader.GenerationPosition) + 1);
    }
}
