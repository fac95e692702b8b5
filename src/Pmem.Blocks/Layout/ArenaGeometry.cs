namespace Pmem.Blocks.Layout;

/// <summary>Where the parts of an arena are, relative to its start, and how many blocks it has.</summary>
/// <param name="Length">Bytes of the arena, a multiple of 4096.</param>
/// <param name="ExternalBlockSize">Bytes of a block as users see it.</param>
/// <param name="InternalBlockSize">Bytes of a block in the data area.</param>
/// <param name="ExternalBlocks">Blocks that users see.</param>
/// <param name="InternalBlocks">Blocks in the data area.</param>
/// <param name="FreeBlocks">Free blocks, and flog entries.</param>
/// <param name="MapOffset">Offset of the map.</param>
/// <param name="FlogOffset">Offset of the flog.</param>
/// <param name="InfoOffset">Offset of the copy of the info block.</param>
public readonly record struct ArenaGeometry(
    long Length, uint ExternalBlockSize, uint InternalBlockSize, uint ExternalBlocks, uint InternalBlocks, uint FreeBlocks, long MapOffset, long FlogOffset, long InfoOffset)
{
    /// <summary>Offset of the data: right behind the info block.</summary>
    public const int DataOffset = BttInfo.Size;

    /// <summary>Computes the layout of an arena (UEFI 2.7 section 6.2.2, PMDK <c>btt_info_set</c>).</summary>
    /// <param name="format">The variant.</param>
    /// <param name="available">Bytes from the arena's start to the end of the namespace.</param>
    /// <param name="blockSize">Bytes of a block as users see it.</param>
    /// <param name="freeBlocks">Free blocks.</param>
    /// <exception cref="ArgumentOutOfRangeException">The block is so large that the arena would not hold twice the free blocks.</exception>
    public static ArenaGeometry Compute(BttFormat format, long available, int blockSize, uint freeBlocks = BttLayout.DefaultFreeBlocks)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentOutOfRangeException.ThrowIfLessThan(available, BttLayout.MinimumArena);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        long length = LengthOf(available);
        long internalSize = format.InternalBlockSize(blockSize);
        long blocks = BlocksThatFit(format, available, blockSize, freeBlocks);
        if (FindProblem(format, available, blockSize, freeBlocks) is { } problem)
            throw new ArgumentOutOfRangeException(nameof(blockSize), problem);

        // Offsets from the end: copy of the info block, flog, map.
        uint external = (uint)blocks - freeBlocks;
        long info = length - BttInfo.Size;
        long flogOffset = info - BttLayout.FlogSize(freeBlocks);
        return new ArenaGeometry(length, (uint)blockSize, (uint)internalSize, external, (uint)blocks, freeBlocks, flogOffset - BttLayout.MapSize(external), flogOffset, info);
    }

    /// <summary>Why an arena cannot have blocks of a size, or null.</summary>
    /// <param name="format">The variant.</param>
    /// <param name="available">Bytes from the arena's start to the end of the namespace.</param>
    /// <param name="blockSize">Bytes of a block as users see it.</param>
    /// <param name="freeBlocks">Free blocks.</param>
    public static string? FindProblem(BttFormat format, long available, int blockSize, uint freeBlocks = BttLayout.DefaultFreeBlocks)
    {
        long blocks = BlocksThatFit(format, available, blockSize, freeBlocks);
        return blocks < 2L * freeBlocks ? $"blocks of {blockSize} bytes are too large for {available} bytes: {Math.Max(0, blocks)} of them fit, and at least {2 * freeBlocks} are needed" : null;
    }

    private static long LengthOf(long available) => Math.Min(available, BttLayout.MaximumArena) & -BttLayout.Alignment;

    // A page more than the structures need, because the map is rounded up.
    private static long BlocksThatFit(BttFormat format, long available, int blockSize, uint freeBlocks) =>
        (LengthOf(available) - (2 * BttInfo.Size) - BttLayout.FlogSize(freeBlocks) - BttLayout.Alignment) / (format.InternalBlockSize(blockSize) + BttLayout.MapEntrySize);

    /// <summary>The info block of a new arena with this geometry.</summary>
    /// <param name="format">The variant.</param>
    /// <param name="uuid">Of the table, as bytes on media.</param>
    /// <param name="parentUuid">Of the pool set or namespace, as bytes on media.</param>
    /// <param name="rest">Bytes of the namespace behind this arena.</param>
    public BttInfo ToInfo(BttFormat format, UInt128 uuid, UInt128 parentUuid, long rest)
    {
        ArgumentNullException.ThrowIfNull(format);
        BttInfo info = default;
        info.Signature = BttInfo.ExpectedSignature;
        info.Uuid = uuid;
        info.ParentUuid = parentUuid;
        info.Major = format.Major;
        info.Minor = format.Minor;
        info.ExternalBlockSize = ExternalBlockSize;
        info.ExternalBlocks = ExternalBlocks;
        info.InternalBlockSize = InternalBlockSize;
        info.InternalBlocks = InternalBlocks;
        info.FreeBlocks = FreeBlocks;
        info.InfoSize = BttInfo.Size;
        info.NextOffset = rest >= BttLayout.MinimumArena ? (ulong)Length : 0;
        info.DataOffset = DataOffset;
        info.MapOffset = (ulong)MapOffset;
        info.FlogOffset = (ulong)FlogOffset;
        info.InfoOffset = (ulong)InfoOffset;
        info.Checksum = info.ComputeChecksum();
        return info;
    }
}
