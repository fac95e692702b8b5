using Pmem.Pools.Checking;
using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>What turns one pool set into another.</summary>
public enum PoolTransformation
{
    /// <summary>The target has replicas that the source has not.</summary>
    AddReplicas,

    /// <summary>The source has replicas that the target has not; their files are removed.</summary>
    RemoveReplicas,

    /// <summary>The target has <c>SINGLEHDR</c>, the source has not.</summary>
    RemoveHeaders,

    /// <summary>The source has <c>SINGLEHDR</c>, the target has not.</summary>
    AddHeaders,
}

/// <summary>What a transformation did, or would do.</summary>
/// <param name="Transformation">Which it is.</param>
/// <param name="Parts">The parts that are made, or removed, or written anew.</param>
/// <param name="BytesCopied">Bytes of data copied.</param>
public sealed record PoolTransformResult(PoolTransformation Transformation, IReadOnlyList<string> Parts, long BytesCopied)
{
    /// <summary>Parts of removed replicas that were not there any more.</summary>
    public IReadOnlyList<string> Gone { get; init; } = [];

    /// <summary>Whether the pool was the target's already, so that nothing was done.</summary>
    public bool WasDone { get; init; }
}

/// <summary>
/// Changes the structure of an object pool's set: adds or removes replicas, or the headers of all parts but the first (<c>pmempool transform</c>).
/// </summary>
/// <remarks>
/// <para>Crash-safe: whenever it is interrupted, the same call finishes it; until then the pool may open by neither set file. New parts have
/// mode 0 until they are complete; headers change through a journal beside the target's set file; headers are added and removed by writing new
/// files (<c>.transform</c>) that then take the places of the old ones, so that needs as much free space as a replica.</para>
/// <para>A file of a replica is removed, or replaced, only when its header names the pool. With <c>SINGLEHDR</c> only the first part has one: it
/// speaks for the others, in which nothing says whose they are.</para>
/// </remarks>
public static class PoolTransform
{
    /// <summary>Transforms a pool from one set file to another. No program may have it open.</summary>
    /// <param name="source">The set file that the pool has now.</param>
    /// <param name="target">The set file that it shall have: the same replicas and others, fewer of them, or the same with or without SINGLEHDR.</param>
    /// <param name="options">Dry run, backup of the source, progress, cancellation.</param>
    /// <exception cref="FileNotFoundException">There is no such set file.</exception>
    /// <exception cref="PmemFormatException">A set file is wrong.</exception>
    /// <exception cref="PmemException">The one cannot be made into the other, the pool is broken or in use, or there is no space.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; call it again to finish.</exception>
    public static PoolTransformResult Run(string source, string target, PoolSyncOptions? options = null)
    {
        options ??= new PoolSyncOptions();
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        return PoolBackup.Finishing(source, options.BackupPath, "transform", () => Transform(source, target, options));
    }

    private static PoolTransformResult Transform(string source, string target, PoolSyncOptions options)
    {
        SetLayout from = PoolSync.OpenLayout(source);
        SetLayout to = PoolSync.OpenLayout(target);
        if (from.IsDirectoryBased || to.IsDirectoryBased)
            throw new PmemException("transform of directory poolsets is not supported");
        PoolSync.DemandSizesAndFolders(to);
        DemandPathsOnce(to);
        SetChange change = SetChange.Between(from, to);
        bool isReplicaChange = change.Transformation is PoolTransformation.AddReplicas or PoolTransformation.RemoveReplicas;
        bool isInterrupted = File.Exists(HeaderJournal.PathOf(to));
        if (isReplicaChange && !isInterrupted && IsDone(from, to))
            return new PoolTransformResult(change.Transformation, [], BytesCopied: 0) { WasDone = true };
        PoolBackup.Begin(source, options.BackupPath, "transform", leaveOutMissing: true, options.Progress, options.Cancellation);
        if (!options.DryRun)
            HeaderJournal.Finish(to);
        return change.Transformation switch
        {
            PoolTransformation.AddReplicas => new ReplicaChange(from, to, change, options).Add(),
            PoolTransformation.RemoveReplicas => new ReplicaChange(from, to, change, options).Remove(),
            _ => new HeaderChange(from, to, change.Transformation, options).Run(),
        };
    }

    /// <summary>
    /// Whether the pool is the target's already, all of it. Its replicas name their neighbours: a pool whose ring is neither the source's nor, as an
    /// interrupted run leaves it, the target's, is that of a third set file, which would lose replicas.
    /// </summary>
    /// <exception cref="PmemException">It is neither's; nothing was changed.</exception>
    private static bool IsDone(SetLayout from, SetLayout to)
    {
        try
        {
            SetHealth.Examine(from, demandRing: true).Dispose();
            return false;
        }
        catch (PmemException notSource) when (SetHealth.IsForeign(notSource))
        {
            try
            {
                using SetHealth health = SetHealth.Examine(to, demandRing: true);

                // New parts are made before any header names them.
                HashSet<string> old = [.. from.Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path)];
                if (health.BrokenParts().FirstOrDefault(part => !old.Contains(part.Path) && !File.Exists(part.Path)) is { } missing)
                    throw NeitherSet(from, to, $"{missing.Path} is not there, and an interrupted transform would have made it; if it was lost since, run 'pmem pool sync {to.Path}'", notSource);
                old.ExceptWith(to.Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path));
                return !health.BrokenParts().Any() && !old.Any(File.Exists);
            }
            catch (PmemException notTarget) when (SetHealth.IsForeign(notTarget))
            {
                throw NeitherSet(from, to, notTarget.Message, notSource);
            }
        }
    }

    private static PmemException NeitherSet(SetLayout from, SetLayout to, string why, PmemException notSource) =>
        new($"source poolset health check failed: the pool is not that of {from.Path}, and not that of {to.Path} ({why}): name the set file that it has now as the source; nothing was changed", notSource);

    private static void DemandPathsOnce(SetLayout layout)
    {
        if (layout.FindRepeatedPath() is { } repeated)
            throw new PmemException($"{layout.Path}: some part file's path is used multiple times: {repeated.Path}, in lines {repeated.First} and {repeated.Second}");
    }
}
