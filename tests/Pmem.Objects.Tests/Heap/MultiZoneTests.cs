using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>Heaps of several zones, in sparse files: only what is touched takes memory.</summary>
public sealed class MultiZoneTests
{
    private const long Largest = (HeapLayout.ChunksPerZone * HeapLayout.ChunkSize) - ObjectHeader.CompactSize;

    [Fact]
    public void Zones_are_used_one_after_the_other_and_found_again()
    {
        WithHeap(HeapLayout.HeaderSize + (2 * HeapLayout.ZoneMaximumSize) + HeapLayout.ZoneMinimumSize + (100 * HeapLayout.ChunkSize), heap =>
        {
            Assert.Equal(3, heap.Heap.GetStatistics().Zones);
            long small = heap.Allocate(100);
            long first = heap.Allocate(Largest - (10 * HeapLayout.ChunkSize));
            long second = heap.Allocate(Largest);
            Assert.Equal(HeapUnderTest.ChunkOffset(0) + HeapLayout.ZoneMaximumSize + ObjectHeader.CompactSize, second);
            Assert.Equal(0, heap.Allocate(Largest));
            long third = heap.Allocate(20_000_000);
            Assert.True(third > second + Largest);
            Assert.Equal([small, first, second, third], heap.Objects());

            heap.Reopen();
            Assert.Equal([small, first, second, third], heap.Objects());

            // Freed in zones that nothing was allocated from since the open.
            heap.Free(third);
            heap.Free(second);
            Assert.Equal([small, first], heap.Objects());
            Assert.Equal(second, heap.Allocate(Largest));
            heap.Free(first);
            Assert.Equal(first, heap.Allocate(Largest - (10 * HeapLayout.ChunkSize)));
        });
    }

    [Fact]
    public void A_zone_that_the_heap_outgrew_is_extended_at_open()
    {
        WithHeap(HeapUnderTest.SizeOf(40), heap =>
        {
            long user = heap.Allocate(5_000_000);
            Assert.Equal(0, heap.Allocate(8_000_000));
            var larger = new PersistentHeap(heap.Map, HeapUnderTest.HeapOffset, HeapUnderTest.SizeOf(80), arenas: 1);
            larger.Validate();
            larger.Boot();
            Assert.Equal(80u, (uint)(heap.Map.ReadUInt64(HeapUnderTest.HeapOffset + HeapLayout.HeaderSize) >> 32));
            Assert.True(larger.TryReserve(12_000_000, 0, 0, zero: false, out PersistentAction action));
            larger.Publish(heap.Redo, ref action);
            Assert.Equal(user, larger.FirstObject());
            Assert.Equal(action.UserOffset, larger.NextObject(user));
        }, extra: 40 * HeapLayout.ChunkSize);
    }

    /// <summary>
    /// For heaps that end 256 to 768 KiB behind a full zone libpmemobj computes more chunks than a zone has headers, and destroys the first
    /// objects of the zone. Such a heap is made smaller at creation, and refused when somebody else made it.
    /// </summary>
    [Theory]
    [InlineData(1, 262_143, false)]
    [InlineData(1, 262_144, true)]
    [InlineData(1, 786_431, true)]
    [InlineData(1, 786_432, false)]
    [InlineData(3, 524_288, true)]
    public void Sizes_at_which_C_overruns_its_chunk_headers_are_avoided(int zones, long beyond, bool overruns)
    {
        long size = HeapLayout.HeaderSize + (zones * HeapLayout.ZoneMaximumSize) + beyond;
        int count = HeapLayout.ZoneCount(size);
        Assert.Equal(overruns, HeapLayout.ZoneChunks(size, count - 1) > HeapLayout.ChunksPerZone);
        long usable = HeapLayout.UsableSize(size);
        Assert.Equal(overruns ? HeapLayout.HeaderSize + (zones * HeapLayout.ZoneMaximumSize) : size, usable);
        for (int zone = 0; zone < HeapLayout.ZoneCount(usable); zone++)
            Assert.InRange(HeapLayout.ZoneChunks(usable, zone), 1, HeapLayout.ChunksPerZone);
    }

    [Fact]
    public void A_pool_with_more_chunks_than_headers_is_refused()
    {
        long size = HeapLayout.HeaderSize + HeapLayout.ZoneMaximumSize + (512 << 10);
        WithMap(HeapUnderTest.HeapOffset + size, map =>
        {
            PersistentHeap.Format(map, HeapUnderTest.HeapOffset, size);
            long zone = HeapUnderTest.HeapOffset + HeapLayout.HeaderSize;
            map.StoreUInt64(zone, HeapLayout.ZoneMagic | (65530ul << 32));
            var heap = new PersistentHeap(map, HeapUnderTest.HeapOffset, size, arenas: 1);
            PmemFormatException problem = Assert.Throws<PmemFormatException>(heap.Validate);
            Assert.Equal(zone, problem.Offset);
        });
    }

    private static void WithHeap(long size, Action<HeapUnderTest> test, long extra = 0) => WithMap(HeapUnderTest.HeapOffset + size + extra, map =>
    {
        using var heap = new HeapUnderTest(map, size);
        test(heap);
    });

    private static void WithMap(long length, Action<PersistentMap> test)
    {
        string folder = Directory.CreateTempSubdirectory("pmem-zones-").FullName;
        try
        {
            string path = Path.Combine(folder, "heap");
            using PersistentMap map = PersistentMap.Create(path, length, new PersistentMapOptions { Sparse = true });
            test(map);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
