using Pmem.Pools.Checking;
using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>A part that is missing, unreadable or not what its pool set wants.</summary>
/// <param name="Replica">Number of the replica, from 0.</param>
/// <param name="Part">Number of the part in it, from 0.</param>
/// <param name="Path">The file or device.</param>
/// <param name="Reason">What is wrong with it, or with its replica.</param>
public sealed record BrokenPart(int Replica, int Part, string Path, string Reason);

/// <summary>Bad blocks of a part.</summary>
/// <param name="Replica">Number of the replica, from 0.</param>
/// <param name="Part">Number of the part in it, from 0.</param>
/// <param name="Path">The file or device.</param>
/// <param name="Blocks">Its bad ranges, ascending.</param>
public sealed record PartBadBlocks(int Replica, int Part, string Path, IReadOnlyList<BadBlock> Blocks);

/// <summary>How replicas are synchronised or a set is transformed.</summary>
public sealed record PoolSyncOptions
{
    /// <summary>Only find out what would be done.</summary>
    public bool DryRun { get; init; }

    /// <summary>
    /// The folder to copy the set to before anything is changed, as it is then: what is missing in the set is missing there; null makes no copy. A backup that an
    /// interrupted run of the same set made is kept.
    /// </summary>
    public string? BackupPath { get; init; }

    /// <summary>Also mend bad blocks of the parts from replicas in which they are good (<c>pmempool sync --bad-blocks</c>), and finish an interrupted run that did.</summary>
    public bool FixBadBlocks { get; init; }

    /// <summary>Who knows bad blocks.</summary>
    public BadBlockSource BadBlocks { get; init; } = BadBlockSource.Kernel;

    /// <summary>Gets a report for each MiB that is copied.</summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Stops between two MiB. What is done so far is found and done again by the next run.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>What a synchronisation found and did.</summary>
/// <param name="Parts">The parts that were broken and are rebuilt, or would be.</param>
/// <param name="Source">Number of the replica that the data comes from; -1 when nothing was broken.</param>
/// <param name="BytesCopied">Bytes copied to them.</param>
public sealed record PoolSyncResult(IReadOnlyList<BrokenPart> Parts, int Source, long BytesCopied)
{
    /// <summary>The bad blocks that were mended, or would be.</summary>
    public IReadOnlyList<PartBadBlocks> BadBlocks { get; init; } = [];
}

/// <summary>
/// Rebuilds the missing and broken parts of an object pool's set from a healthy replica (<c>pmempool sync</c>).
/// </summary>
/// <remarks>
/// Crash-safe: a part that is being rebuilt has mode 0 and a header of zeros until all its data is durable, so whenever the work is interrupted
/// the next run finds it broken and starts it again. Parts that are healthy are only read.
/// </remarks>
public static class PoolSync
{
    /// <summary>Synchronises a set. No program may have the pool open.</summary>
    /// <exception cref="FileNotFoundException">There is no such set file.</exception>
    /// <exception cref="PmemFormatException">The set file is wrong.</exception>
    /// <exception cref="PmemException">It is not a pool set, has one replica only, no healthy one, is in use, cannot be opened, holds parts of different pools, or names files that are no parts of the pool.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; run it again.</exception>
    public static PoolSyncResult Run(string path, PoolSyncOptions? options = null)
    {
        options ??= new PoolSyncOptions();
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        return PoolBackup.Finishing(path, options.BackupPath, "sync", () => Synchronise(path, options));
    }

    private static PoolSyncResult Synchronise(string path, PoolSyncOptions options)
    {
        SetLayout layout = OpenLayout(path);
        if (layout.Replicas.Count == 1)
            throw new PmemException($"{path}: no replica(s) found in the pool set: there is nothing to synchronise with");
        if (!options.FixBadBlocks)
            BadBlockFiles.DemandNone(layout);
        DemandSizesAndFolders(layout);
        if (layout.Replicas.SelectMany(replica => replica.Parts).FirstOrDefault(part => LinkedFile.AreSame(part.Path, path)) is { } self)
            throw new PmemException($"{path} names itself as a part ({self.Path}): correct the set file");
        PoolBackup.Begin(path, options.BackupPath, "sync", leaveOutMissing: true, options.Progress, options.Cancellation);
        if (!options.DryRun)
            HeaderJournal.Finish(layout);
        IReadOnlyList<PartBadBlocks> bad = options.FixBadBlocks ? new BadBlockSync(layout, options).Run() : [];
        return Rebuild(path, layout, options) with { BadBlocks = bad };
    }

    private static PoolSyncResult Rebuild(string path, SetLayout layout, PoolSyncOptions options)
    {
        using SetHealth health = SetHealth.Examine(layout, demandRing: true);
        BrokenPart[] broken = [.. health.BrokenParts()];
        if (broken.Length == 0)
            return new PoolSyncResult([], Source: -1, BytesCopied: 0);
        health.DemandOwnFiles();
        int source = health.HealthyReplica() ?? throw new PmemException($"{path}: no healthy replica found: {string.Join("; ", broken.Select(part => $"{part.Path}: {part.Reason}"))}");
        health.DemandSizes();
        if (options.DryRun)
            return new PoolSyncResult(broken, source, BytesCopied: 0);
        long copied = new SetRebuild(layout, health, source, options).Run();
        return new PoolSyncResult(broken, source, copied);
    }

    internal static SetLayout OpenLayout(string path)
    {
        if (!File.Exists(path))
            throw Directory.Exists(path) ? new PmemException($"{path} is a directory; name a pool set file") : new FileNotFoundException($"there is no file {path}", path);
        if (!PoolSetFile.IsPoolSet(path))
            throw new PmemException($"{path} is not a pool set file: its first line must be {PoolSetFile.Signature}");
        return SetLayout.Of(PoolSetFile.Read(path));
    }

    internal static void DemandSizesAndFolders(SetLayout layout)
    {
        // Only object pools have replicas, and PMDK asks of each part what it asks of the smallest pool.
        long least = PoolFile.MinimumSize(PoolKind.Object);
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                PartLayout part = layout.Replicas[r].Parts[p];
                if (part.FileSize < least && !layout.IsDirectoryBased)
                    throw new PmemException($"{layout.NameOf(r, p)}: file is too small: {part.FileSize} bytes, at least {least} are needed");
                if (!Directory.Exists(Path.GetDirectoryName(part.Path)))
                    throw new PmemException($"the directory for {layout.NameOf(r, p)} does not exist; create it, or mend the set file");
            }
        }
    }
}
