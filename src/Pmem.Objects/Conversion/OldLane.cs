namespace Pmem.Objects.Conversion;

/// <summary>
/// A lane of layouts 1 to 4: three sections of 1024 bytes, for the allocator, for lists, for transactions (docs/formats/old-layouts.md). From layout 5
/// on lanes are as they are now.
/// </summary>
internal static class OldLane
{
    public const int SectionSize = 1024;

    /// <summary>The allocator's redo log.</summary>
    public const int AllocatorRedo = 0;

    /// <summary>Offset of the object that a list operation was about to free; 0 for none.</summary>
    public const int ListObject = SectionSize;

    /// <summary>The redo log of lists.</summary>
    public const int ListRedo = ListObject + sizeof(ulong);

    /// <summary>State of the transaction: 0, or <see cref="Committed"/>.</summary>
    public const int TransactionState = 2 * SectionSize;

    public const ulong Committed = 1;

    /// <summary>The four undo logs: objects allocated, objects freed, ranges saved, caches of saved ranges.</summary>
    public const int UndoLogs = TransactionState + sizeof(ulong);

    /// <summary>Entries of a redo log: as many as fit into a section.</summary>
    public const int RedoEntries = (SectionSize - (2 * sizeof(ulong))) / (2 * sizeof(ulong));

    /// <summary>Set in the offset of the last entry of a redo log that is complete.</summary>
    public const ulong Finish = 1;

    /// <summary>Layout 1: bytes of an undo log, the id of its first object and a mutex.</summary>
    public const int ListHeadSize = 16 + 64;

    /// <summary>Layout 1: from an object's user data back to the id of the next object in its undo log.</summary>
    public const int ListEntryBehind = 48;

    /// <summary>Layouts 2 to 4: bytes of an undo log, a vector of offsets.</summary>
    public const int VectorSize = (VectorArrays + VectorEmbedded) * sizeof(ulong);

    /// <summary>Arrays of a vector: the first is embedded and has 8 entries, each further one is an object and has twice as many.</summary>
    public const int VectorArrays = 20;

    public const int VectorEmbedded = 8;

    /// <summary>An entry that was taken out of the middle of a vector.</summary>
    public const ulong SkippedEntry = ulong.MaxValue;

    /// <summary>Bytes before the data of a saved range: its offset and its size.</summary>
    public const int RangeHeaderSize = 2 * sizeof(ulong);

    /// <summary>Layouts 1 to 3: data bytes of a slot of a cache, and slots.</summary>
    public const int CacheSlotData = 32;

    public const int CacheSlots = 169;

    /// <summary>Where layouts 1 to 4 (up to PMDK 1.3) keep the heap size, under the descriptor's checksum.</summary>
    public const long HeapSizeField = 0x1418;
}

/// <summary>The undo logs of a lane, in order.</summary>
internal enum OldUndo
{
    Allocated,
    Freed,
    Ranges,
    Caches,
}
