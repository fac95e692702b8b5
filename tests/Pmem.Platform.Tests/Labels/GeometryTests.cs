using Pmem.Platform.Labels;

namespace Pmem.Platform.Tests.Labels;

public sealed class GeometryTests
{
    [Theory]
    [InlineData(1 << 10, 256, 4, 256, 2)]
    [InlineData(4 << 10, 256, 28, 256, 14)]
    [InlineData(64 << 10, 256, 508, 256, 254)]
    [InlineData(128 << 10, 256, 1020, 256, 510)]
    [InlineData(256 << 10, 512, 2040, 256, 1022)]
    [InlineData(512 << 10, 768, 4084, 512, 2044)]
    [InlineData(2 << 20, 2304, 16348, 1280, 8182)]
    public void Blocks_and_slots_are_those_that_Linux_computes(int area, int index11, int slots11, int index12, int slots12)
    {
        LabelAreaGeometry old = LabelAreaGeometry.Compute(area, LabelFormat.Efi11);
        LabelAreaGeometry current = LabelAreaGeometry.Compute(area, LabelFormat.Efi12);
        Assert.Equal((index11, slots11), (old.IndexSize, old.SlotCount));
        Assert.Equal((index12, slots12), (current.IndexSize, current.SlotCount));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1023)]
    [InlineData(LabelAreaGeometry.MaximumAreaSize + 1)]
    public void Areas_of_impossible_size_are_refused(int area)
    {
        Assert.False(LabelAreaGeometry.TryCompute(area, 256, out _));
        Assert.Throws<PmemException>(() => LabelAreaGeometry.Compute(area, LabelFormat.Efi12));
        Assert.Null(LabelArea.Parse(new byte[Math.Min(area, 4096) % 1024]).Current);
    }

    [Fact]
    public void Everything_fits_into_areas_of_any_size()
    {
        for (int area = LabelAreaGeometry.MinimumAreaSize; area < 600_000; area += 97)
        {
            foreach (LabelFormat format in Enum.GetValues<LabelFormat>())
            {
                LabelAreaGeometry geometry = LabelAreaGeometry.Compute(area, format);
                Assert.True(geometry.SlotOffset(geometry.SlotCount) <= area, $"area {area}");
                Assert.True(geometry.IndexSize >= IndexBlock.HeaderSize + ((geometry.SlotCount + 7) / 8), $"area {area}");
            }
        }
    }
}
