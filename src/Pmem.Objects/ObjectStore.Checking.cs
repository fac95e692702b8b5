using Pmem.Objects.Checking;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Checking.</content>
public sealed partial class ObjectStore
{
    /// <summary>
    /// Checks everything in a pool, a single file or a pool set, without changing a byte of it (PMDK <c>pmemobj_check</c>, and much that it does not
    /// look at): headers, descriptor, lanes, logs, heap; then, on a private copy, what recovery makes of it, object by object; and whether the
    /// replicas are as the master; and, with a description of the program's types, whether every link leads to an object and every object has a link.
    /// </summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="types">Where links are in the program's objects; null leaves what the objects mean alone.</param>
    /// <exception cref="FileNotFoundException">The file, or a part of the set, does not exist.</exception>
    /// <exception cref="MediaErrorException">A file has bad blocks.</exception>
    /// <exception cref="PmemException">A file cannot be read, or the set file is wrong.</exception>
    public static PoolCheckResult Check(string path, ObjectTypes? types = null)
    {
        if (!PoolSetFile.IsPoolSet(path))
        {
            PoolFile.DemandReadable(path);
            using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
            return Check(map, types);
        }

        PoolFile pool;
        try
        {
            pool = PoolFile.Open(path, PoolKind.Object, new PoolOpenOptions { CopyOnWrite = true });
        }
        catch (PmemFormatException problem) when (problem.Offset >= 0)
        {
            return Failed(problem);
        }

        using (pool)
            return Check(pool, types);
    }

    /// <summary>Checks the pool in a map, which recovery will change; give it a private copy.</summary>
    /// <inheritdoc cref="Check(string, ObjectTypes?)"/>
    public static PoolCheckResult Check(PersistentMap map, ObjectTypes? types = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length < MinimumPoolSize)
            return new PoolCheckResult([new PoolProblem(0, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}")]);
        List<PoolProblem> problems = new StoreChecker(map).Run();
        return problems.Count > 0 ? new PoolCheckResult(problems) : CheckRecovered(() => PoolFile.Attach(map, PoolKind.Object), types);
    }

    private static PoolCheckResult Check(PoolFile pool, ObjectTypes? types)
    {
        for (int r = 0; r < pool.ReplicaMaps.Count; r++)
        {
            // The headers are judged: opening is nothing else.
            List<PoolProblem> problems = new StoreChecker(pool.ReplicaMaps[r]).RunContent();
            if (problems.Count > 0)
                return new PoolCheckResult([.. problems.Select(problem => r == 0 ? problem : problem with { What = $"replica {r}: {problem.What}" })]);
        }

        // Before recovery, which makes them equal.
        List<ReplicaDifference> differences = ReplicaRecovery.Differences(pool);
        if (new StoreChecker(pool.Map).RunLogLinks() is { Count: > 0 } wrong)
            return new PoolCheckResult(wrong) { ReplicaDifferences = differences, RecoveryEqualsReplicas = pool.WasDirty };
        return CheckRecovered(() => pool, types) with { ReplicaDifferences = differences, RecoveryEqualsReplicas = pool.WasDirty };
    }

    private static PoolCheckResult CheckRecovered(Func<PoolFile> attach, ObjectTypes? types)
    {
        ObjectStore store;
        try
        {
            // The store is not disposed: that would close the caller's map.
            store = Start(attach(), layout: null, ObjectStoreOptions.Default with { Arenas = 1 });
        }
        catch (PmemFormatException problem)
        {
            return Failed(problem);
        }
        catch (PmemException problem)
        {
            // The shutdown state says that modules lost data, or features forbid an open.
            return new PoolCheckResult([new PoolProblem(PoolHeader.ShutdownStatePosition, "pool", "one that can be opened", problem.Message)]);
        }

        return new PoolCheckResult(new StoreChecker(store._map).RunRecovered(store, types));
    }

    private static PoolCheckResult Failed(PmemFormatException problem) => new([PoolProblem.Of(problem)]);
}
