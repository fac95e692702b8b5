using System.Globalization;
using System.Runtime.CompilerServices;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Layout;

/// <summary>docs/formats/objects.md says what the code does.</summary>
public sealed class ObjectsPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Root(), "docs", "formats", "objects.md"));

    [Theory]
    [InlineData("layout", PoolDescriptor.Offset)]
    [InlineData("lanes offset", PoolDescriptor.LanesOffsetField)]
    [InlineData("lane count", PoolDescriptor.LaneCountField)]
    [InlineData("heap offset", PoolDescriptor.HeapOffsetField)]
    [InlineData("checksum", PoolDescriptor.ChecksumField)]
    [InlineData("root offset", PoolDescriptor.RootOffsetField)]
    [InlineData("run id", PoolDescriptor.RunIdField)]
    [InlineData("root size", PoolDescriptor.RootSizeField)]
    [InlineData("conversion flags", PoolDescriptor.ConversionFlagsField)]
    [InlineData("heap size", PoolDescriptor.HeapSizeField)]
    [InlineData("current allocated", PoolDescriptor.CurrentAllocatedField)]
    public void Descriptor_fields_are_where_the_page_says(string field, long offset) =>
        Assert.Matches($@"\| 0x{offset.ToString("X", CultureInfo.InvariantCulture)} \| \d+ \| {field} \|", s_page);

    [Theory]
    [InlineData("checksum", UlogHeader.ChecksumPosition)]
    [InlineData("next", UlogHeader.NextPosition)]
    [InlineData("capacity", UlogHeader.CapacityPosition)]
    [InlineData("generation", UlogHeader.GenerationPosition)]
    [InlineData("flags", UlogHeader.FlagsPosition)]
    public void Log_fields_are_where_the_page_says(string field, int position) => Assert.Matches($@"\| {position} \| 8 \| {field} \|", s_page);

    [Theory]
    [InlineData(LaneLayout.InternalPosition, LaneLayout.InternalCapacity)]
    [InlineData(LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity)]
    [InlineData(LaneLayout.UndoPosition, LaneLayout.UndoCapacity)]
    public void Lane_parts_are_where_the_page_says(int position, int capacity) => Assert.Matches($@"\| {position} \| 64 \+ {capacity} \|", s_page);

    [Fact]
    public void Sizes_add_up()
    {
        Assert.Equal(UlogHeader.Size, Unsafe.SizeOf<UlogHeader>());
        Assert.Equal(LaneLayout.Size, LaneLayout.UndoPosition + UlogHeader.Size + LaneLayout.UndoCapacity);
        Assert.Equal(0x302000, PoolDescriptor.DefaultHeapOffset);
        Assert.Equal(16, Unsafe.SizeOf<ObjectId>());
        Assert.Equal(8, Unsafe.SizeOf<ObjectRef<long>>());
        Assert.Equal(64, Unsafe.SizeOf<PersistentMutex>());
    }

    private static string Root()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
