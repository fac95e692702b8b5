using Pmem.Objects.Checking;
using Pmem.Objects.Layout;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Repairing.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Mends what is wrong in an object pool as far as other structures tell what was there: header, descriptor, run id, logs, heap header, zones, the
    /// chunk chain, runs, bitmaps against objects, the root, lost logs, and, with a description of the program's types, its links. Recovers the pool on the way, and closes it cleanly. PMDK has nothing like it.
    /// </summary>
    /// <remarks>
    /// A repair that was interrupted is finished by doing it again: every mend is a durable 8-byte store, or a few of which each leaves damage that
    /// the next repair mends to the same.
    /// </remarks>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <param name="links">Where the program's links are, and what to do about wrong ones; null leaves what the objects mean alone.</param>
    /// <exception cref="PmemException">A file is in use, cannot be accessed, or a part of the set is missing.</exception>
    public static PoolRepairResult Repair(string path, PoolRepairOptions? options = null, LinkRepair? links = null)
    {
        options ??= new PoolRepairOptions();
        return PoolBackup.Finishing(path, options.BackupPath, "repair", () => RepairPool(path, options, links));
    }

    /// <summary>Mends the pool in a map, which stays the caller's, and is left open (its shutdown state dirty).</summary>
    /// <param name="map">The pool.</param>
    /// <param name="options">Progress and cancellation; the file options do not apply.</param>
    /// <param name="links">Where the program's links are, and what to do about wrong ones; null leaves what the objects mean alone.</param>
    public static PoolRepairResult Repair(PersistentMap map, PoolRepairOptions? options = null, LinkRepair? links = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        List<PoolMend> mends = new StoreRepair(map, options ?? new PoolRepairOptions(), links).Run();
        return new PoolRepairResult(mends, Check(map, links?.Types).Problems);
    }

    private static PoolRepairResult RepairPool(string path, PoolRepairOptions options, LinkRepair? links)
    {
        if (PoolSetFile.IsPoolSet(path))
        {
            using RepairSet set = RepairSet.Open(path, PoolKind.Object, options, "repair");
            return new StoreSetRepair(set, options, links).Run();
        }

        PersistentMap map = RepairFile.Open(path, options, "repair");
        try
        {
            PoolRepairResult result = Repair(map, options, links);
            if (result.IsConsistent)
                PoolFile.Attach(map, PoolKind.Object).Dispose();
            return result;
        }
        finally
        {
            map.Dispose();
        }
    }

    /// <summary>Opens the store in a map for its repair.</summary>
    internal static ObjectStore OpenForRepair(PersistentMap map) => OpenForRepair(PoolFile.Attach(map, PoolKind.Object));

    /// <summary>Opens the store in an open pool for its repair.</summary>
    internal static ObjectStore OpenForRepair(PoolFile pool) => Start(pool, layout: null, ObjectStoreOptions.Default with { Arenas = 1 });

    /// <summary>Checks an open pool, and with it recovers it; then makes the replicas equal.</summary>
    internal static PoolCheckResult FinishRepair(PoolFile pool, ObjectTypes? types)
    {
        PoolCheckResult result = Check(pool, types);
        if (result.Problems.Count == 0)
            ReplicaRecovery.Repair(pool, DescriptorReader.Read(pool.Map, layout: null));
        return result;
    }
}
