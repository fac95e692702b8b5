using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Transactions;

namespace Pmem.Objects.Logs;

/// <summary>What one thread at a time needs to change the pool: two redo logs, an undo log, and the transaction that uses them.</summary>
internal sealed class Lane
{
    public Lane(ObjectStore store, int index, PoolBounds bounds)
    {
        Index = index;
        PersistentMap map = store.Map;
        long offset = bounds.LaneOffset(index);
        Internal = new RedoLog(map, offset + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, extensions: null);

        var redoExtensions = new UlogExtensions(map, offset + LaneLayout.ExternalPosition, RedoExtensionSize);
        redoExtensions.Load(bounds);
        redoExtensions.Bind(store.Heap, Internal);
        External = new RedoLog(map, offset + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, redoExtensions);

        var undoExtensions = new UlogExtensions(map, offset + LaneLayout.UndoPosition, UndoExtensionSize);
        undoExtensions.Load(bounds);
        undoExtensions.Bind(store.Heap, Internal);
        Undo = new UndoLog(map, offset + LaneLayout.UndoPosition, undoExtensions);
        Transaction = new TransactionContext(store, this);
    }

    /// <summary>Bytes asked for an undo extension: the transaction cache of 32 KiB, a header, and room to align.</summary>
    public const int UndoExtensionSize = (32 << 10) + UlogHeader.Size + (2 * UlogHeader.Size);

    /// <summary>Bytes asked for a redo extension.</summary>
    public const int RedoExtensionSize = LaneLayout.ExternalCapacity + UlogHeader.Size + (2 * UlogHeader.Size);

    public int Index { get; }

    /// <summary>For steps inside an operation: log extensions.</summary>
    public RedoLog Internal { get; }

    /// <summary>For the operation itself.</summary>
    public RedoLog External { get; }

    public UndoLog Undo { get; }

    public TransactionContext Transaction { get; }
}
