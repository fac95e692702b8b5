namespace Pmem.Raw;

/// <summary>What of the input goes where, and how.</summary>
public sealed record RawCopyOptions
{
    /// <summary>Bytes of the input to skip (daxio <c>--skip</c>).</summary>
    public long Skip { get; init; }

    /// <summary>Where in the output to start (daxio <c>--seek</c>).</summary>
    public long Seek { get; init; }

    /// <summary>Bytes to copy; null takes what both ends have (daxio <c>--len</c>).</summary>
    public long? Length { get; init; }

    /// <summary>Make bad blocks in the range of the output good before it is written (daxio <c>--clear-bad-blocks</c>).</summary>
    public bool ClearBadBlocks { get; init; } = true;

    /// <summary>Who knows bad blocks.</summary>
    public BadBlockSource BadBlocks { get; init; } = BadBlockSource.Kernel;

    /// <summary>Only find out what would be done.</summary>
    public bool DryRun { get; init; }

    /// <summary>A new file that gets what is in the range of the output before it is written; null makes none. One that an interrupted run made of the same output is kept.</summary>
    public string? BackupPath { get; init; }

    /// <summary>Told from time to time how far it is.</summary>
    public IProgress<RawCopyProgress>? Progress { get; init; }

    /// <summary>Stops between two pieces. What was copied so far is durable; a file that the copy created is removed.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>How far a copy is.</summary>
/// <param name="Done">Bytes copied.</param>
/// <param name="Total">Bytes to be copied; null while nobody knows, because the input is a stream.</param>
public readonly record struct RawCopyProgress(long Done, long? Total);

/// <summary>What a copy did, or would do.</summary>
/// <param name="Bytes">Bytes copied; null in a dry run when nobody knows, because the input is a stream.</param>
/// <param name="Missing">Bytes that were asked for, but that the input did not have.</param>
/// <param name="BadBlocks">The bad blocks of the output that were cleared, or would be.</param>
public sealed record RawCopyResult(long? Bytes, long Missing, IReadOnlyList<BadBlock> BadBlocks);
