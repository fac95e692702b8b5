using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Types;

namespace Pmem.Objects.Checking;

/// <content>Space that is lost or used twice, and the program's links.</content>
internal sealed partial class StoreRepair
{
    /// <summary>Cuts chains that lead to space of somebody else, before recovery frees it.</summary>
    private void MendLogLinks(PoolBounds bounds)
    {
        try
        {
            new LogSpace(map, bounds).FinishRedo();
            foreach (LogLinkFault fault in new LogSpace(map, bounds).FindWrongLinks().ToList())
            {
                Mend(fault.Problem, fault.Right == 0 ? "rolled back what an interrupted transaction saved, and cut the chain of logs here" : $"wrote {fault.Right}");
                if (fault.Right == 0 && IsUndo(fault.Head, bounds))
                    RollBack(fault.Head, bounds);
                Store(fault.Field, (ulong)fault.Right);
            }
        }
        catch (PmemFormatException)
        {
            // A run that cannot be read is told where runs are mended; recovery tells when it needs it.
        }
    }

    private static bool IsUndo(long log, PoolBounds bounds) => (log - bounds.LanesOffset) % LaneLayout.Size == LaneLayout.UndoPosition;

    private void MendLost(ObjectStore store)
    {
        PersistentHeap heap = HeapOf(store);
        foreach (LostObject lost in new LogSpace(map, store.Bounds).FindLost(store))
        {
            if (IsFull)
                return;
            if (!lost.IsLog && !options.AcceptLoss)
            {
                Leave(lost.Problem, "it holds no log, so it may have been the root once; accepting loss frees it");
                continue;
            }

            Mend(lost.Problem, "freed it");
            heap.FreeInPlace(lost.Offset);
        }
    }

    /// <summary>Mends links and frees what they do not lead to, as far as it is wanted. Everything below must be sound.</summary>
    private void MendLinks(ObjectStore store, LinkRepair links)
    {
        // The first run only mends: a cleared link may have been all that led to something.
        bool dangles = false;
        _ = LinkSurvey.Run(store, links.Types, fault => dangles |= !TryMendLink(fault, links));
        PersistentHeap heap = HeapOf(store);
        foreach (StoreObject lost in LinkSurvey.Run(store, links.Types, _ => { }))
        {
            if (IsFull)
                return;
            if (!links.FreeUnreachable || dangles)
            {
                Leave(LinkSurvey.Unreachable(lost), links.FreeUnreachable ? "as long as links are wrong, one of them may have led to it" : "freeing unreachable objects was not asked for");
                continue;
            }

            Mend(LinkSurvey.Unreachable(lost), "freed it");
            heap.FreeInPlace(lost.Offset);
        }
    }

    private bool TryMendLink(LinkFault fault, LinkRepair links)
    {
        if (IsFull)
            return false; // nothing is changed that is not told; the next repair goes on
        if (fault.LinkOffset == 0 || !links.ClearDangling)
        {
            Leave(fault.Problem, fault.LinkOffset == 0 ? "what the program meant is not known" : "clearing dangling links was not asked for");
            return false;
        }

        // The offset last: until then the link leads to pool 0, which there is not, so that the next repair clears it too.
        Mend(fault.Problem, "cleared it");
        Store(fault.LinkOffset, 0);
        if (fault.Kind == LinkKind.Id)
            Store(fault.LinkOffset + sizeof(ulong), 0);
        return true;
    }

    private PersistentHeap HeapOf(ObjectStore store) => new(map, store.Bounds.HeapOffset, store.Bounds.HeapSize, arenas: 1);
}
