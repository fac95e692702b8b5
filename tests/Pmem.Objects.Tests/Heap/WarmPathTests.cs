using Pmem.Objects.Heap;

namespace Pmem.Objects.Tests.Heap;

public sealed class WarmPathTests
{
    [Theory]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(20_000)]
    [InlineData(3_000_000)]
    public void Allocating_and_freeing_allocates_nothing_on_the_managed_heap(long size)
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(400));
        long[] users = new long[20];
        Churn(heap, users, size, 300);
        Assert.Equal(0, LeastAllocated(() => Churn(heap, users, size, 300)));
    }

    [Fact]
    public void Publishing_many_actions_allocates_nothing()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(64));
        var actions = new PersistentAction[20];
        Publish(heap, actions, 1000);
        Assert.Equal(0, LeastAllocated(() => Publish(heap, actions, 50)));
    }

    /// <summary>Of several runs: pooled buffers are dropped by a full collection, which other tests may cause at any time, and then made anew once.</summary>
    private static long LeastAllocated(Action run)
    {
        long least = long.MaxValue;
        for (int i = 0; i < 5 && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    private static void Publish(HeapUnderTest heap, PersistentAction[] actions, int rounds)
    {
        Span<long> users = stackalloc long[actions.Length];
        for (int i = 0; i < rounds; i++)
        {
            for (int j = 0; j < actions.Length; j++)
            {
                heap.Heap.TryReserve(50 + (j * 100), 0, 0, zero: false, out actions[j]);
                users[j] = actions[j].UserOffset;
            }

            heap.Heap.Publish(heap.Redo, actions);
            for (int j = 0; j < actions.Length; j++)
                heap.Heap.DeferFree(users[j], out actions[j]);
            heap.Heap.Publish(heap.Redo, actions);
        }
    }

    private static void Churn(HeapUnderTest heap, long[] users, long size, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            for (int j = 0; j < users.Length; j++)
                users[j] = heap.Allocate(size);
            foreach (long user in users)
                heap.Free(user);
        }
    }
}
