using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>Runs that other programs made: old pools' bitmaps and headers, allocation classes that a C program registered.</summary>
public sealed class ForeignRunTests
{
    [Theory]
    [InlineData((int)ChunkFlags.None, 256, 0, 1)] // before 1.3: large headers, 38 bitmap words
    [InlineData((int)ChunkFlags.CompactHeader, 256, 0, 1)]
    [InlineData((int)(ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap), 7, 0, 1)] // any unit size will do for C
    [InlineData((int)(ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap), 1000, 0, 3)]
    [InlineData((int)(ChunkFlags.NoHeader | ChunkFlags.FlexibleBitmap), 8, 0, 1)]
    [InlineData((int)(ChunkFlags.NoHeader | ChunkFlags.FlexibleBitmap | ChunkFlags.Aligned), 4096, 4096, 2)]
    [InlineData((int)(ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap | ChunkFlags.Aligned), 8192, 1024, 4)]
    [InlineData((int)(ChunkFlags.FlexibleBitmap | ChunkFlags.Aligned), 512, 512, 1)]
    public void Their_objects_are_found_measured_and_freed(int flagBits, int unit, int alignment, int chunks)
    {
        var flags = (ChunkFlags)flagBits;
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(400));
        heap.Free(heap.Allocate(3_000_000)); // the zone exists
        int start = 15;
        MakeRun(heap, start, flags, unit, alignment, chunks);
        RunGeometry geometry = Geometry(flags, unit, alignment, chunks);

        int least = Math.Max(1, (geometry.HeaderSize + unit) / unit);
        int units = geometry.HeaderSize == 0 ? 1 : Math.Min(8, least + 1);
        var expected = new List<long>();
        foreach (int first in (int[])[0, 17, 64 - units, Math.Min(128, geometry.Units - units - 1)])
        {
            if (first >= 0 && first + units <= geometry.Units && (first % 64) + units <= 64)
                expected.Add(MakeObject(heap, geometry, start, first, units));
        }

        expected = [.. expected.Distinct().Order()];
        Assert.NotEmpty(expected);
        heap.Reopen();
        Assert.Equal(expected, heap.Objects());
        foreach (long user in expected)
        {
            Assert.True(heap.Heap.IsObject(user));
            Assert.Equal((units * (long)unit) - geometry.HeaderSize, heap.Heap.UsableSize(user));
            Assert.Equal(geometry.HeaderSize == 0 ? 0ul : 77ul, heap.Heap.TypeNumber(user));
            Assert.Equal(0, alignment == 0 ? 0 : user % alignment);
        }

        // New objects go elsewhere, whatever their size.
        for (int size = 1; size < 20_000; size += 600)
        {
            long user = heap.Allocate(size);
            Assert.False(user >= HeapUnderTest.ChunkOffset(start) && user < HeapUnderTest.ChunkOffset(start + chunks));
            heap.Free(user);
        }

        while (expected.Count > 0)
        {
            heap.Free(expected[0]);
            Assert.False(heap.Heap.IsObject(expected[0]));
            expected.RemoveAt(0);
            Assert.Equal(expected, heap.Objects());
        }

        // An empty run becomes free chunks when the heap is next opened.
        heap.Reopen();
        Assert.NotEqual(0, heap.Allocate(3_000_000));
        Assert.NotEqual(ChunkType.Run, heap.Header(start).Type);
    }

    private static RunGeometry Geometry(ChunkFlags flags, int unit, int alignment, int chunks)
    {
        Assert.True(RunGeometry.TryCreate((ulong)unit, (ulong)alignment, flags, (uint)chunks, out RunGeometry geometry));
        return geometry;
    }

    private static void MakeRun(HeapUnderTest heap, int chunk, ChunkFlags flags, int unit, int alignment, int chunks)
    {
        uint total = heap.Header(0).SizeIndex;
        RunGeometry geometry = Geometry(flags, unit, alignment, chunks);
        long run = HeapUnderTest.ChunkOffset(chunk);
        heap.Map.Fill(run, 0xFF, RunGeometry.RunHeaderSize + geometry.BitmapSize);
        heap.Map.StoreUInt64(run, (ulong)unit);
        heap.Map.StoreUInt64(run + 8, (ulong)alignment);
        for (int i = 0; i < geometry.Words; i++)
            heap.Map.StoreUInt64(run + 16 + (i * 8), i == geometry.Words - 1 ? geometry.LastWord : 0);
        Store(heap, 0, ChunkType.Free, ChunkFlags.None, (uint)chunk);
        Store(heap, chunk, ChunkType.Run, flags, (uint)chunks);
        for (int i = 1; i < chunks; i++)
            Store(heap, chunk + i, ChunkType.RunData, ChunkFlags.None, (uint)i);
        Store(heap, chunk + chunks, ChunkType.Free, ChunkFlags.None, total - (uint)(chunk + chunks));
    }

    private static long MakeObject(HeapUnderTest heap, RunGeometry geometry, int chunk, int unit, int units)
    {
        long run = HeapUnderTest.ChunkOffset(chunk);
        long block = geometry.DataOffset(run) + (unit * geometry.UnitSize);
        ulong size = (ulong)(units * geometry.UnitSize);
        if (geometry.HeaderSize == ObjectHeader.CompactSize)
        {
            heap.Map.Store(block, size);
            heap.Map.Store(block + 8, 77ul);
        }
        else if (geometry.HeaderSize == ObjectHeader.LegacySize)
        {
            heap.Map.Fill(block, 0xAB, ObjectHeader.LegacySize);
            heap.Map.Store(block + ObjectHeader.LegacySizePosition, size);
            heap.Map.Store(block + ObjectHeader.LegacyRootSizePosition, 0ul);
            heap.Map.Store(block + ObjectHeader.LegacyTypePosition, 77ul);
        }

        long word = run + 16 + (unit / 64 * 8);
        ulong mask = units == 64 ? ulong.MaxValue : ((1UL << units) - 1) << (unit % 64);
        heap.Map.StoreUInt64(word, heap.Map.ReadUInt64(word) | mask);
        return block + geometry.HeaderSize;
    }

    private static void Store(HeapUnderTest heap, int chunk, ChunkType type, ChunkFlags flags, uint size) =>
        heap.Map.StoreUInt64(HeapUnderTest.HeaderOffset(chunk), new ChunkHeader(type, flags, size).Word);
}
