using Pmem.CrashTesting;
using Pmem.CrashTesting.Mutations;
using Pmem.Objects.Layout;
using Pmem.Tests;

namespace Pmem.Objects.Tests.Crash;

/// <summary>Would these tests notice? One mistake at a time in the store's own flushes, fences and words.</summary>
public sealed class MutationTests
{
    /// <summary>
    /// Mistakes that are none, with the reason. Each of these must survive: one that is found is struck off, one that is new must be killed by a
    /// new workload, or explained here.
    /// </summary>
    private static readonly Dictionary<string, string> s_harmless = new(StringComparer.Ordinal)
    {
        ["DropFence ObjectStore.Recover#2"] = "the drain of the heap's boot, before the store is handed out, waits for the run id too",
        ["DropFence PersistentHeap.Boot#1"] = "footers are hints; what else was flushed before has its own drain",
        ["DropFence RedoRecovery.Apply#4"] = "the drain of the heap's boot waits for the retired log too",
        ["DropFlush PersistentHeap.StoreFooter#2"] = "footers are hints, rebuilt whenever a pool is opened; flushed so that other readers of the file find them",
        ["TearStore PersistentHeap.StoreFooter#1"] = "footers are hints, rebuilt whenever a pool is opened",
        ["TearStore PersistentHeap.CreateRun#2"] = "headers of a run's further chunks count only once the run's own header is there",
        ["TearStore RedoRecovery.Apply#1"] = "the log is valid until every word of it is durable: recovery stores a torn word again",
        ["SwapPersists ObjectStore.Recover#2 with RedoRecovery.Apply#3"] = "the run id and the words of a log have nothing to do with each other",
        ["SwapPersists PersistentHeap.PersistHeader#2 with PersistentHeap.CreateRun#3"] = "a run's bitmap counts only once the run's header is there, which comes behind both",
        ["SwapPersists PersistentHeap.PersistHeader#2 with RedoLog.CommitLogged#1"] = "an object's header counts only once the log is there, which comes behind both",
        ["SwapPersists UndoLog.Append#1 with PersistentHeap.PersistHeader#2"] = "a saved range and the split of a free block have nothing to do with each other",
    };

    [Fact]
    public void Every_mistake_is_found_or_known_to_be_none() =>

        // Without recompilation in the background the place of a call in machine code names it.
        ChildRun.Run(typeof(MutationTests), ("DOTNET_TC_CallCountThreshold", "7FFFFFF"), ("DOTNET_TC_OnStackReplacement_InitialCounter", "7FFFFFF"), ("DOTNET_TieredPGO", "0"));

    [Fact(Explicit = true)]
    public void Mutate()
    {
        int images = int.TryParse(Environment.GetEnvironmentVariable("PMEM_CRASH_IMAGES"), out int more) ? more : 128;
        MutationReport report = Score(new ExplorationOptions { ImagesPerPoint = images, Parallelism = 0 });
        TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
        foreach ((string mutant, string reason) in s_harmless)
            TestContext.Current.TestOutputHelper?.WriteLine($"harmless: {mutant}: {reason}");
        string[] survivors = [.. report.Survivors.Select(v => v.Mutant.ToString())];
        Assert.Empty(survivors.Except(s_harmless.Keys));
        Assert.Empty(s_harmless.Keys.Except(survivors));
        Assert.True(report.Verdicts.Count(v => v.IsKilled) >= 55, report.ToString());
    }

    private static MutationReport Score(ExplorationOptions options)
    {
        var test = new MutationTest();
        foreach ((string name, Action<ObjectStore> prepare, Action<ObjectStore>[] operations) in Workloads())
            test.Add(CrashHarness.Build(name, prepare, operations));
        foreach ((string name, byte[] image, string expected) in Recoveries())
        {
            test.Add(CrashTest
                .For(map => map, name)
                .OnMap(image.Length)
                .Prepare(map => map.Copy(0, image))
                .Step(name, map => CrashHarness.Open(map))
                .Step("note the run", map => Elsewhere(() =>
                {
                    // As a lock that another thread takes would do.
                    map.StoreUInt64(RunNote, map.ReadUInt64(PoolDescriptor.RunIdField));
                    map.Persist(RunNote, sizeof(ulong));
                }))
                .Check(map =>
                {
                    ObjectStore store = CrashHarness.Open(map);
                    Assert.NotEqual(map.ReadUInt64(RunNote), map.ReadUInt64(PoolDescriptor.RunIdField));
                    Assert.Equal(expected, CrashHarness.Describe(store));
                    CrashHarness.DemandConsistent(store);
                }));
        }

        test.Add(ReuseAfterRecovery());
        return test.Only(site => site.Assembly == "Pmem.Objects").Run(options, TestContext.Current.CancellationToken);
    }

    /// <summary>What recovery freed is used again by another lane: a log that recovery did not retire for good would free it once more.</summary>
    private static CrashTest<PersistentMap> ReuseAfterRecovery()
    {
        (string name, byte[] image, _) = Recoveries().First();
        return CrashTest
            .For(map => map, name + ", then use the place")
            .OnMap(image.Length)
            .Prepare(map => map.Copy(0, image))
            .Step("use", map =>
            {
                ObjectStore store = CrashHarness.Open(map);
                using Transaction holdsTheLane = store.BeginTransaction();
                Elsewhere(() => store.Allocate(ref Slot(store, 1), 100, 9));
                holdsTheLane.Commit();
            })
            .Check(map =>
            {
                ObjectStore store = CrashHarness.Open(map);
                CrashHarness.DemandConsistent(store);
                ObjectId id = Slot(store, 1);
                if (!id.IsNull)
                    Assert.Contains(store.EnumerateObjects(), o => o.Offset == (long)id.Offset);
            });
    }

    // A word of the descriptor that nobody uses.
    private const long RunNote = PoolDescriptor.ReservedField + 256;

    private static IEnumerable<(string Name, Action<ObjectStore> Prepare, Action<ObjectStore>[] Operations)> Workloads()
    {
        yield return ("allocate", _ => { }, [store => store.Allocate(ref Slot(store, 0), 100, 5)]);
        yield return ("allocate zeroed where something was", Used, [store => store.Allocate(ref Slot(store, 0), 500, 5, AllocationOptions.Zero)]);
        yield return ("allocate without a destination", store => store.Allocate(100, 5), [store => store.Allocate(100, 5)]);
        yield return ("allocate huge", _ => { }, [store => store.Allocate(ref Slot(store, 0), 300000, 5)]);
        yield return ("allocate in a run of several chunks", _ => { }, [store => store.Allocate(ref Slot(store, 0), 150000, 5)]);
        yield return ("free", store => store.Allocate(ref Slot(store, 0), 100, 5), [store => store.Free(ref Slot(store, 0))]);
        yield return ("free huge", store => store.Allocate(ref Slot(store, 0), 300000, 5), [store => store.Free(ref Slot(store, 0))]);
        yield return ("reallocate", Filled, [store => store.Reallocate(ref Slot(store, 0), 1000, 5)]);
        yield return ("reallocate zeroed", Filled, [store => store.Reallocate(ref Slot(store, 0), 1500, 5, AllocationOptions.Zero)]);
        yield return ("constructor", _ => { }, [store => store.Allocate(ref Slot(store, 0), 64, 5, AllocationOptions.None, (s, content) =>
        {
            content[..64].Fill(7);
            return true;
        })]);
        yield return ("allocate, then change", _ => { }, [
            store => store.Allocate(ref Slot(store, 0), 100, 5),
            store => Transact(store, tx => Change(store, tx, 0, 64)),
            store => store.Allocate(ref Slot(store, 2), 100, 5),
        ]);
        yield return ("allocate here, free there", _ => { }, [store => store.Allocate(ref Slot(store, 0), 100, 5), store => Elsewhere(() => store.Free(ref Slot(store, 0)))]);
        yield return ("allocate huge here, free there", _ => { }, [store => store.Allocate(ref Slot(store, 0), 300000, 5), store => Elsewhere(() => store.Free(ref Slot(store, 0)))]);
        yield return ("one word after several", store => store.Allocate(ref Slot(store, 0), 100, 5), [
            store => store.Free(ref Slot(store, 0)),
            store => Publish(store, 1),
            store => store.Allocate(ref Slot(store, 0), 100, 6),
            store => Publish(store, 2),
        ]);
        yield return ("snapshots", Dirty, [store => Transact(store, tx =>
        {
            Change(store, tx, 512, 8);
            Change(store, tx, 1024, 100);
        })]);
        yield return ("snapshots behind other payload", OtherShapes, [store => Transact(store, tx =>
        {
            Change(store, tx, 512, 8);
            Change(store, tx, 600, 100);
            Change(store, tx, 2000, 40);
        })]);
        yield return ("a long snapshot behind other payload", OtherShapes, [store => Transact(store, tx => Change(store, tx, 600, 1400))]);
        yield return ("batch behind other payload", OtherShapes, [store => Transact(store, tx => Batch(store, tx))]);
        yield return ("two transactions", Dirty, [store => Transact(store, tx => Change(store, tx, 512, 8)), store => Transact(store, tx => Change(store, tx, 512, 16))]);
        yield return ("extension", Dirty, [store => Transact(store, tx => Change(store, tx, 0, 4000))]);
        yield return ("extension again", store =>
        {
            store.Map.Fill(store.RootOffset, 0x33, CrashHarness.RootSize);
            Transact(store, tx => Change(store, tx, 0, 4000));
        }, [
            store => Transact(store, tx => Change(store, tx, 0, 3000)),
            store => Transact(store, tx => Change(store, tx, 100, 1900)),
        ]);
        yield return ("abort", Dirty, [store =>
        {
            using Transaction tx = store.BeginTransaction();
            Change(store, tx, 512, 64);
            Change(store, tx, 2048, 8);
        }, store => Transact(store, tx => Change(store, tx, 1024, 8))]);
        yield return ("objects", store => store.Allocate(ref Slot(store, 0), 100, 5), [store => Transact(store, tx =>
        {
            tx.Snapshot(ref Slot(store, 0));
            tx.Free(Slot(store, 0));
            Slot(store, 0) = tx.Allocate(700, 6, AllocationOptions.Zero);
        })]);
        yield return ("change without a snapshot", Dirty, [store => Transact(store, tx =>
        {
            tx.AddWithoutSnapshot(store.RootOffset + 64, 8);
            store.Map.GetSpan(store.RootOffset + 64, 8).Fill(9);
        })]);
        yield return ("root", store =>
        {
            Used(store);
            Dirty(store);
        }, [store => store.GetRoot(3 * CrashHarness.RootSize)]);
    }

    /// <summary>Stores that crashed in the middle of something: recovery has work to do, and may crash too.</summary>
    private static IEnumerable<(string Name, byte[] Image, string Expected)> Recoveries()
    {
        Trace free = CrashHarness.Build("free", store => store.Allocate(ref Slot(store, 0), 100, 5), store => store.Free(ref Slot(store, 0))).Record();
        yield return Crashed("recover a free", free, "RedoLog.ApplyOne");
        Trace change = CrashHarness.Build("change", Dirty, store => Transact(store, tx =>
        {
            Change(store, tx, 512, 64);
            Change(store, tx, 1024, 8);
        })).Record();
        yield return Crashed("recover a transaction", change, "RangeSet.Flush");
        Trace extension = CrashHarness.Build("extension", Dirty, store => Transact(store, tx => Change(store, tx, 0, 4000))).Record();
        yield return Crashed("recover a transaction with an extension", extension, "RangeSet.Flush");
    }

    /// <summary>The image of a process killed when it was first at a place, and what must come of it.</summary>
    private static (string Name, byte[] Image, string Expected) Crashed(string name, Trace trace, string place)
    {
        int point = 1;
        while (trace.Events[point - 1].Source?.Site is not { } site || !string.Equals(site.Method, place, StringComparison.Ordinal))
            point++;
        byte[] image = trace.ImageAfter(point);
        using PersistentMap map = PersistentMap.CreateAnonymous(image.Length);
        map.Copy(0, image);
        return (name, image, CrashHarness.Describe(CrashHarness.Open(map)));
    }

    // Every byte of the heap has held something.
    private static void Used(ObjectStore store)
    {
        var ids = new List<ObjectId>();
        try
        {
            while (true)
            {
                const int Size = 500_000;
                ids.Add(store.Allocate(Size, 5));
                store.Map.Fill((long)ids[^1].Offset, 0xEE, Size);
            }
        }
        catch (OutOfSpaceException)
        {
            // That was the aim.
        }

        foreach (ObjectId id in ids)
        {
            ObjectId freed = id;
            store.Free(ref freed);
        }
    }

    private static void Elsewhere(Action body)
    {
        var thread = new Thread(() => body());
        thread.Start();
        thread.Join();
    }

    private static void Filled(ObjectStore store)
    {
        Used(store);
        store.Allocate(ref Slot(store, 0), 100, 5);
        store.Map.Fill((long)Slot(store, 0).Offset, 0xCC, 100);
    }

    // Leaves payload where the headers of the next transaction's entries will be looked for.
    private static void OtherShapes(ObjectStore store)
    {
        // A first word of these bytes is no entry, and no end of the log either.
        store.Map.Fill(store.RootOffset, 0x33, CrashHarness.RootSize);
        Transact(store, tx => Change(store, tx, 1024, 1500));
        Transact(store, tx => Change(store, tx, 4096, 300));
    }

    private static void Batch(ObjectStore store, Transaction tx)
    {
        long root = store.RootOffset;
        tx.Snapshot([new PoolRange(root + 512, 64), new PoolRange(root + 1024, 8)]);
        store.Map.GetSpan(root + 512, 64).Fill(1);
        store.Map.GetSpan(root + 1024, 8).Fill(2);
    }

    private static void Publish(ObjectStore store, ulong value)
    {
        Span<PersistentAction> actions = stackalloc PersistentAction[1];
        store.SetValue(ref store.Map.GetRef<ulong>(store.RootOffset), value, out actions[0]);
        store.Publish(actions);
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
