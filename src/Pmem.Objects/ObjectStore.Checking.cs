using Pmem.Objects.Checking;
using Pmem.Pools;

namespace Pmem.Objects;

/// <content>Checking.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Checks everything in a pool file without changing a byte of it (PMDK <c>pmemobj_check</c>, and much that it does not look at): header,
    /// descriptor, lanes, logs, heap; then, on a private copy, what recovery makes of it, object by object.
    /// </summary>
    /// <exception cref="PmemException">The file cannot be read.</exception>
    public static StoreCheckResult Check(string path)
    {
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
        return Check(map);
    }

    /// <summary>Checks the pool in a map, which recovery will change; give it a private copy.</summary>
    public static StoreCheckResult Check(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length < MinimumPoolSize)
            return new StoreCheckResult([new StoreProblem(0, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}")]);
        List<StoreProblem> problems = new StoreChecker(map).Run();
        if (problems.Count > 0)
            return new StoreCheckResult(problems);
        try
        {
            // The store is not disposed: that would close the caller's map.
            ObjectStore store = Start(PoolFile.Attach(map, PoolKind.Object), layout: null, ObjectStoreOptions.Default with { Arenas = 1 });
            return new StoreCheckResult(new StoreChecker(map).RunRecovered(store.Bounds));
        }
        catch (PmemFormatException problem)
        {
            return new StoreCheckResult([new StoreProblem(problem.Offset, problem.What, problem.Expected, problem.Found)]);
        }
        catch (PmemException problem)
        {
            // The shutdown state says that modules lost data, or features forbid an open.
            return new StoreCheckResult([new StoreProblem(PoolHeader.ShutdownStatePosition, "pool", "one that can be opened", problem.Message)]);
        }
    }
}
