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
        string[] parts = [.. change.Removed.SelectMany(r => from.Replicas[r].Parts).Select(part => part.Path)];
        using (SetHealth health = SetHealth.Examine(to, demandRing: false))
        {
            DemandHealthy(health, Enumerable.Range(0, to.Replicas.Count));
            using SetHealth all = LockRest();
            if (options.DryRun)
                return new PoolTransformResult(change.Transformation, parts, BytesCopied: 0);
            new SetRebuild(to, health, source: 0, options).Run();
        }

        foreach (PartLayout part in change.Removed.SelectMany(r => from.Replicas[r].Parts))
        {
            Remove(part);
            PersistenceTrace.Mark("part removed");
        }

        return new PoolTransformResult(change.Transformation, parts, BytesCopied: 0);
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
        PartLayout[] there = [.. replica.Parts.Where(part => !part.IsDevice && File.Exists(part.Path))];
        if (there.Length == 0)
            return;
        bool ours = Array.Exists(there, part => !OperatingSystem.IsWindows() && File.GetUnixFileMode(part.Path) == UnixFileMode.None)
            || (File.Exists(replica.Parts[0].Path) && PoolFile.ReadHeader(replica.Parts[0].Path) is { } header && header.PoolSetUuid == pool);
        if (!ours)
            throw new PmemException($"some parts being added already exist: {there[0].Path}; remove them, or name others");
        foreach (PartLayout part in there)
        {
            if (!options.DryRun)
                File.Delete(part.Path);
        }
    }

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
