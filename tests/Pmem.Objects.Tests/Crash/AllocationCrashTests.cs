using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Pmem.Objects.Tests.Crash;

/// <summary>Atomic allocation, crashed at every moment.</summary>
public sealed class AllocationCrashTests
{
    private static readonly ExplorationOptions s_options = new() { ImagesPerPoint = 1024 };

    [Theory]
    [InlineData(100)]
    [InlineData(700)]
    [InlineData(4096)]
    [InlineData(40000)]
    [InlineData(300000)]
    public void Allocation_without_a_destination(long size) => CrashHarness.Explore(_ => { }, store => store.Allocate(size, 5), s_options);

    [Theory]
    [InlineData(100)]
    [InlineData(1500)]
    [InlineData(300000)]
    public void Allocation_into_the_pool(long size) =>
        CrashHarness.Explore(_ => { }, store => store.Allocate(ref Slot(store, 0), size, 5), s_options, interruptRecovery: true);

    [Fact]
    public void Allocation_in_a_run_that_is_there() =>
        CrashHarness.Explore(store => store.Allocate(100, 1), store => store.Allocate(ref Slot(store, 0), 100, 5), s_options, interruptRecovery: true);

    [Fact]
    public void Zeroed_allocation() => CrashHarness.Explore(_ => { }, store => store.Allocate(ref Slot(store, 0), 500, 5, AllocationOptions.Zero), s_options);

    [Fact]
    public void Allocation_with_a_constructor() =>
        CrashHarness.Explore(
            _ => { },
            store => store.Allocate(ref Slot(store, 0), 64, 5, AllocationOptions.None, (s, content) =>
            {
                s.TryGetOffset(ref content[0], out long offset);
                s.Map.StoreUInt64(offset, 42);
                return true;
            }),
            s_options);

    [Theory]
    [InlineData(100)]
    [InlineData(300000)]
    public void Free_from_the_pool(long size) =>
        CrashHarness.Explore(store => store.Allocate(ref Slot(store, 0), size, 5), store => store.Free(ref Slot(store, 0)), s_options, interruptRecovery: true);

    [Fact]
    public void Free_of_a_huge_object_between_free_blocks() =>
        CrashHarness.Explore(
            store =>
            {
                for (int i = 0; i < 3; i++)
                    store.Allocate(ref Slot(store, i), 300000, 5);
                store.Free(ref Slot(store, 0));
                store.Free(ref Slot(store, 2));
            },
            store => store.Free(ref Slot(store, 1)),
            s_options);

    [Theory]
    [InlineData(100, 1000)]
    [InlineData(1000, 100)]
    [InlineData(1000, 300000)]
    [InlineData(300000, 600000)]
    public void Reallocation(long from, long to) =>
        CrashHarness.Explore(
            store => store.Allocate(ref Slot(store, 0), from, 5),
            store => store.Reallocate(ref Slot(store, 0), to, 5),
            new ExplorationOptions { ImagesPerPoint = 512 });

    [Fact]
    public void Growth_of_the_root() =>
        CrashHarness.Explore(_ => { }, store => store.GetRoot(3 * CrashHarness.RootSize), new ExplorationOptions { ImagesPerPoint = 1024 });

    [Fact]
    public void Publication_of_reservations() =>
        CrashHarness.Explore(
            store => store.Allocate(ref Slot(store, 5), 100, 9),
            store =>
            {
                Span<PersistentAction> actions = stackalloc PersistentAction[5];
                ObjectId first = store.Reserve(100, 6, AllocationOptions.None, out actions[0]);
                store.Reserve(5000, 7, AllocationOptions.None, out actions[1]);
                store.DeferFree(Slot(store, 5), out actions[2]);
                store.SetValue(ref store.Map.GetRef<ulong>(store.RootOffset + 512), first.Offset, out actions[3]);
                store.SetValue(ref store.Map.GetRef<ulong>(store.RootOffset + 1024), 99, out actions[4]);
                store.Publish(actions);
            },
            s_options,
            interruptRecovery: true);

    [Fact]
    public void Cancelled_reservations_leave_no_trace() =>
        CrashHarness.Explore(
            _ => { },
            store =>
            {
                using Acceptance meant = PersistenceTrace.Accept("PMC002", "headers of reservations that are given up count for nothing");
                Span<PersistentAction> actions = stackalloc PersistentAction[2];
                store.Reserve(100, 6, AllocationOptions.None, out actions[0]);
                store.Reserve(300000, 7, AllocationOptions.None, out actions[1]);
                store.Cancel(actions);
            },
            s_options);

    private static ref ObjectId Slot(ObjectStore store, int index) => ref store.Map.GetRef<ObjectId>(store.RootOffset + (index * 16));
}
