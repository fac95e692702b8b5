using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Tests.Heap;

namespace Pmem.Objects.Tests.Layout;

/// <summary>The tables in docs/formats/heap.md say what the code does.</summary>
public sealed partial class HeapPageTests
{
    private static readonly string s_page = File.ReadAllText(PagePath());

    private readonly record struct Row(long Offset, long Size, string Field, string Meaning);

    [Fact]
    public void Heap_header()
    {
        Dictionary<string, Row> rows = Table("Heap header", HeapLayout.HeaderSize);
        Assert.Equal((0L, (long)HeapLayout.Signature.Length), (rows["Signature"].Offset, rows["Signature"].Size));
        Assert.Equal(HeapLayout.MajorPosition, rows["Major"].Offset);
        Assert.Equal(HeapLayout.ChunkSizePosition, rows["ChunkSize"].Offset);
        Assert.Equal(HeapLayout.ChunksPerZonePosition, rows["ChunksPerZone"].Offset);
        Assert.Equal(HeapLayout.HeaderChecksumPosition, rows["HeaderChecksum"].Offset);

        using var heap = new HeapUnderTest(HeapUnderTest.SizeOf(4));
        foreach (string field in (string[])["Major", "ChunkSize", "ChunksPerZone"])
            Assert.Equal(ulong.Parse(rows[field].Meaning), heap.Map.ReadUInt64(HeapUnderTest.HeapOffset + rows[field].Offset));
        Assert.True(heap.Map.GetSpan(HeapUnderTest.HeapOffset, 16).SequenceEqual("MEMORY_HEAP_HDR\0"u8));
    }

    [Fact]
    public void Zone()
    {
        Dictionary<string, Row> rows = Table("Zone", HeapLayout.ZoneMaximumSize);
        Assert.Contains($"0x{HeapLayout.ZoneMagic:X}", rows["ZoneMagic"].Meaning, StringComparison.Ordinal);
        Assert.Equal((HeapLayout.ZoneHeaderSize, HeapLayout.ChunksPerZone * 8L), (rows["ChunkHeaders"].Offset, rows["ChunkHeaders"].Size));
        Assert.Equal((HeapLayout.ZoneMetadataSize, HeapLayout.ChunksPerZone * HeapLayout.ChunkSize), (rows["Chunks"].Offset, rows["Chunks"].Size));
        Assert.Contains($"{HeapLayout.HeaderSize} + *z* · {HeapLayout.ZoneMaximumSize}", s_page, StringComparison.Ordinal);
    }

    [Fact]
    public void Chunk_header()
    {
        Dictionary<string, Row> rows = Table("Chunk header", ChunkHeader.Size);
        var header = new ChunkHeader((ChunkType)0x1122, (ChunkFlags)0x3344, 0x55667788);
        Assert.Equal(0x1122ul, Field(header.Word, rows["Type"]));
        Assert.Equal(0x3344ul, Field(header.Word, rows["Flags"]));
        Assert.Equal(0x55667788ul, Field(header.Word, rows["SizeIndex"]));
        Assert.Equal(header, new ChunkHeader(header.Type, header.Flags, header.SizeIndex));
        Assert.Equal(ChunkHeader.Size, Unsafe.SizeOf<ChunkHeader>());
    }

    [Fact]
    public void Run()
    {
        Dictionary<string, Row> rows = Table("Run", HeapLayout.ChunkSize);
        AllocationClass smallest = AllocationClasses.All[1];
        Assert.Equal((RunGeometry.RunHeaderSize, smallest.Geometry.BitmapSize), (rows["Bitmap"].Offset, rows["Bitmap"].Size));
        Assert.Equal(smallest.Geometry.DataOffset(0), rows["Units"].Offset);
    }

    [Fact]
    public void Object_headers()
    {
        Dictionary<string, Row> compact = Table("Object header, compact", ObjectHeader.CompactSize);
        Assert.Equal(ObjectHeader.FlagsShift / 8, compact["Flags"].Offset);
        Assert.Contains($"0x{ObjectFlags.Internal:X}", compact["Flags"].Meaning, StringComparison.Ordinal);
        Dictionary<string, Row> legacy = Table("Object header, legacy", ObjectHeader.LegacySize);
        Assert.Equal(ObjectHeader.LegacySizePosition, legacy["LegacySize"].Offset);
        Assert.Equal(ObjectHeader.LegacyRootSizePosition, legacy["LegacyRootSize"].Offset);
        Assert.Equal(ObjectHeader.LegacyTypePosition, legacy["LegacyType"].Offset);
    }

    [Fact]
    public void Classes()
    {
        string[] actual = [.. AllocationClasses.All[1..].ToArray().Select(c => $"{c.UnitSize}×{c.Geometry.Units}({c.Chunks})")];
        Assert.Equal(ClassEntry().Matches(s_page).Select(match => match.Value), actual);
        Assert.Contains($"From {AllocationClasses.HugeThreshold} bytes on", s_page, StringComparison.Ordinal);
    }

    private static ulong Field(ulong word, Row row) => (word >> (int)(row.Offset * 8)) & ((1UL << (int)(row.Size * 8)) - 1);

    /// <summary>The named rows of the first table under a heading, after checking that the rows lie end to end.</summary>
    private static Dictionary<string, Row> Table(string heading, long size)
    {
        int start = s_page.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"no heading {heading}");
        string section = s_page[(start + 4)..].Split("\n## ")[0];
        var named = new Dictionary<string, Row>(StringComparer.Ordinal);
        long next = 0;
        foreach (string line in section.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1))
        {
            string[] cells = [.. line.Split('|').Select(cell => cell.Trim())];
            var row = new Row(long.Parse(cells[1], CultureInfo.InvariantCulture), long.Parse(cells[2], CultureInfo.InvariantCulture), cells[3].Trim('`'), cells[4]);
            Assert.Equal(next, row.Offset);
            next += row.Size;
            if (cells[3].StartsWith('`'))
                named.Add(row.Field, row);
        }

        Assert.Equal(size, next);
        return named;
    }

    private static string PagePath()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "docs", "formats", "heap.md");
            if (File.Exists(path))
                return path;
        }

        throw new FileNotFoundException("docs/formats/heap.md is not above the test's folder");
    }

    [GeneratedRegex(@"\d+×\d+\(\d+\)")]
    private static partial Regex ClassEntry();
}
