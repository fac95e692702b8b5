using Pmem.CrashTesting;
using Pmem.CrashTesting.Linting;

namespace Pmem.Objects.Tests.Crash;

/// <summary>Locks in a pool are never durable, and programs that use them pass crash tests all the same.</summary>
public sealed class LockLintTests
{
    [Fact]
    public void A_lock_in_the_pool_is_no_finding()
    {
        CrashTest<ObjectStore> test = CrashTest
            .For(map => ObjectStore.Create(map, "lock"), map => ObjectStore.Open(map, "lock"))
            .OnMap(ObjectStore.MinimumPoolSize)
            .Prepare(store => store.Root<Guarded>())
            .Step("under a lock", store =>
            {
                ref Guarded root = ref store.Root<Guarded>();
                store.Lock(ref root.Mutex);
                root.Value++;
                store.Persist(ref root.Value);
                store.Unlock(ref root.Mutex);
            })
            .Step("in a transaction", store =>
            {
                ref Guarded root = ref store.Root<Guarded>();
                using Transaction tx = store.BeginTransaction();
                tx.Lock(ref root.Mutex);
                tx.Set(ref root.Value, root.Value + 1);
                tx.Commit();
            })
            .Observe(store => store.Root<Guarded>().Value)
            .Then(store =>
            {
                Assert.True(store.TryLock(ref store.Root<Guarded>().Mutex));
                store.Unlock(ref store.Root<Guarded>().Mutex);
            })
            .FailOnLint(LintSeverity.Warning);
        CrashReport report = test.Prepare(store => test.DirectStores(store.RootOffset, 128)).Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Contains(report.Findings, f => f.Accepted is not null);
    }

    private struct Guarded
    {
        public PersistentMutex Mutex;
        public long Value;
    }
}
