using System.Globalization;
using System.Runtime.CompilerServices;
using Pmem.Objects.Conversion;

namespace Pmem.Objects.Tests.Conversion;

/// <summary>docs/formats/old-layouts.md says what the code does.</summary>
public sealed class OldLayoutsPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Root(), "docs", "formats", "old-layouts.md"));

    [Theory]
    [InlineData(OldLane.AllocatorRedo, OldLane.SectionSize, "allocator: a redo log")]
    [InlineData(OldLane.ListObject, 8, "lists: offset of the object")]
    [InlineData(OldLane.ListRedo, OldLane.RedoEntries * 16, "lists: a redo log")]
    [InlineData(OldLane.TransactionState, 8, "transaction: 1 from its commit on")]
    [InlineData(OldLane.UndoLogs, OldLane.SectionSize - 8, "transaction: the undo logs")]
    public void Parts_of_a_lane_are_where_the_page_says(int position, int size, string what) => Assert.Contains($"| {position} | {size} | {what}", s_page, StringComparison.Ordinal);

    [Fact]
    public void Sizes_are_those_of_the_page()
    {
        Assert.Contains($"up to {OldLane.RedoEntries} entries", s_page, StringComparison.Ordinal);
        Assert.Contains($"layout 1 has {OldLane.ListHeadSize} bytes", s_page, StringComparison.Ordinal);
        Assert.Contains($"the next is {OldLane.ListEntryBehind} bytes before", s_page, StringComparison.Ordinal);
        Assert.Contains($"a vector of {OldLane.VectorSize} bytes: {OldLane.VectorArrays} offsets of arrays, then the first array, of {OldLane.VectorEmbedded} entries", s_page, StringComparison.Ordinal);
        Assert.Contains($"{OldLane.CacheSlots} slots with {OldLane.CacheSlotData} bytes of data", s_page, StringComparison.Ordinal);
        Assert.Contains($"| 0x{OldLane.HeapSizeField.ToString("X", CultureInfo.InvariantCulture)} |", s_page, StringComparison.Ordinal);
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
