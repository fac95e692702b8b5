using Pmem.CrashTesting.Linting;
using Pmem.Objects;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>Two fields of a root object, on lines of their own, that a transaction changes together: for what goes wrong with its ranges.</summary>
internal struct Pair
{
    public long First;
    private readonly long _1, _2, _3, _4, _5, _6, _7;
    public long Second;

    public static CrashReport Run(string name, StoreGranularity granularity, Action<ObjectStore> change)
    {
        CrashTest<ObjectStore> test = CrashTest
            .For(map => ObjectStore.Create(map, "pattern"), map => ObjectStore.Open(map, "pattern"), name)
            .OnMap(ObjectStore.MinimumPoolSize, granularity)
            .Prepare(store => store.Root<Pair>())
            .Step("change", change)
            .Observe(store => (store.Root<Pair>().First, store.Root<Pair>().Second))
            .FailOnLint(granularity == StoreGranularity.Page ? LintSeverity.Error : LintSeverity.Warning);

        // The root is named, so that a field that no range covers is seen all the same.
        return test.Prepare(store => test.DirectStores(store.RootOffset, 128)).Explore();
    }
}
