using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>Whole chunks: where they are taken, how they merge, when space ends.</summary>
public sealed class ChunkTests
{
    private const long OneChunk = HeapLayout.ChunkSize - ObjectHeader.CompactSize;
    private const int Chunks = 128;

    private static long Size(int chunks) => (chunks * HeapLayout.ChunkSize) - ObjectHeader.CompactSize;

    [Fact]
    public void A_fresh_heap_says_nothing_until_it_is_used()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        Assert.Equal(0ul, heap.Map.ReadUInt64(HeapUnderTest.HeapOffset + HeapLayout.HeaderSize));
        Assert.Equal(Chunks, heap.Heap.GetStatistics().FreeChunks);
        Assert.Equal(0, heap.Heap.FirstObject());
        Assert.NotEqual(0, heap.Allocate(1));
        Assert.Equal(HeapLayout.ZoneMagic | ((ulong)Chunks << 32), heap.Map.ReadUInt64(HeapUnderTest.HeapOffset + HeapLayout.HeaderSize));
    }

    [Fact]
    public void The_best_fitting_block_is_split_and_its_low_part_taken()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        long a = heap.Allocate(Size(20));
        long b = heap.Allocate(Size(11));
        long c = heap.Allocate(Size(15));
        long d = heap.Allocate(Size(11));
        Assert.Equal(HeapUnderTest.ChunkOffset(0) + 16, a);
        Assert.Equal(HeapUnderTest.ChunkOffset(20) + 16, b);
        Assert.Equal(HeapUnderTest.ChunkOffset(31) + 16, c);
        heap.Free(a);
        heap.Free(c);
        Assert.Equal(c, heap.Allocate(Size(12)));
        Assert.Equal(new ChunkHeader(ChunkType.Free, ChunkFlags.None, 3), heap.Header(43));
        Assert.Equal(a, heap.Allocate(Size(12)));
        Assert.Equal(new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 8), heap.Header(19));
        heap.Free(d);
        Assert.Equal(0, heap.Allocate(Size(Chunks)));
    }

    [Fact]
    public void Freed_neighbours_merge_on_both_sides()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        long[] blocks = new long[8];
        for (int i = 0; i < blocks.Length; i++)
            blocks[i] = heap.Allocate(Size(11));
        heap.Free(blocks[1]);
        heap.Free(blocks[3]);
        heap.Free(blocks[2]);
        Assert.Equal((ChunkType.Free, 33u), (heap.Header(11).Type, heap.Header(11).SizeIndex));
        Assert.Equal(new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 33), heap.Header(43));
        heap.Free(blocks[0]);
        Assert.Equal((ChunkType.Free, 44u), (heap.Header(0).Type, heap.Header(0).SizeIndex));
        heap.Free(blocks[7]); // with the rest of the zone
        Assert.Equal((ChunkType.Free, (uint)(Chunks - 77)), (heap.Header(77).Type, heap.Header(77).SizeIndex));
        Assert.Equal(blocks[0], heap.Allocate(Size(44)));
    }

    [Fact]
    public void Footers_that_a_crash_lost_are_rebuilt_before_they_are_trusted()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        long a = heap.Allocate(Size(12));
        long b = heap.Allocate(Size(12));
        long c = heap.Allocate(Size(12));
        heap.Free(a);
        heap.Map.StoreUInt64(HeapUnderTest.HeaderOffset(11), new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 3).Word);
        heap.Map.StoreUInt64(HeapUnderTest.HeaderOffset(23), 0);
        heap.Reopen();
        Assert.Equal(new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 12), heap.Header(11));
        Assert.Equal(new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 12), heap.Header(23));
        heap.Free(b);
        Assert.Equal(24u, heap.Header(0).SizeIndex);
        Assert.Equal([c], heap.Objects());
    }

    [Fact]
    public void Space_ends_with_false_and_comes_back()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(16));
        foreach (long size in (long[])[100, 1000, 5000, 700_000, 2_700_000])
        {
            var objects = new List<long>();
            for (long user; (user = heap.Allocate(size)) != 0;)
                objects.Add(user);
            Assert.NotEmpty(objects);
            Assert.Equal(objects.Order(), heap.Objects());
            Assert.Equal(0, heap.Allocate(size));
            foreach (long user in objects)
                heap.Free(user);
            heap.Reopen();
            Assert.Equal(0, heap.Heap.GetStatistics().UsedBytes);
        }

        Assert.NotEqual(0, heap.Allocate(Size(16)));
        Assert.Equal(0, heap.Allocate(1));
    }

    [Fact]
    public void Runs_that_became_empty_make_room_for_a_large_object_without_reopening()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(32));
        var objects = new List<long>();
        for (long user; (user = heap.Allocate(100)) != 0;)
            objects.Add(user);
        Assert.Equal(32 * 2045, objects.Count);
        foreach (long user in objects)
            heap.Free(user);

        // All but the run that the arena holds.
        Assert.NotEqual(0, heap.Allocate(Size(20)));
    }

    [Fact]
    public void The_largest_object_takes_a_whole_zone_and_no_more()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(16));
        Assert.Equal(0, heap.Allocate(Size(16) + 1));
        Assert.Equal(0, heap.Allocate(long.MaxValue - 1_000_000));
        long user = heap.Allocate(Size(16));
        Assert.Equal(Size(16), heap.Heap.UsableSize(user));
        Assert.Equal(OneChunk, Size(1));
    }

    [Fact]
    public void Only_where_an_object_starts_is_an_object()
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(32));
        long small = heap.Allocate(100);
        long huge = heap.Allocate(Size(11));
        heap.Map.Fill(small, 0, 112);
        foreach (long start in (long[])[small, huge])
        {
            Assert.True(heap.Heap.IsObject(start));
            foreach (long skew in (long[])[-16, -8, -1, 1, 8, 16, 64, 112, 128])
                Assert.False(heap.Heap.IsObject(start + skew), $"{skew}");
        }

        foreach (long offset in (long[])[0, 8, -8, long.MinValue, long.MaxValue, HeapUnderTest.HeapOffset, HeapUnderTest.HeapOffset + heap.HeapSize, HeapUnderTest.ChunkOffset(12) + 16])
            Assert.False(heap.Heap.IsObject(offset), $"0x{offset:x}");
        Assert.Throws<PmemFormatException>(() => heap.Heap.UsableSize(small + 8));
    }
}
