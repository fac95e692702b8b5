using Pmem.CrashTesting;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Objects.Tests.Crash;
using Pmem.Objects.Tests.Types;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Checking;

/// <summary>Logs and the objects that hold them: lost ones are freed, shared and stray ones are cut off before recovery frees what is not theirs.</summary>
public class LogSpaceTests
{
    private static readonly (string Name, Action<LinkedPool> Plant, string Found)[] s_faults =
    [
        ("lost log extension", pool => _ = NewLog(pool, Lane.UndoExtensionSize), "a log extension"),
        ("lost extensions of both kinds", pool =>
        {
            _ = NewLog(pool, Lane.RedoExtensionSize);
            _ = NewLog(pool, Lane.UndoExtensionSize);
        }, "a log extension"),
        ("log of two lanes", pool =>
        {
            long log = NewLog(pool, Lane.UndoExtensionSize);
            Link(pool, 3, log);
            Link(pool, 700, log);
        }, "another lane"),
        ("log in an object of the program", pool => Link(pool, 5, pool.Objects(LinkedPool.Large)[0], 4096), "an object of the program"),
        ("log in free space", pool =>
        {
            long log = NewLog(pool, Lane.UndoExtensionSize);
            Free(pool, log);
            Link(pool, 5, log);
        }, "free space"),
        ("log in the root", pool => Link(pool, 5, pool.Root, 64), "the root object"),
        ("log in the middle of an object", pool => Link(pool, 5, pool.Objects(LinkedPool.Large)[0] + 8192, 4096), "the middle of the object"),
        ("log longer than its object", pool =>
        {
            long log = NewLog(pool, Lane.UndoExtensionSize);
            Link(pool, 5, log, 1 << 20);
        }, "1048576"),
        ("second log of a chain", pool =>
        {
            long log = NewLog(pool, Lane.RedoExtensionSize);
            long large = pool.Objects(LinkedPool.Large)[0]; // before the link: whoever opens the pool follows it
            Link(pool, 9, log);
            pool.Word(LogOf(log) + UlogHeader.NextPosition, (ulong)large);
            pool.Word(LogOf(large) + UlogHeader.CapacityPosition, 4096);
        }, "an object of the program"),
    ];

    public static TheoryData<string> Faults => [.. s_faults.Select(fault => fault.Name)];

    [Theory]
    [MemberData(nameof(Faults))]
    public void Space_that_is_lost_or_used_twice_is_found_and_mended(string name)
    {
        (_, Action<LinkedPool> plant, string found) = s_faults.Single(fault => fault.Name == name);
        using var pool = new LinkedPool();
        plant(pool);
        string content = Objects(pool.Map);
        using (var copy = PersistentMap.CreateAnonymous(LinkedPool.Size))
        {
            copy.Copy(0, pool.Map.GetSpan(0, (int)LinkedPool.Size));
            Assert.Contains(ObjectStore.Check(copy).Problems, problem => problem.Found.Contains(found, StringComparison.Ordinal));
        }

        PoolRepairResult result = ObjectStore.Repair(pool.Map);
        Assert.True(result.IsConsistent, string.Join('\n', result.Remaining));
        Assert.All(result.Mends, mend => Assert.True(mend.IsMended));
        Assert.NotEmpty(result.Mends);
        Assert.Equal(content, Objects(pool.Map));
        Assert.DoesNotContain(ObjectStore.Open(pool.Map).EnumerateObjects(), o => o.IsInternal && o.Offset != pool.Root);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_repair_that_crashed_anywhere_is_finished_by_the_next(string name)
    {
        using var pool = new LinkedPool();
        s_faults.Single(fault => fault.Name == name).Plant(pool);
        string content = Objects(pool.Map);
        using var recorder = new TraceRecorder(pool.Map);
        Assert.True(ObjectStore.Repair(pool.Map).IsConsistent);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                Assert.True(ObjectStore.Repair(state.Map).IsConsistent);
                Assert.Equal(content, Objects(state.Map));
                Assert.DoesNotContain(ObjectStore.Open(state.Map).EnumerateObjects(), o => o.IsInternal && o.Offset != pool.Root);
            },
            new ExplorationOptions { ImagesPerPoint = 4, ProcessKills = false },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > 1, $"{result.Images} images");
    }

    [Fact]
    public void What_an_interrupted_transaction_saved_behind_a_stray_link_is_rolled_back_first()
    {
        using var pool = new LinkedPool();
        string content = pool.Content;
        long large = pool.Objects(LinkedPool.Large)[0];
        ObjectStore store = ObjectStore.Open(pool.Map);
        byte[] image;
        using (Transaction transaction = store.BeginTransaction())
        {
            transaction.Snapshot(large, 20_000);
            pool.Map.Fill(large, 0xEE, 20_000);
            image = pool.Map.GetSpan(0, (int)LinkedPool.Size).ToArray();
        }

        using PersistentMap crashed = PersistentMap.CreateAnonymous(LinkedPool.Size);
        crashed.Copy(0, image);
        long extension = LaneChains(crashed);
        new PersistentHeap(crashed, PoolDescriptor.DefaultHeapOffset, LinkedPool.Size - PoolDescriptor.DefaultHeapOffset, 1).FreeInPlace(extension);
        PoolRepairResult result = ObjectStore.Repair(crashed);
        Assert.True(result.IsConsistent);
        Assert.Contains("rolled back", Assert.Single(result.Mends).Remedy, StringComparison.Ordinal);
        Assert.Equal(content, CrashHarness.Describe(ObjectStore.Open(crashed)));
    }

    [Fact]
    public void What_may_have_been_a_root_is_freed_only_when_loss_is_accepted()
    {
        using var pool = new LinkedPool();
        string content = pool.Content;
        long old = NewLog(pool, 500);
        pool.Map.Fill(old, 0, 400);
        PoolRepairResult kept = ObjectStore.Repair(pool.Map);
        Assert.Contains("root", Assert.Single(kept.Mends).Obstacle, StringComparison.Ordinal);
        Assert.False(kept.IsConsistent);
        Assert.True(ObjectStore.Repair(pool.Map, new PoolRepairOptions { AcceptLoss = true }).IsConsistent);
        Assert.Equal(content, pool.Content);
    }

    private static string Objects(PersistentMap map)
    {
        using PersistentMap copy = PersistentMap.CreateAnonymous(LinkedPool.Size);
        copy.Copy(0, map.GetSpan(0, (int)LinkedPool.Size));

        // Without the lanes: recovery must not touch anything before it is looked at.
        copy.Fill(PoolDescriptor.DefaultLanesOffset, 0, PoolDescriptor.DefaultHeapOffset - PoolDescriptor.DefaultLanesOffset);
        for (int i = 0; i < PoolDescriptor.DefaultLaneCount; i++)
            copy.StoreUInt64(LaneAt(i) + LaneLayout.UndoPosition + UlogHeader.CapacityPosition, LaneLayout.UndoCapacity);
        return CrashHarness.Describe(ObjectStore.Open(copy));
    }

    private static long LaneAt(int lane) => PoolDescriptor.DefaultLanesOffset + (lane * (long)LaneLayout.Size);

    private static long LogOf(long user) => (user + UlogHeader.Size - 1) & -UlogHeader.Size;

    /// <summary>The first log extension that a lane has.</summary>
    private static long LaneChains(PersistentMap map) => Enumerable.Range(0, PoolDescriptor.DefaultLaneCount)
        .Select(lane => (long)map.ReadUInt64(LaneAt(lane) + LaneLayout.UndoPosition + UlogHeader.NextPosition)).First(link => link != 0);

    /// <summary>An allocated log extension that no lane knows.</summary>
    private static long NewLog(LinkedPool pool, int size)
    {
        ObjectStore store = ObjectStore.Open(pool.Map);
        Assert.True(store.Heap.TryReserve(size, 0, ObjectFlags.Internal, zero: true, out PersistentAction action));
        long log = LogOf(action.UserOffset);
        long capacity = (action.UserOffset + action.UsableSize - log - UlogHeader.Size) & -UlogHeader.Size;
        pool.Word(log + UlogHeader.CapacityPosition, (ulong)capacity);
        long user = action.UserOffset;
        store.Publish(new Span<PersistentAction>(ref action));
        return user;
    }

    private static void Free(LinkedPool pool, long user) =>
        new PersistentHeap(pool.Map, PoolDescriptor.DefaultHeapOffset, LinkedPool.Size - PoolDescriptor.DefaultHeapOffset, 1).FreeInPlace(user);

    private static void Link(LinkedPool pool, int lane, long target, ulong capacity = 0)
    {
        pool.Word(LaneAt(lane) + LaneLayout.UndoPosition + UlogHeader.NextPosition, (ulong)target);
        if (capacity != 0)
            pool.Word(LogOf(target) + UlogHeader.CapacityPosition, capacity);
    }
}
