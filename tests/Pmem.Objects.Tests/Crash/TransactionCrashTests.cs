using Pmem.CrashTesting;

namespace Pmem.Objects.Tests.Crash;

/// <summary>Transactions of all shapes, crashed at every moment.</summary>
public sealed class TransactionCrashTests
{
    private static readonly ExplorationOptions s_options = new() { ImagesPerPoint = 256 };
    private static readonly ExplorationOptions s_light = new() { ImagesPerPoint = 128 };

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 8)]
    [InlineData(3, 64)]
    [InlineData(4, 200)]
    public void Snapshots(int count, int length) =>
        CrashHarness.Explore(Dirty, store => Transact(store, tx =>
        {
            for (int i = 0; i < count; i++)
                Change(store, tx, 512 + (i * 512), length);
        }), s_options, interruptRecovery: true);

    [Fact]
    public void Snapshots_of_other_shapes_than_the_transaction_before() =>
        CrashHarness.Explore(
            store =>
            {
                // Leaves stale entries of other sizes in the log, so that payload lies where headers will be looked for.
                Transact(store, tx => Change(store, tx, 1024, 1500));
                Transact(store, tx => Change(store, tx, 4096, 300));
            },
            store => Transact(store, tx =>
            {
                Change(store, tx, 512, 8);
                Change(store, tx, 600, 100);
                Change(store, tx, 2000, 40);
            }),
            s_options,
            interruptRecovery: true);

    [Fact]
    public void Batched_snapshots() =>
        CrashHarness.Explore(
            Dirty,
            store => Transact(store, tx =>
            {
                long root = store.RootOffset;
                tx.Snapshot([new PoolRange(root + 512, 64), new PoolRange(root + 1024, 8), new PoolRange(root + 2048, 200), new PoolRange(root + 4096, 64)]);
                store.Map.GetSpan(root + 512, 64).Fill(1);
                store.Map.GetSpan(root + 1024, 8).Fill(2);
                store.Map.GetSpan(root + 2048, 200).Fill(3);
                store.Map.GetSpan(root + 4096, 64).Fill(4);
            }),
            s_options);

    [Fact]
    public void Overlapping_snapshots() =>
        CrashHarness.Explore(Dirty, store => Transact(store, tx =>
        {
            Change(store, tx, 512, 64);
            Change(store, tx, 544, 64);
            Change(store, tx, 500, 200);
        }), s_options);

    [Fact]
    public void A_snapshot_that_fills_the_log_and_goes_on_in_an_extension() =>
        CrashHarness.Explore(Dirty, store => Transact(store, tx => Change(store, tx, 0, 4000)), s_light, interruptRecovery: false);

    [Fact]
    public void The_extension_is_used_again() =>
        CrashHarness.Explore(
            store => Transact(store, tx => Change(store, tx, 0, 4000)),
            store => Transact(store, tx =>
            {
                Change(store, tx, 0, 3000);
                Change(store, tx, 5000, 1000);
            }),
            s_light);

    [Fact]
    public void Two_extensions_and_more() =>
        CrashHarness.Explore(
            store => store.GetRoot(100_000),
            store => Transact(store, tx =>
            {
                tx.Snapshot(store.RootOffset, 90_000);
                store.Map.GetSpan(store.RootOffset, 4096).Fill(7);
            }),
            new ExplorationOptions { ImagesPerPoint = 64, ProcessKills = false });

    [Fact]
    public void Allocation_free_and_link() =>
        CrashHarness.Explore(
            store => store.Allocate(ref Slot(store, 0), 100, 5),
            store => Transact(store, tx =>
            {
                tx.Snapshot(ref Slot(store, 0));
                tx.Free(Slot(store, 0));
                Slot(store, 0) = tx.Allocate(700, 6, AllocationOptions.Zero);
                tx.Snapshot(ref Slot(store, 1));
                Slot(store, 1) = tx.Allocate(300000, 7);
            }),
            new ExplorationOptions { ImagesPerPoint = 256 });

    [Fact]
    public void Allocation_and_free_of_the_same_object() =>
        CrashHarness.Explore(_ => { }, store => Transact(store, tx =>
        {
            ObjectId id = tx.Allocate(100, 5);
            tx.Free(id);
            tx.Allocate(50, 6);
        }), s_options);

    [Fact]
    public void Reallocation_in_a_transaction() =>
        CrashHarness.Explore(
            store => store.Allocate(ref Slot(store, 0), 100, 5),
            store => Transact(store, tx =>
            {
                tx.Snapshot(ref Slot(store, 0));
                Slot(store, 0) = tx.Reallocate(Slot(store, 0), 3000, 5, AllocationOptions.Zero);
            }),
            s_light);

    [Fact]
    public void Nested_levels() =>
        CrashHarness.Explore(Dirty, store => Transact(store, tx =>
        {
            Change(store, tx, 512, 8);
            using Transaction inner = store.BeginTransaction();
            Change(store, inner, 1024, 8);
            inner.Allocate(64, 8);
            inner.Commit();
        }), s_options);

    [Fact]
    public void Abort_leaves_everything_as_it_was() =>
        CrashHarness.Explore(
            Dirty,
            store =>
            {
                using Transaction tx = store.BeginTransaction();
                Change(store, tx, 512, 64);
                Change(store, tx, 2048, 300);
                tx.Allocate(100, 5);
            },
            s_options,
            interruptRecovery: true);

    [Fact]
    public void Abort_with_an_extension() =>
        CrashHarness.Explore(
            Dirty,
            store =>
            {
                using Transaction tx = store.BeginTransaction();
                Change(store, tx, 0, 5000);
            },
            s_light);

    [Fact]
    public void More_actions_than_the_redo_log_holds() =>
        CrashHarness.Explore(
            store =>
            {
                for (int i = 0; i < 60; i++)
                    store.Allocate(ref Slot(store, i), 2000, 5);
            },
            store => Transact(store, tx =>
            {
                for (int i = 0; i < 60; i++)
                {
                    tx.Snapshot(ref Slot(store, i));
                    tx.Free(Slot(store, i));
                    Slot(store, i) = default;
                }

                for (int i = 0; i < 60; i++)
                    tx.Publish([Objects.Heap.PersistentHeap.SetValue(store.RootOffset + 4096 + (i * 64), (ulong)i + 1)]);
            }),
            new ExplorationOptions { ImagesPerPoint = 64, ProcessKills = false });

    [Fact]
    public void A_pool_is_created_or_not()
    {
        const long Size = 8 << 20;
        using PersistentMap map = PersistentMap.CreateAnonymous(Size);
        using var recorder = new TraceRecorder(map);
        ObjectStore.Create(map, "crash");
        Trace trace = recorder.Stop();
        int opened = 0;
        CrashExplorer.Explore(
            trace,
            state =>
            {
                try
                {
                    ObjectStore store = ObjectStore.Open(state.Map, "crash");
                    Assert.Empty(store.EnumerateObjects());
                    opened++;
                }
                catch (PmemFormatException)
                {
                    // Not there yet; the file would still have mode 0.
                }
            },
            new ExplorationOptions { ImagesPerPoint = 8, ProcessKills = false },
            TestContext.Current.CancellationToken).ThrowIfFailed();
        Assert.True(opened > 0);
    }

    private static void Dirty(ObjectStore store)
    {
        store.Map.Fill(store.RootOffset, 0xAB, CrashHarness.RootSize);
        Transact(store, tx => Change(store, tx, 100, 24));
    }

    private static void Transact(ObjectStore store, Action<Transaction> body)
    {
        using Transaction tx = store.BeginTransaction();
        body(tx);
        tx.Commit();
    }

    private static void Change(ObjectStore store, Transaction tx, int at, int length)
    {
        tx.Snapshot(store.RootOffset + at, length);
        store.Map.GetSpan(store.RootOffset + at, length).Fill((byte)(at + length));
    }

    private static ref ObjectId Slot(ObjectStore store, int index) => ref store.Map.GetRef<ObjectId>(store.RootOffset + (index * 16));
}
