using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Checking;

/// <summary>What is known about a table that is checked or repaired.</summary>
public sealed record BttCheckOptions
{
    /// <summary>Which program's rules; null finds out.</summary>
    public BttFormat? Format { get; init; }

    /// <summary>Uuid of the pool set or namespace, as bytes on media, that the table must have; null accepts any.</summary>
    public UInt128? ParentUuid { get; init; }

    /// <summary>The block size that the table must have; 0 accepts any.</summary>
    public int BlockSize { get; init; }

    /// <summary>A table that was never laid out is consistent (a PMDK pool before its first write).</summary>
    public bool MayBeEmpty { get; init; }

    /// <summary>The media was zero before the first layout.</summary>
    public bool KnownZero { get; init; }

    /// <summary>
    /// Told, after each megabyte of a map and on the thread that checks, how far it is in bytes of the namespace, which never go back within an
    /// activity; the total comes last when a table was checked to its end.
    /// </summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Stops early; large maps take a while.</summary>
    public CancellationToken Cancellation { get; init; }
}
