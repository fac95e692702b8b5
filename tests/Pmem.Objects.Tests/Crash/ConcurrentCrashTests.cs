using Pmem.CrashTesting;
using Pmem.CrashTesting.Concurrency;

namespace Pmem.Objects.Tests.Crash;

/// <summary>Threads that work on one store at once, crashed at every moment: what is left must be what some order of their operations leaves.</summary>
public sealed class ConcurrentCrashTests
{
    private const int Slots = 8;

    private enum Act
    {
        Allocate,
        Free,
        Transact,
        Abort,
    }

    [Fact]
    public void Allocations_and_frees_of_two_threads() =>
        Test(rounds: 3)
            .Thread(new(Act.Allocate, 0, 100), new(Act.Allocate, 1, 300_000), new(Act.Free, 0, 0))
            .Thread(new(Act.Allocate, 4, 100), new(Act.Free, 4, 0), new(Act.Allocate, 5, 100))
            .Run(Options(), cancellation: TestContext.Current.CancellationToken);

    [Fact]
    public void Transactions_of_two_threads() =>
        Test(rounds: 3)
            .Thread(new(Act.Transact, 0, 100), new(Act.Transact, 1, 700), new(Act.Free, 0, 0))
            .Thread(new(Act.Abort, 4, 100), new(Act.Transact, 5, 100), new(Act.Transact, 6, 2000))
            .Run(Options(), cancellation: TestContext.Current.CancellationToken);

    [Fact]
    public void One_frees_what_the_other_allocated() =>
        Test(rounds: 4)
            .Thread(new(Act.Allocate, 0, 100), new(Act.Free, 1, 0), new(Act.Allocate, 1, 100))
            .Thread(new(Act.Free, 0, 0), new(Act.Allocate, 0, 100))
            .Run(Options(), cancellation: TestContext.Current.CancellationToken);

    private sealed record Step(Act Act, int Slot, long Size);

    private static ExplorationOptions Options() => new() { ImagesPerPoint = 24, Parallelism = 0, ProcessKills = false };

    /// <summary>State and model: a bit for each slot that holds an object. Freeing an empty slot does nothing; filling a full one is refused.</summary>
    private static ConcurrentCrashTest<ObjectStore, int, Step, bool> Test(int rounds) => new(CrashHarness.Create, CrashHarness.Open, Run, 0, Model, Observe)
    {
        Size = CrashHarness.PoolSize,
        Rounds = rounds,
    };

    private static (int State, bool Result) Model(int state, Step step)
    {
        int bit = 1 << step.Slot;
        bool full = (state & bit) != 0;
        return step.Act switch
        {
            Act.Free => (state & ~bit, full),
            Act.Abort => (state, !full),
            _ => (state | bit, !full),
        };
    }

    private static bool Run(ObjectStore store, Step step)
    {
        // A slot is one thread's at a time, as a program's own locks would see to.
        lock (s_slots[step.Slot])
        {
            ref ObjectId slot = ref Slot(store, step.Slot);
            if (step.Act == Act.Free)
            {
                bool full = !slot.IsNull;
                store.Free(ref slot);
                return full;
            }

            if (!slot.IsNull)
                return false;
            if (step.Act == Act.Allocate)
            {
                store.Allocate(ref slot, step.Size, 5);
                return true;
            }

            using Transaction tx = store.BeginTransaction();
            tx.Snapshot(ref slot);
            slot = tx.Allocate(step.Size, 6, AllocationOptions.Zero);
            if (step.Act == Act.Transact)
                tx.Commit();
            return true;
        }
    }

    private static int Observe(ObjectStore store)
    {
        CrashHarness.DemandConsistent(store);
        var objects = store.EnumerateObjects().Where(o => !o.IsInternal).Select(o => o.Offset).ToHashSet();
        int state = 0;
        for (int i = 0; i < Slots; i++)
        {
            ObjectId id = Slot(store, i);
            if (id.IsNull)
                continue;
            Assert.True(objects.Remove((long)id.Offset), $"slot {i} refers to no object");
            state |= 1 << i;
        }

        Assert.Empty(objects);
        return state;
    }

    private static readonly object[] s_slots = [.. Enumerable.Range(0, Slots).Select(_ => new object())];

    private static ref ObjectId Slot(ObjectStore store, int index) => ref store.Map.GetRef<ObjectId>(store.RootOffset + 128 + (index * 64));
}
