using Pmem.Objects.Checking;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Checking.</content>
public sealed partial class ObjectStore
{
    /// <summary>
    /// Checks everything in a pool, a single file or a pool set, without changing a byte of it (PMDK <c>pmemobj_check</c>, and much that it does not
    /// look at): headers, descriptor, lanes, logs, heap; then, on a private copy, what recovery makes of it, object by object; and whether the
    /// replicas are equal.
    /// </summary>
    /// <exception cref="FileNotFoundException">The file, or a part of the set, does not exist.</exception>
    /// <exception cref="PmemException">A file cannot be read, or the set file is wrong.</exception>
    public static StoreCheckResult Check(string path)
    {
        if (!PoolSetFile.IsPoolSet(path))
        {
            using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
            return Check(map);
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
            return Check(pool);
    }

    /// <summary>Checks the pool in a map, which recovery will change; give it a private copy.</summary>
    public static StoreCheckResult Check(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length < MinimumPoolSize)
            return new StoreCheckResult([new StoreProblem(0, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}")]);
        List<StoreProblem> problems = new StoreChecker(map).Run();
        return problems.Count > 0 ? new StoreCheckResult(problems) : CheckRecovered(() => PoolFile.Attach(map, PoolKind.Object));
    }

    private static StoreCheckResult Check(PoolFile pool)
    {
        for (int r = 0; r < pool.ReplicaMaps.Count; r++)
        {
            // The headers are judged: opening is nothing else.
            List<StoreProblem> problems = new StoreChecker(pool.ReplicaMaps[r]).RunContent();
            if (problems.Count > 0)
                return new StoreCheckResult([.. problems.Select(problem => r == 0 ? problem : problem with { What = $"replica {r}: {problem.What}" })]);
        }

        // Before recovery, which makes them equal.
        List<ReplicaDifference> differences = ReplicaRecovery.Differences(pool);
        return CheckRecovered(() => pool) with { ReplicaDifferences = differences };
    }

    private static StoreCheckResult CheckRecovered(Func<PoolFile> attach)
    {
        try
        {
            // The store is not disposed: that would close the caller's map.
            ObjectStore store = Start(attach(), layout: null, ObjectStoreOptions.Default with { Arenas = 1 });
            return new StoreCheckResult(new StoreChecker(store._map).RunRecovered(store.Bounds));
        }
        catch (PmemFormatException problem)
        {
            return Failed(problem);
        }
        catch (PmemException problem)
        {
            // The shutdown state says that modules lost data, or features forbid an open.
            return new StoreCheckResult([new StoreProblem(PoolHeader.ShutdownStatePosition, "pool", "one that can be opened", problem.Message)]);
        }
    }

    private static StoreCheckResult Failed(PmemFormatException problem) =>
        new([new StoreProblem(problem.Offset, problem.What, problem.Expected, problem.Found)]);
}
