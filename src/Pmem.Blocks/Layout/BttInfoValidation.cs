namespace Pmem.Blocks.Layout;

/// <summary>The rules by which an info block is accepted. Whatever passes cannot lead outside the arena.</summary>
public static class BttInfoValidation
{
    /// <summary>The first rule that an info block breaks, or null when the arena can be used as it says.</summary>
    /// <param name="info">The block as read.</param>
    /// <param name="offset">Where it is, for the message.</param>
    /// <param name="available">Bytes from the arena's start to the end of the namespace.</param>
    /// <param name="parentUuid">The uuid of the pool set or namespace, as bytes; null accepts any.</param>
    /// <param name="blockSize">The block size that is wanted; 0 accepts any.</param>
    public static PmemFormatException? FindProblem(in BttInfo info, long offset, long available, UInt128? parentUuid, int blockSize)
    {
        if (info.Signature != BttInfo.ExpectedSignature)
            return new PmemFormatException("BTT info block signature", offset, "BTT_ARENA_INFO", info.IsZero ? "zeros" : "other bytes");
        ulong checksum = info.ComputeChecksum();
        if (info.Checksum != checksum)
            return new PmemFormatException("BTT info block checksum", offset + BttInfo.ChecksumPosition, $"0x{checksum:x16}", $"0x{info.Checksum:x16}");
        if (parentUuid is { } parent && info.ParentUuid != parent)
            return new PmemFormatException("BTT info block parent uuid", offset + 32, $"that of the pool set or namespace ({parent:x32})", $"{info.ParentUuid:x32}: the table belongs to another");
        if (!((info.Major == 1 && info.Minor == 1) || (info.Major == 2 && info.Minor == 0)))
            return new PmemFormatException("BTT info block version", offset + 52, "1.1 or 2.0", $"{info.Major}.{info.Minor}");
        if (blockSize != 0 && info.ExternalBlockSize != blockSize)
            return new PmemFormatException("BTT external block size", offset + 56, $"{blockSize}", $"{info.ExternalBlockSize}");
        if (info.ExternalBlockSize is 0 or > BttLayout.MaximumBlockSize)
            return new PmemFormatException("BTT external block size", offset + 56, $"1 to {BttLayout.MaximumBlockSize}", $"{info.ExternalBlockSize}");
        if (info.InternalBlockSize < info.ExternalBlockSize)
            return new PmemFormatException("BTT internal block size", offset + 64, $"at least {info.ExternalBlockSize}", $"{info.InternalBlockSize}");
        if (info.FreeBlocks == 0)
            return new PmemFormatException("BTT free blocks", offset + 72, "at least 1", "0");
        if (info.ExternalBlocks == 0 || (ulong)info.ExternalBlocks + info.FreeBlocks > info.InternalBlocks || info.InternalBlocks > MapEntry.BlockMask + 1)
        {
            return new PmemFormatException(
                "BTT block counts", offset + 60, "external and free blocks that fit into the internal ones", $"{info.ExternalBlocks} external, {info.FreeBlocks} free, {info.InternalBlocks} internal");
        }

        if (info.InfoSize != BttInfo.Size)
            return new PmemFormatException("BTT info block size", offset + 76, $"{BttInfo.Size}", $"{info.InfoSize}");
        return FindOffsetProblem(in info, offset, available);
    }

    private static PmemFormatException? FindOffsetProblem(in BttInfo info, long offset, long available)
    {
        ulong length = (ulong)Math.Min(available, BttLayout.MaximumArena);
        if (info.NextOffset != 0 && (info.NextOffset != BttLayout.MaximumArena || available < BttLayout.MaximumArena + BttLayout.MinimumArena))
            return new PmemFormatException("BTT next arena offset", offset + 80, available < BttLayout.MaximumArena + BttLayout.MinimumArena ? "0" : $"0 or {BttLayout.MaximumArena}", $"{info.NextOffset}");
        if (info.InfoOffset > length - BttInfo.Size || (info.InfoOffset & 7) != 0)
            return new PmemFormatException("BTT info copy offset", offset + 112, $"at most {length - BttInfo.Size}", $"{info.InfoOffset}");

        // Each comparison bounds the next, so that no sum can wrap.
        if (info.FlogOffset > info.InfoOffset || info.InfoOffset - info.FlogOffset < (ulong)info.FreeBlocks * BttLayout.FlogEntrySize || (info.FlogOffset & 63) != 0)
            return new PmemFormatException("BTT flog offset", offset + 104, $"room for {info.FreeBlocks} entries before {info.InfoOffset}", $"{info.FlogOffset}");
        if (info.MapOffset > info.FlogOffset || info.FlogOffset - info.MapOffset < (ulong)info.ExternalBlocks * BttLayout.MapEntrySize || (info.MapOffset & 63) != 0)
            return new PmemFormatException("BTT map offset", offset + 96, $"room for {info.ExternalBlocks} entries before {info.FlogOffset}", $"{info.MapOffset}");
        if (info.DataOffset < BttInfo.Size || info.DataOffset > info.MapOffset || (info.MapOffset - info.DataOffset) / info.InternalBlockSize < info.InternalBlocks)
            return new PmemFormatException("BTT data offset", offset + 88, $"room for {info.InternalBlocks} blocks of {info.InternalBlockSize} bytes before {info.MapOffset}", $"{info.DataOffset}");
        return null;
    }
}
