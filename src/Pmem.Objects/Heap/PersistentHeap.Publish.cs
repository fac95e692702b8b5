using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Heap;

/// <content>
/// Making actions durable. A bitmap word belongs to many objects, so it is changed only under its run's gate, from the moment its redo entry
/// is made until the entry is applied and the log retired; gates are taken in ascending order.
/// </content>
internal sealed unsafe partial class PersistentHeap
{
    /// <summary>Makes one action durable, together with the entries that the log already holds.</summary>
    public void Publish(RedoLog redo, ref PersistentAction action)
    {
        DemandPrepared(in action);
        if (action.Gate >= 0)
            EnterGate(action.Gate);
        try
        {
            AddEntry(redo, in action);
            redo.Commit();
            AfterCommit(in action);
        }
        finally
        {
            if (action.Gate >= 0)
                ExitGate(action.Gate);
        }

        AfterGates(ref action);
        redo.ReleaseExtensions();
    }

    /// <summary>Makes all actions durable, together with the entries that the log already holds. Reorders the actions.</summary>
    public void Publish(RedoLog redo, Span<PersistentAction> actions)
    {
        if (actions.Length == 1)
        {
            Publish(redo, ref actions[0]);
            return;
        }

        foreach (ref readonly PersistentAction action in actions)
            DemandPrepared(in action);
        SortByGate(actions);
        int entered = 0;
        try
        {
            for (; entered < actions.Length; entered++)
            {
                if (StartsGate(actions, entered))
                    EnterGate(actions[entered].Gate);
                AddEntry(redo, in actions[entered]);
            }

            redo.Commit();
            foreach (ref readonly PersistentAction action in actions)
                AfterCommit(in action);
        }
        finally
        {
            for (int i = 0; i < actions.Length && i <= entered; i++)
            {
                if (StartsGate(actions, i))
                    ExitGate(actions[i].Gate);
            }
        }

        foreach (ref PersistentAction action in actions)
            AfterGates(ref action);
        redo.ReleaseExtensions();
    }

    /// <summary>Whether the action is the first of those that share its gate.</summary>
    private static bool StartsGate(ReadOnlySpan<PersistentAction> actions, int index) =>
        actions[index].Gate >= 0 && (index == 0 || actions[index - 1].Gate != actions[index].Gate);

    /// <summary>Sorts by gate; actions of one gate keep their order, because stores to one word do not commute.</summary>
    private static void SortByGate(Span<PersistentAction> actions)
    {
        // Mostly sorted already, and mostly short.
        const int Short = 32;
        if (actions.Length > Short)
        {
            for (int i = 0; i < actions.Length; i++)
                actions[i].Order = i;
            actions.Sort(static (a, b) => a.Gate != b.Gate ? a.Gate.CompareTo(b.Gate) : a.Order.CompareTo(b.Order));
            return;
        }

        for (int i = 1; i < actions.Length; i++)
        {
            for (int j = i; j > 0 && actions[j - 1].Gate > actions[j].Gate; j--)
                (actions[j - 1], actions[j]) = (actions[j], actions[j - 1]);
        }
    }

    private void AddEntry(RedoLog redo, in PersistentAction action)
    {
        switch (action.Kind)
        {
            case PersistentActionKind.Set:
                redo.Set(action.WordOffset, action.Value);
                break;
            case PersistentActionKind.Allocate when action.IsHuge:
                redo.Set(action.WordOffset, new ChunkHeader(ChunkType.Used, ReadHeader(action.Zone, action.Chunk).Flags, (uint)action.Units).Word);
                break;
            case PersistentActionKind.Allocate:
                redo.Or(action.WordOffset, action.Value);
                break;
            case PersistentActionKind.Free when action.IsHuge:
                redo.Set(action.WordOffset, new ChunkHeader(ChunkType.Free, ReadHeader(action.Zone, action.Chunk).Flags, (uint)action.Units).Word);
                break;
            case PersistentActionKind.Free:
                redo.And(action.WordOffset, ~action.Value);
                break;
        }
    }

    /// <summary>Before any gate is taken, so that a misuse leaves nothing locked.</summary>
    internal static void DemandPrepared(in PersistentAction action)
    {
        if (action.Kind == PersistentActionKind.None)
            throw new ArgumentException("an action is published or cancelled once; this one was, or was never prepared", nameof(action));
    }

    private void AfterCommit(in PersistentAction action)
    {
        if (action.IsHuge)
            StoreFooter(action.Zone, action.Chunk, (uint)action.Units);
        else if (action.Kind == PersistentActionKind.Free && ClassOf(action.Zone, action.Chunk) is { } allocationClass)
            RecyclerOf(allocationClass).CountFreed(action.Chunk, action.Units);
    }

    private void AfterGates(ref PersistentAction action)
    {
        if (action.Kind == PersistentActionKind.Allocate && action.ActiveSlot >= 0)
        {
            ReleaseActive(ActiveAt(action.ActiveSlot));
        }
        else if (action.Kind == PersistentActionKind.Free && action.IsHuge)
        {
            lock (_chunkGate)
                ReturnChunks(action.Zone, action.Chunk, (uint)action.Units);
        }

        action.Kind = PersistentActionKind.None;
    }
}
