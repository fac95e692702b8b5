namespace Pmem.Objects.Layout;

/// <summary>Offsets and sizes of the heap on media (docs/formats/heap.md).</summary>
internal static class HeapLayout
{
    /// <summary>Bytes of the heap header.</summary>
    public const int HeaderSize = 1024;

    public const int HeaderChecksumPosition = 1016;
    public const int MajorPosition = 16;
    public const int ChunkSizePosition = 40;
    public const int ChunksPerZonePosition = 48;

    /// <summary>Bytes of a chunk.</summary>
    public const long ChunkSize = 256 << 10;

    /// <summary>Chunks that a zone has at most.</summary>
    public const int ChunksPerZone = 65528;

    /// <summary>Bytes of a zone's header line.</summary>
    public const int ZoneHeaderSize = 64;

    /// <summary>Bytes of a zone before its first chunk: header and chunk headers.</summary>
    public const long ZoneMetadataSize = ZoneHeaderSize + (8L * ChunksPerZone);

    /// <summary>Bytes of a full zone.</summary>
    public const long ZoneMaximumSize = ZoneMetadataSize + (ChunksPerZone * ChunkSize);

    /// <summary>Bytes of the smallest zone: one chunk.</summary>
    public const long ZoneMinimumSize = ZoneMetadataSize + ChunkSize;

    /// <summary>First word of an initialised zone, low half.</summary>
    public const uint ZoneMagic = 0xC3F0A2D2;

    /// <summary>The signature of the heap header, 16 bytes.</summary>
    public static ReadOnlySpan<byte> Signature => "MEMORY_HEAP_HDR\0"u8;

    /// <summary>Zones of a heap.</summary>
    public static int ZoneCount(long heapSize)
    {
        long rest = heapSize - HeaderSize;
        long full = rest / ZoneMaximumSize;
        rest -= full * ZoneMaximumSize;
        return (int)full + (rest >= ZoneMinimumSize ? 1 : 0);
    }

    /// <summary>
    /// Chunks of a zone as C computes them. For heaps that end 256 to 768 KiB behind a full zone C arrives at more chunks than a zone has
    /// headers; see <see cref="UsableSize"/>.
    /// </summary>
    public static long ZoneChunks(long heapSize, int zone)
    {
        if (zone < ZoneCount(heapSize) - 1)
            return ChunksPerZone;
        return (heapSize - (zone * ZoneMaximumSize) - ZoneMetadataSize - HeaderSize) / ChunkSize;
    }

    /// <summary>The heap size to record at creation: all of it, unless C would then overrun the chunk headers of the last zone.</summary>
    public static long UsableSize(long heapSize)
    {
        int zones = ZoneCount(heapSize);
        return zones > 0 && ZoneChunks(heapSize, zones - 1) > ChunksPerZone ? HeaderSize + (zones * ZoneMaximumSize) : heapSize;
    }
}

/// <summary>What a chunk is.</summary>
public enum ChunkType
{
    /// <summary>Never written, or damaged.</summary>
    Unknown = 0,

    /// <summary>The last chunk of several: its size leads back to the first.</summary>
    Footer = 1,

    /// <summary>The first of so many free chunks.</summary>
    Free = 2,

    /// <summary>The first chunk of an object of whole chunks.</summary>
    Used = 3,

    /// <summary>The first chunk of a run: many objects of one size class, and their bitmap.</summary>
    Run = 4,

    /// <summary>A further chunk of a run; its size leads back to the first.</summary>
    RunData = 5,
}

/// <summary>Flags of a chunk header; for runs they say how its objects are laid out.</summary>
[Flags]
public enum ChunkFlags
{
    /// <summary>Objects have 64-byte headers.</summary>
    None = 0,

    /// <summary>Objects have 16-byte headers.</summary>
    CompactHeader = 1,

    /// <summary>Objects have no header.</summary>
    NoHeader = 2,

    /// <summary>Objects are aligned as the run header says.</summary>
    Aligned = 4,

    /// <summary>The bitmap is as long as the run needs; without it, it has 38 words.</summary>
    FlexibleBitmap = 8,

    /// <summary>All that are known.</summary>
    All = CompactHeader | NoHeader | Aligned | FlexibleBitmap,
}

/// <summary>A chunk header: one failure-atomic word.</summary>
/// <param name="Word">The word on media.</param>
internal readonly record struct ChunkHeader(ulong Word)
{
    /// <summary>Bytes on media.</summary>
    public const int Size = 8;

    public ChunkHeader(ChunkType type, ChunkFlags flags, uint sizeIndex)
        : this((ushort)type | ((ulong)(ushort)flags << 16) | ((ulong)sizeIndex << 32))
    {
    }

    public ChunkType Type => (ChunkType)(ushort)Word;

    public ChunkFlags Flags => (ChunkFlags)(ushort)(Word >> 16);

    /// <summary>Length in chunks; of run data, the distance from the run's first chunk.</summary>
    public uint SizeIndex => (uint)(Word >> 32);
}

/// <summary>Headers of objects.</summary>
internal static class ObjectHeader
{
    public const int CompactSize = 16;
    public const int LegacySize = 64;
    public const ulong SizeMask = (1UL << 48) - 1;
    public const int FlagsShift = 48;

    // The legacy header.
    public const int LegacySizePosition = 8;
    public const int LegacyRootSizePosition = 48;
    public const int LegacyTypePosition = 56;

    /// <summary>Bytes of the header of objects in a chunk with these flags.</summary>
    public static int SizeOf(ChunkFlags flags) =>
        (flags & ChunkFlags.CompactHeader) != 0 ? CompactSize : (flags & ChunkFlags.NoHeader) != 0 ? 0 : LegacySize;
}
