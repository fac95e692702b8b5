namespace Pmem.Objects.Layout;

/// <summary>Offsets and sizes of the object pool's descriptor and fixed areas (docs/formats/objects.md).</summary>
internal static class PoolDescriptor
{
    /// <summary>Pool offset of the checksummed, persistent part.</summary>
    public const long Offset = 0x1000;

    /// <summary>Bytes of the persistent part.</summary>
    public const int Size = 2048;

    /// <summary>Bytes reserved for the NUL-terminated layout name.</summary>
    public const int LayoutSize = 1024;

    /// <summary>Longest layout name in bytes.</summary>
    public const int MaximumLayoutLength = LayoutSize - 1;

    public const long LanesOffsetField = 0x1400;
    public const long LaneCountField = 0x1408;
    public const long HeapOffsetField = 0x1410;
    public const long ChecksumField = 0x17F8;
    public const int ChecksumPosition = (int)(ChecksumField - Offset);

    // The mutable part: every field is one failure-atomic word.
    public const long RootOffsetField = 0x1800;
    public const long RunIdField = 0x1808;
    public const long RootSizeField = 0x1810;
    public const long ConversionFlagsField = 0x1818;
    public const long HeapSizeField = 0x1820;
    public const long CurrentAllocatedField = 0x1828;
    public const long ReservedField = 0x1830;
    public const int ReservedSize = 496;

    /// <summary>Run-time pointers of the C library: never read, never preserved.</summary>
    public const long RunTimeArea = 0x1A20;

    public const long DefaultLanesOffset = 0x2000;
    public const int DefaultLaneCount = 1024;

    /// <summary>Where C puts the heap: after the lanes, on a page.</summary>
    public const long DefaultHeapOffset = DefaultLanesOffset + (DefaultLaneCount * LaneLayout.Size);

    /// <summary>Smallest object pool.</summary>
    public const long MinimumPoolSize = 8L << 20;
}
