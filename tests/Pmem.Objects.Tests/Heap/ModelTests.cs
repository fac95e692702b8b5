using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>Random allocation and freeing against a model: sizes, places, contents, iteration; across reopening.</summary>
public sealed class ModelTests
{
    private const int Chunks = 160;

    [Theory]
    [InlineData(1, 600, 300)]
    [InlineData(2, 20_000, 400)]
    [InlineData(3, 400_000, 60)]
    [InlineData(4, 3_000_000, 12)]
    [InlineData(5, 120, 3000)]
    public void Objects_never_overlap_and_keep_their_contents(int seed, int largest, int slots)
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        var random = new Random(seed);
        var live = new SortedDictionary<long, (long Size, ulong Type)>();
        for (int i = 0; i < 4000; i++)
        {
            if (live.Count < slots && random.Next(5) < 3)
            {
                long size = 1 + random.Next(random.Next(3) == 0 ? largest : Math.Min(largest, 700));
                ulong type = (ulong)random.NextInt64();
                long user = heap.Allocate(size, type);
                if (user == 0)
                    continue;
                long usable = heap.Heap.UsableSize(user);
                Assert.True(usable >= size, $"seed {seed}, step {i}: {usable} usable of {size}");
                Assert.True(live.TryAdd(user, (usable, type)), $"seed {seed}, step {i}: 0x{user:x} given twice");
                heap.Map.Fill(user, Pattern(user), usable, CopyHints.NoFlush);
            }
            else if (live.Count > 0)
            {
                long user = live.Keys.ElementAt(random.Next(live.Count));
                Assert.True(heap.Map.GetSpan(user, (int)live[user].Size).IndexOfAnyExcept(Pattern(user)) < 0, $"seed {seed}, step {i}: 0x{user:x} was overwritten");
                heap.Free(user);
                Assert.False(heap.Heap.IsObject(user), $"seed {seed}, step {i}");
                live.Remove(user);
            }

            if (i % 500 == 499)
            {
                heap.Reopen();
                Compare(heap, live, seed, i);
            }
        }

        foreach (long user in live.Keys)
            heap.Free(user);
        heap.Reopen();
        Assert.Empty(heap.Objects());
        Assert.Equal(0, heap.Heap.GetStatistics().UsedBytes);

        // Everything merges again: one object can take the whole zone.
        Assert.NotEqual(0, heap.Allocate((Chunks * HeapLayout.ChunkSize) - ObjectHeader.CompactSize));
    }

    private static byte Pattern(long user) => (byte)((user >> 4) * 167);

    private static void Compare(HeapUnderTest heap, SortedDictionary<long, (long Size, ulong Type)> live, int seed, int step)
    {
        Assert.Equal(live.Keys, heap.Objects());
        long end = 0;
        long used = 0;
        foreach ((long user, (long size, ulong type)) in live)
        {
            string what = $"seed {seed}, step {step}, object 0x{user:x}";
            Assert.True(heap.Heap.IsObject(user), what);
            Assert.Equal(size, heap.Heap.UsableSize(user));
            Assert.Equal(type, heap.Heap.TypeNumber(user));
            Assert.True(user - ObjectHeader.CompactSize >= end, $"{what} overlaps the one before");
            Assert.True(heap.Map.GetSpan(user, (int)size).IndexOfAnyExcept(Pattern(user)) < 0, $"{what} was overwritten");
            end = user + size;
            used += size + ObjectHeader.CompactSize;
        }

        HeapStatistics statistics = heap.Heap.GetStatistics();
        Assert.Equal(live.Count, statistics.Objects);
        Assert.Equal(used, statistics.UsedBytes);
    }
}
