using Pmem.Objects.Checking;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Repairing.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Mends what is wrong in an object pool as far as other structures tell what was there: header, descriptor, run id, logs, heap header, zones, the
    /// chunk chain, runs, bitmaps against objects, the root. Recovers the pool on the way, and closes it cleanly. PMDK has nothing like it.
    /// </summary>
    /// <remarks>
    /// A repair that was interrupted is finished by doing it again: every mend is a durable 8-byte store, or a few of which each leaves damage that
    /// the next repair mends to the same.
    /// </remarks>
    /// <param name="path">The pool file; nobody may have it open.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    public static PoolRepairResult Repair(string path, PoolRepairOptions? options = null)
    {
        options ??= new PoolRepairOptions();
        PersistentMap map = RepairFile.Open(path, options);
        try
        {
            PoolRepairResult result = Repair(map, options);
            if (result.IsConsistent)
                PoolFile.Attach(map, PoolKind.Object).Dispose();
            return result;
        }
        finally
        {
            map.Dispose();
        }
    }

    /// <summary>Mends the pool in a map, which stays the caller's, and is left open (its shutdown state dirty).</summary>
    /// <param name="map">The pool.</param>
    /// <param name="options">Progress and cancellation; the file options do not apply.</param>
    public static PoolRepairResult Repair(PersistentMap map, PoolRepairOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        List<PoolMend> mends = new StoreRepair(map, options ?? new PoolRepairOptions()).Run();
        List<PoolProblem> remaining = [.. Check(map).Problems.Select(p => new PoolProblem(p.Offset, p.What, p.Expected, p.Found))];
        return new PoolRepairResult(mends, remaining);
    }

    /// <summary>Opens the store in a map for its repair.</summary>
    internal static ObjectStore OpenForRepair(PersistentMap map) =>
        Start(PoolFile.Attach(map, PoolKind.Object), layout: null, ObjectStoreOptions.Default with { Arenas = 1 });
}
