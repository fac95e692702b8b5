using System.Globalization;
using System.Text;
using Pmem.CrashTesting;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Crash;

/// <summary>
/// Runs an operation on a small store, then tries what a crash at any moment of it can leave: the store must open, be consistent, be in the
/// state before or after (after, once the operation was acknowledged), leak nothing, recover to the same twice, and be usable.
/// </summary>
internal static class CrashHarness
{
    public const int RootSize = 8192;
    public const long PoolSize = 20 << 20;

    public static void Explore(Action<ObjectStore> prepare, Action<ObjectStore> operation, ExplorationOptions? options = null, bool interruptRecovery = false)
    {
        CrashTest<ObjectStore> test = Build("operation", prepare, operation).WithoutSourceLines().Then(DemandUsable);
        if (interruptRecovery)
            test.CrashRecovery(imagesPerPoint: 8, every: 3);
        options = (options ?? new ExplorationOptions()) with { Parallelism = 0 };

        // A longer run (eng/explore-crashes.sh) tries more.
        if (int.TryParse(Environment.GetEnvironmentVariable("PMEM_CRASH_IMAGES"), out int more))
            options = options with { ImagesPerPoint = more, Seed = Environment.TickCount, ProcessKills = true };
        CrashReport report = test.Run(options, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(report.Summary);
        Assert.True(report.Exploration.Images > 1, "a mutating operation leaves more than one image");
    }

    /// <summary>An operation on a store, with everything demanded of it but that life goes on.</summary>
    public static CrashTest<ObjectStore> Build(string name, Action<ObjectStore> prepare, params Action<ObjectStore>[] operations)
    {
        CrashTest<ObjectStore> test = CrashTest
            .For(Create, Open, name)
            .OnMap(PoolSize)
            .Prepare(prepare)
            .Observe(Describe)
            .Check(DemandConsistent);
        foreach (Action<ObjectStore> operation in operations)
            test.Step(name, operation);
        return test.Prepare(store => test.DirectStores(store.RootOffset, RootSize));
    }

    /// <summary>Objects and the root's content; log extensions are nobody's business.</summary>
    public static string Describe(ObjectStore store)
    {
        var text = new StringBuilder();
        long root = store.RootOffset;
        text.Append(CultureInfo.InvariantCulture, $"root {root:x} {store.RootSize}\n");
        foreach (StoreObject item in store.EnumerateObjects())
        {
            if (!item.IsInternal)
                text.Append(CultureInfo.InvariantCulture, $"{item.Offset:x} {item.UsableSize} {item.TypeNumber} {Content(store, item.Offset, item.UsableSize)}\n");
        }

        if (root != 0)
            text.Append(Content(store, root, store.RootSize));
        return text.ToString();
    }

    // The beginning is enough to tell contents apart, and keeps the checks quick.
    private static string Content(ObjectStore store, long offset, long length) =>
        Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(store.Map.GetSpan(offset, (int)Math.Min(length, 4 * RootSize))));

    public static ObjectStore Create(PersistentMap map)
    {
        ObjectStore store = ObjectStore.Create(map, "crash");
        store.GetRoot(RootSize);
        return store;
    }

    public static ObjectStore Open(PersistentMap map) => ObjectStore.Open(map, "crash");

    public static void DemandConsistent(ObjectStore store)
    {
        DemandNoLeak(store);
        PoolCheckResult check = ObjectStore.Check(store.Map);
        Assert.True(check.IsConsistent, string.Join('\n', check.Problems));
    }

    /// <summary>Every internal object is the root or a log that a lane refers to.</summary>
    private static void DemandNoLeak(ObjectStore store)
    {
        var known = new HashSet<long> { store.RootOffset };
        for (int i = 0; i < store.Bounds.LaneCount; i++)
        {
            long lane = store.Bounds.LaneOffset(i);
            foreach (UlogLink link in new UlogChain(store.Map, lane + LaneLayout.ExternalPosition, store.Bounds))
                known.Add(link.ObjectOffset);
            foreach (UlogLink link in new UlogChain(store.Map, lane + LaneLayout.UndoPosition, store.Bounds))
                known.Add(link.ObjectOffset);
        }

        Assert.All(store.EnumerateObjects().Where(o => o.IsInternal), o => Assert.Contains(o.Offset, known));
    }

    private static void DemandUsable(ObjectStore store)
    {
        ObjectId id = store.Allocate(200, 77, AllocationOptions.Zero);
        using (Transaction tx = store.BeginTransaction())
        {
            tx.Snapshot(store.RootOffset, 64);
            tx.Allocate(5000, 78);
            tx.Free(id);
            tx.Commit();
        }

        Assert.Contains(store.EnumerateObjects(), o => o.TypeNumber == 78);
        Assert.DoesNotContain(store.EnumerateObjects(), o => o.TypeNumber == 77);
    }
}
