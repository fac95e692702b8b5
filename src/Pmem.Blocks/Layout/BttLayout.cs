namespace Pmem.Blocks.Layout;

/// <summary>Sizes and offsets of the block translation table (docs/formats/blocks.md); UEFI 2.7 chapter 6, PMDK <c>btt_layout.h</c>.</summary>
public static class BttLayout
{
    /// <summary>All structures are aligned to so many bytes.</summary>
    public const int Alignment = 4096;

    /// <summary>Largest arena in bytes.</summary>
    public const long MaximumArena = 1L << 39;

    /// <summary>Smallest arena in bytes; a smaller rest of a namespace is unused.</summary>
    public const long MinimumArena = 16L << 20;

    /// <summary>Free blocks, and so flog entries, of a new arena.</summary>
    public const int DefaultFreeBlocks = 256;

    /// <summary>Largest external block: the layout needs twice the number of free blocks of them in an arena.</summary>
    public const int MaximumBlockSize = 1 << 30;

    /// <summary>Bytes of a map entry.</summary>
    public const int MapEntrySize = 4;

    /// <summary>Bytes of a flog entry: two halves of 16 bytes, and padding to a cache line.</summary>
    public const int FlogEntrySize = 64;

    /// <summary>Bytes of a half of a flog entry.</summary>
    public const int FlogHalfSize = 16;

    /// <summary>Bytes of the flog of an arena.</summary>
    public static long FlogSize(uint freeBlocks) => RoundUp((long)freeBlocks * FlogEntrySize, Alignment);

    /// <summary>Bytes of the map of an arena.</summary>
    public static long MapSize(uint externalBlocks) => RoundUp((long)externalBlocks * MapEntrySize, Alignment);

    /// <summary>The next multiple of a power of two.</summary>
    internal static long RoundUp(long value, long alignment) => (value + alignment - 1) & -alignment;

    /// <summary>How many arenas a namespace of so many bytes (behind its initial offset) has.</summary>
    public static int ArenaCount(long length) => (int)(length / MaximumArena) + (length % MaximumArena >= MinimumArena ? 1 : 0);
}
