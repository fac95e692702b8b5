using Pmem.Objects.Heap;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Tests.Heap;

public sealed class ThreadTests
{
    private const int Threads = 8;
    private const int Steps = 6000;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 4)]
    [InlineData(3, 8)]
    public void Threads_never_share_an_object(int seed, int arenas)
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(600), arenas);
        long[][] left = new long[Threads][];
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            int thread = t;
            threads[t] = new Thread(() => left[thread] = Work(heap, seed, thread, failures));
            threads[t].Start();
        }

        foreach (Thread thread in threads)
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), $"seed {seed}: a thread hangs");
        Assert.Empty(failures);
        Assert.Equal(left.SelectMany(users => users).Order(), heap.Objects());
        heap.Reopen();
        Assert.Equal(left.SelectMany(users => users).Order(), heap.Objects());
        foreach (long user in heap.Objects())
            heap.Free(user);
        heap.Reopen();
        Assert.Equal(0, heap.Heap.GetStatistics().UsedBytes);
    }

    /// <summary>Objects freed by another thread than the one that allocated them: the runs wander between arenas.</summary>
    [Fact]
    public void One_thread_frees_what_another_allocates()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(100), arenas: 2);
        using var queue = new System.Collections.Concurrent.BlockingCollection<long>(500);
        const int Objects = 60_000; // more than fit at once
        var consumer = new Thread(() =>
        {
            RedoLog redo = heap.NewRedo(1);
            foreach (long user in queue.GetConsumingEnumerable())
            {
                heap.Heap.DeferFree(user, out PersistentAction action);
                heap.Heap.Publish(redo, ref action);
            }
        });
        consumer.Start();
        int failed = 0;
        for (int i = 0; i < Objects; i++)
        {
            long user = heap.Allocate(1000 + (i % 7 * 900));
            if (user == 0)
                failed++;
            else
                queue.Add(user, TestContext.Current.CancellationToken);
        }

        queue.CompleteAdding();
        Assert.True(consumer.Join(TimeSpan.FromSeconds(60)), "the consumer hangs");
        Assert.Equal(0, failed);
        Assert.Empty(heap.Objects());
    }

    private static long[] Work(HeapUnderTest heap, int seed, int thread, System.Collections.Concurrent.ConcurrentQueue<string> failures)
    {
        var random = new Random((seed * 100) + thread);
        RedoLog redo = heap.NewRedo(thread);
        var mine = new List<long>();
        byte pattern = (byte)(thread + 1);
        try
        {
            for (int i = 0; i < Steps; i++)
            {
                if (mine.Count < 100 && random.Next(2) == 0)
                {
                    long size = random.Next(200) == 0 ? 2_700_000 : 1 + random.Next(random.Next(20) == 0 ? 9000 : 400);
                    if (!heap.Heap.TryReserve(size, pattern, 0, zero: false, out PersistentAction action))
                        continue;
                    if (random.Next(10) == 0)
                    {
                        heap.Heap.Cancel(new Span<PersistentAction>(ref action));
                        continue;
                    }

                    heap.Heap.Publish(redo, ref action);
                    heap.Map.Fill(action.UserOffset, pattern, Math.Min(action.UsableSize, 5000), CopyHints.NoFlush);
                    mine.Add(action.UserOffset);
                }
                else if (mine.Count > 0)
                {
                    int at = random.Next(mine.Count);
                    long user = mine[at];
                    int length = (int)Math.Min(heap.Heap.UsableSize(user), 5000);
                    if (heap.Map.GetSpan(user, length).IndexOfAnyExcept(pattern) >= 0)
                        failures.Enqueue($"seed {seed}, thread {thread}, step {i}: 0x{user:x} was overwritten");
                    mine.RemoveAt(at);
                    heap.Heap.DeferFree(user, out PersistentAction action);
                    heap.Heap.Publish(redo, ref action);
                }
            }
        }
        catch (Exception problem)
        {
            failures.Enqueue($"seed {seed}, thread {thread}: {problem}");
        }

        return [.. mine];
    }
}
