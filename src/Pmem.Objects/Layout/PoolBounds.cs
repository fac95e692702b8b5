namespace Pmem.Objects.Layout;

/// <summary>Where things are in one pool: what a log entry may point to.</summary>
/// <param name="LanesOffset">First lane.</param>
/// <param name="LaneCount">Lanes on media.</param>
/// <param name="HeapOffset">The heap header.</param>
/// <param name="HeapSize">Bytes of the heap, header included.</param>
internal readonly record struct PoolBounds(long LanesOffset, int LaneCount, long HeapOffset, long HeapSize)
{
    /// <summary>First byte behind the lanes.</summary>
    public long LanesEnd => LanesOffset + ((long)LaneCount * LaneLayout.Size);

    /// <summary>First byte behind the heap.</summary>
    public long HeapEnd => HeapOffset + HeapSize;

    /// <summary>Whether a range lies in the heap: all that a transaction may save or restore.</summary>
    public bool IsInHeap(long offset, long length) => offset >= HeapOffset && length >= 0 && offset <= HeapEnd && length <= HeapEnd - offset;

    /// <summary>Whether a redo entry may change the word at this offset.</summary>
    public bool IsRedoDestination(long offset) => (offset & 7) == 0
        && (IsInHeap(offset, sizeof(ulong))
            || (offset >= LanesOffset && offset + sizeof(ulong) <= LanesEnd)
            || offset is >= PoolDescriptor.RootOffsetField and <= PoolDescriptor.CurrentAllocatedField);

    /// <summary>Pool offset of a lane.</summary>
    public long LaneOffset(int index) => LanesOffset + ((long)index * LaneLayout.Size);
}
