using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>The classes and the choice among them are libpmemobj's: these are the numbers that its library reports.</summary>
public sealed class AllocationClassTests
{
    // unit × units per run (chunks)
    private const string Table = """
        128×2045(1) 192×1364(1) 320×818(1) 448×584(1) 704×372(1) 832×315(1) 1088×240(1) 1216×215(1) 1472×356(2) 1728×303(2) 1856×282(2)
        1984×264(2) 2368×221(2) 3776×208(3) 4480×234(4) 5376×195(4) 5504×238(5) 6208×211(5) 6720×195(5) 7488×210(6) 7744×203(6)
        9216×199(7) 9664×217(8) 10176×206(8) 11072×213(9) 12032×196(9) 11968×219(10) 12480×210(10) 14272×202(11) 16704×204(13)
        17472×210(14) 23040×182(16) 24384×172(16) 26048×161(16) 27776×151(16) 29120×144(16) 31296×134(16) 39936×105(16) 46592×90(16)
        51776×81(16) 54464×77(16) 66560×63(16) 80640×52(16) 107520×39(16) 113344×37(16) 135296×31(16) 149760×28(16) 167744×25(16)
        209664×20(16) 220736×19(16) 246720×17(16) 262080×16(16) 349440×12(16)
        """;

    [Fact]
    public void The_classes_are_those_that_libpmemobj_generates()
    {
        string[] expected = Table.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(53, expected.Length);
        var actual = new List<string>();
        for (int i = 1; i < AllocationClasses.All.Length; i++)
        {
            AllocationClass one = AllocationClasses.All[i];
            Assert.Equal(i, one.Id);
            Assert.Equal(ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap, one.Flags);
            actual.Add($"{one.UnitSize}×{one.Geometry.Units}({one.Chunks})");
        }

        Assert.Equal(expected, actual);
    }

    [Theory]
    [InlineData(1, 112)]
    [InlineData(112, 112)]
    [InlineData(113, 176)]
    [InlineData(128, 176)]
    [InlineData(176, 176)]
    [InlineData(240, 240)]
    [InlineData(256, 304)]
    [InlineData(496, 496)]
    [InlineData(1000, 1008)]
    [InlineData(4096, 4144)]
    [InlineData(65536, 66544)]
    [InlineData(262144, 266224)]
    [InlineData(2621439, 2883568)]
    [InlineData(2621440, 2883568)]
    public void Usable_size_is_what_libpmemobj_gives(long size, long usable)
    {
        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(64));
        Assert.Equal(usable, heap.Heap.UsableSize(heap.Allocate(size)));
    }

    [Fact]
    public void Every_size_gets_a_class_that_holds_it_in_at_most_eight_units()
    {
        for (long size = 1; size < AllocationClasses.HugeThreshold; size++)
        {
            if (AllocationClasses.ForSize(size) is not { } chosen)
                continue;
            long units = (size + chosen.HeaderSize + chosen.UnitSize - 1) / chosen.UnitSize;
            Assert.True(units <= AllocationClasses.MaximumUnits, $"{size} bytes: {units} units of {chosen.UnitSize}");
        }

        Assert.Null(AllocationClasses.ForSize(AllocationClasses.HugeThreshold));
        Assert.Null(AllocationClasses.ForSize(long.MaxValue - 1));
    }

    [Fact]
    public void A_run_is_recognised_by_its_fields_only_when_all_agree()
    {
        AllocationClass first = AllocationClasses.All[1];
        Assert.Same(first, AllocationClasses.ForRun(128, first.Flags, 1));
        Assert.Null(AllocationClasses.ForRun(128, first.Flags, 2));
        Assert.Null(AllocationClasses.ForRun(136, first.Flags, 1));
        Assert.Null(AllocationClasses.ForRun(128, ChunkFlags.CompactHeader, 1));
        Assert.Null(AllocationClasses.ForRun(128, first.Flags | ChunkFlags.Aligned, 1));
    }
}
