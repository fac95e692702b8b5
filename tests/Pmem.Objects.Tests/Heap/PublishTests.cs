using Pmem.Objects.Heap;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Tests.Heap;

public sealed class PublishTests
{
    private const int RedoExtensionSize = Lane.RedoExtensionSize;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>The log's extensions are objects of the same runs as the program's: their gates must not be needed while they are held.</summary>
    [Theory]
    [InlineData(40)]
    [InlineData(41)]
    [InlineData(300)]
    public async Task Many_actions_at_once_use_log_extensions_in_the_runs_they_change(int count)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(32 << 20, StoreGranularity.Byte);
        ObjectStore store = ObjectStore.Create(map, "publish", new ObjectStoreOptions { Arenas = 1, Lanes = 2 });
        var work = Task.Run(
            () =>
            {
                ObjectId[] ids = new ObjectId[count];
                var actions = new PersistentAction[count];
                for (int i = 0; i < count; i++)
                    ids[i] = store.Reserve(RedoExtensionSize, (ulong)i, AllocationOptions.None, out actions[i]);
                store.Publish(actions);
                Assert.Equal(count, store.EnumerateObjects().Count(o => !o.IsInternal));
                for (int i = 0; i < count; i++)
                    store.DeferFree(ids[i], out actions[i]);
                store.Publish(actions);
                Assert.DoesNotContain(store.EnumerateObjects(), o => !o.IsInternal);
            },
            TestContext.Current.CancellationToken);
        await work.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.True(ObjectStore.Check(map).IsConsistent);
    }

    [Fact]
    public async Task A_transaction_frees_more_objects_than_its_log_holds()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(32 << 20, StoreGranularity.Byte);
        ObjectStore store = ObjectStore.Create(map, "publish", new ObjectStoreOptions { Arenas = 1, Lanes = 2 });
        var work = Task.Run(
            () =>
            {
                ObjectId[] ids = new ObjectId[200];
                for (int i = 0; i < ids.Length; i++)
                    ids[i] = store.Allocate(RedoExtensionSize);
                using Transaction tx = store.BeginTransaction();
                for (int i = 0; i < ids.Length; i += 2)
                    tx.Free(ids[i]);
                tx.Commit();
            },
            TestContext.Current.CancellationToken);
        await work.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(100, store.EnumerateObjects().Count(o => !o.IsInternal));
    }

    [Fact]
    public void An_action_is_published_once()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(4));
        Assert.True(heap.Heap.TryReserve(100, 0, 0, zero: false, out PersistentAction action));
        heap.Heap.Publish(heap.Redo, ref action);
        Assert.Throws<ArgumentException>(() => heap.Heap.Publish(heap.Redo, ref action));
        PersistentAction[] several = [action, action];
        Assert.Throws<ArgumentException>(() => heap.Heap.Publish(heap.Redo, several));
        Assert.NotEqual(0, heap.Allocate(100)); // no gate was left taken
    }

    [Fact]
    public void A_cancelled_reservation_leaves_no_object_and_its_space_free()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(64));
        long before = heap.Allocate(100);
        foreach (long size in (long[])[100, 5000, 600_000, 300_000])
        {
            Assert.True(heap.Heap.TryReserve(size, 0, 0, zero: false, out PersistentAction first));
            PersistentAction[] actions = [first];
            heap.Heap.Cancel(actions);
            Assert.True(heap.Heap.TryReserve(size, 0, 0, zero: false, out PersistentAction second));
            Assert.Equal(first.UserOffset, second.UserOffset);
            actions[0] = second;
            heap.Heap.Cancel(actions);
        }

        Assert.Equal([before], heap.Objects());
    }
}
