using Pmem.Tracing;

namespace Pmem.Pools.Sets;

/// <summary>
/// Adds replicas to a set or takes some away. The headers of the replicas that stay get their new neighbours in one step, through the journal.
/// Added parts have mode 0 until everything is done, or name the pool: so the next run knows them as its own and makes them again. Removed parts
/// go last, when no header names them any more.
/// </summary>
internal sealed class ReplicaChange(SetLayout from, SetLayout to, SetChange change, PoolSyncOptions options)
{
    public PoolTransformResult Add()
    {
        int[] added = [.. Enumerable.Range(0, to.Replicas.Count).Where(r => change.Kept[r] < 0)];
        string[] parts = [.. added.SelectMany(r => to.Replicas[r].Parts).Select(part => part.Path)];
        Guid pool;
        using (SetHealth before = SetHealth.Examine(from, demandRing: false))
        {
            DemandHealthy(before, Enumerable.Range(0, from.Replicas.Count));
            pool = before.Header(0, 0).PoolSetUuid;
        }

        // What is there of an earlier run goes, and its room is free then.
        PoolSpace.Demand(added.SelectMany(r => to.Replicas[r].Parts).Where(part => !part.IsDevice).Select(part => (part.Path, part.FileSize - (File.Exists(part.Path) ? LinkedFile.LengthOf(part.Path) : 0))));
        foreach (int r in added)
            RemoveLeftOvers(to.Replicas[r], pool);
        if (options.DryRun)
            return new PoolTransformResult(change.Transformation, parts, BytesCopied: 0);
        using SetHealth health = SetHealth.Examine(to, demandRing: false);
        foreach (int r in added)
            health.MarkNew(r);
        int source = health.HealthyReplica()!.Value;
        long copied = new SetRebuild(to, health, source, options) { NewUuids = true }.Run();
        return new PoolTransformResult(change.Transformation, parts, copied);
    }

    public PoolTransformResult Remove()
    {
        PartLayout[] going;
        string[] parts;
        string[] gone = [.. change.Removed.SelectMany(r => from.Replicas[r].Parts).Where(part => !File.Exists(part.Path)).Select(part => part.Path)];
        using (SetHealth health = SetHealth.Examine(to, demandRing: false))
        {
            DemandHealthy(health, Enumerable.Range(0, to.Replicas.Count));
            using SetHealth all = LockRest();
            going = [.. change.Removed.SelectMany(r => OwnParts(from.Replicas[r], health.Header(0, 0).PoolSetUuid, "being removed"))];
            parts = [.. going.Select(part => part.Path)];
            if (options.DryRun)
                return new PoolTransformResult(change.Transformation, parts, BytesCopied: 0) { Gone = gone };
            new SetRebuild(to, health, source: 0, options).Run();
        }

        // The first part of a replica proves whose the others are, so it goes last.
        foreach (PartLayout part in going.Reverse())
        {
            Remove(part);
            PersistenceTrace.Mark("part removed");
        }

        return new PoolTransformResult(change.Transformation, parts, BytesCopied: 0) { Gone = gone };
    }

    /// <summary>A replica that goes may be broken, but not in use.</summary>
    private SetHealth LockRest() => SetHealth.Examine(from.Only(change.Removed), demandRing: false);

    private void DemandHealthy(SetHealth health, IEnumerable<int> replicas)
    {
        BrokenPart? broken = health.BrokenParts().FirstOrDefault(part => replicas.Contains(part.Replica));
        if (broken is not null)
            throw new PmemException($"source poolset is broken: {broken.Path}: {broken.Reason}; run 'pmem pool sync {from.Path}' first");
        long used = health.PoolSize(0);
        if (to.PoolSize < used)
            throw new PmemException($"{to.Path}: target poolset is too small: it has {to.PoolSize} bytes, the pool uses {used}");
    }

    private void RemoveLeftOvers(ReplicaLayout replica, Guid pool)
    {
        foreach (PartLayout part in OwnParts(replica, pool, "being added already exist: they").Reverse())
        {
            if (!options.DryRun && !part.IsDevice)
                File.Delete(part.Path);
        }
    }

    /// <summary>The parts of a replica that exist; all are this pool's, or what an interrupted run left.</summary>
    /// <exception cref="PmemException">A file is not known to be the pool's; nothing was changed.</exception>
    private PartLayout[] OwnParts(ReplicaLayout replica, Guid pool, string what)
    {
        // A device cannot go: an interrupted run left it without a header.
        PartLayout[] there = [.. replica.Parts.Where(part => File.Exists(part.Path) && !(part.IsDevice && PoolFile.ReadHeader(part.Path) is { Signature: 0, Checksum: 0 }))];
        foreach (PartLayout part in there)
        {
            if (part.IsDevice && what.StartsWith("being added", StringComparison.Ordinal))
                continue;
            PartLayout proof = from.SingleHeader ? replica.Parts[0] : part;
            if (!IsLeftOver(part) && !(File.Exists(proof.Path) && PoolFile.ReadHeader(proof.Path) is { } header && header.PoolSetUuid == pool && header.Checksum == header.ComputeChecksum()))
                throw new PmemException($"some parts {what} are not known to be this pool's: {part.Path} has no header that names it; remove the file yourself, or name another; nothing was changed");
        }

        return there;
    }

    private static bool IsLeftOver(PartLayout part) => !part.IsDevice && !OperatingSystem.IsWindows() && File.GetUnixFileMode(part.Path) == UnixFileMode.None;

    private static void Remove(PartLayout part)
    {
        if (!part.IsDevice)
        {
            File.Delete(part.Path);
            return;
        }

        using PersistentMap map = PersistentMap.Open(part.Path);
        map.Fill(0, 0, PoolHeader.Size);
    }
}
