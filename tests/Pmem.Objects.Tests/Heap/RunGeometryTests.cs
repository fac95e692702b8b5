using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

public sealed class RunGeometryTests
{
    private const ChunkFlags Compact = ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap;

    [Fact]
    public void The_first_unit_of_the_smallest_class_is_320_bytes_into_its_chunk()
    {
        Assert.True(RunGeometry.TryCreate(128, 0, Compact, 1, out RunGeometry geometry));
        Assert.Equal(0x140, geometry.DataOffset(0));
        Assert.Equal(2045, geometry.Units);
        Assert.Equal(32, geometry.Words);
        Assert.Equal(38 * 8, geometry.BitmapSize);
        Assert.Equal(ulong.MaxValue << 61, geometry.LastWord);
    }

    [Theory]
    [InlineData(128, 1, 2045)] // (262144 − 16 − 304) / 128 is 2045, fits 2432
    [InlineData(64, 1, 2432)] // more units than bits: the bits decide
    [InlineData(64, 2, 2432)]
    [InlineData(256, 2, 2046)]
    [InlineData(128, 2, 2045)] // two chunks would hold 4093 units: one chunk counts
    public void A_fixed_bitmap_has_38_words(ulong unit, uint chunks, int units)
    {
        Assert.True(RunGeometry.TryCreate(unit, 0, ChunkFlags.CompactHeader, chunks, out RunGeometry geometry));
        Assert.Equal(304, geometry.BitmapSize);
        Assert.Equal(0x140, geometry.DataOffset(0));
        Assert.Equal(units, geometry.Units);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(4096, 4096)]
    [InlineData(8192, 512)]
    [InlineData(2 << 20, 2 << 20)]
    public void User_data_of_aligned_runs_is_aligned_and_inside(ulong unit, ulong alignment)
    {
        uint chunks = (uint)(((unit * 16) + 16 + alignment + (1 << 18) - 1) >> 18) + 1;
        foreach (ChunkFlags header in (ChunkFlags[])[ChunkFlags.None, ChunkFlags.CompactHeader, ChunkFlags.NoHeader])
        {
            Assert.True(RunGeometry.TryCreate(unit, alignment, header | ChunkFlags.Aligned | ChunkFlags.FlexibleBitmap, chunks, out RunGeometry geometry));
            for (long run = 0; run < 8L << 20; run += HeapLayout.ChunkSize)
            {
                long first = HeapUnderTest.ChunkOffset(0) + run;
                long data = geometry.DataOffset(first);
                Assert.Equal(0, (data + geometry.HeaderSize) % (long)alignment);
                Assert.InRange(data, first + 16 + geometry.BitmapSize, long.MaxValue);
                Assert.InRange(data + (geometry.Units * geometry.UnitSize), 0, first + (chunks * HeapLayout.ChunkSize));
            }
        }
    }

    [Theory]
    [InlineData(0, 0, 0, 1)]
    [InlineData(262129, 0, 0, 1)] // larger than the run
    [InlineData(ulong.MaxValue, 0, 0, 65528)]
    [InlineData(128, 0, 0, 0)]
    [InlineData(128, 0, (int)ChunkFlags.Aligned, 1)]
    [InlineData(128, 96, (int)ChunkFlags.Aligned, 1)]
    [InlineData(128, 256, (int)ChunkFlags.Aligned, 1)] // unit is no multiple
    [InlineData(8 << 20, 4 << 20, (int)ChunkFlags.Aligned, 100)]
    public void Impossible_fields_have_no_geometry(ulong unit, ulong alignment, int flags, uint chunks)
    {
        Assert.False(RunGeometry.TryCreate(unit, alignment, Compact | (ChunkFlags)flags, chunks, out _));
    }

    [Fact]
    public void Whatever_the_fields_the_units_lie_in_the_run()
    {
        var random = new Random(7);
        int possible = 0;
        for (int i = 0; i < 200_000; i++)
        {
            ulong unit = (ulong)(random.NextInt64() >> random.Next(20, 63));
            ulong alignment = random.Next(3) == 0 ? (ulong)random.NextInt64() : 1UL << random.Next(24);
            var flags = (ChunkFlags)random.Next(16);
            uint chunks = (uint)(random.Next(1, 65529) >> random.Next(16));
            if (!RunGeometry.TryCreate(unit, alignment, flags, chunks, out RunGeometry geometry))
                continue;
            possible++;
            long end = geometry.DataOffset(0) + (geometry.Units * geometry.UnitSize);
            string what = $"unit {unit}, alignment {alignment}, {flags}, {chunks} chunks";
            Assert.True(geometry.Units > 0 && geometry.Words > 0, what);
            Assert.True(geometry.Words <= geometry.BitmapSize / 8 && geometry.Words * 64L >= geometry.Units, what);
            Assert.True(end <= chunks * HeapLayout.ChunkSize, what);
        }

        Assert.InRange(possible, 1000, 199_000);
    }
}
