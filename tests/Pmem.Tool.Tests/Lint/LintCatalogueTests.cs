using System.Text.Json;
using Pmem.Blocks;
using Pmem.Blocks.Layout;

namespace Pmem.Tool.Tests.Lint;

/// <summary>The lint finds each fault of the catalogue in images made to have it: one row of the tables for each.</summary>
public sealed class LintCatalogueTests(LintPlatform platform) : IClassFixture<LintPlatform>, IDisposable
{
    private const int TableSize = 20 << 20;

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    public static TheoryData<string> Alone => [.. LabelCases.Alone.Select(row => row.Name)];

    public static TheoryData<string> Sets => [.. LabelCases.Sets.Select(row => row.Name)];

    public static TheoryData<string> Tables => [.. TableCases.Tables.Select(row => row.Name)];

    public static TheoryData<string> InfoBlocks => [.. TableCases.InfoBlocks.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(Alone))]
    public void Labels_check_finds_it(string name)
    {
        (_, string rule, string severity, int exitCode, Action<SpoiledArea> spoil) = LabelCases.Alone.Single(row => row.Name == name);
        SpoiledArea area = SpoiledArea.Sound();
        spoil(area);
        AssertFound(CheckArea(area, exitCode), rule, severity);
    }

    [Theory]
    [InlineData("sequence equal")]
    [InlineData("sequence 0")]
    [InlineData("index blocks differ")]
    [InlineData("free bits behind the last slot")]
    public void Labels_repair_mends_index_blocks(string name)
    {
        SpoiledArea area = SpoiledArea.Sound();
        LabelCases.Alone.Single(row => row.Name == name).Spoil(area);
        CheckArea(area, 0);
        string path = _files.File("nvdimm.img");
        Assert.Single(ToolRunner.Json(0, "labels", "repair", path, "--label-size", "128KiB").GetProperty("actions").EnumerateArray());
        Assert.Empty(Findings(ToolRunner.Json(0, "labels", "check", path, "--label-size", "128KiB")));
        Assert.Empty(ToolRunner.Json(0, "labels", "repair", path, "--label-size", "128KiB").GetProperty("actions").EnumerateArray());
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Explain_finds_it_in_a_set(string name)
    {
        (_, string rule, string severity, Action<SpoiledArea, SpoiledArea> spoil) = LabelCases.Sets.Single(row => row.Name == name);
        JsonElement[] found = platform.Explain(1, spoil);
        Assert.Contains(found, finding => finding.GetProperty("rule").GetString() == rule && finding.GetProperty("severity").GetString() == severity);
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public void Btt_check_finds_it(string name)
    {
        (_, string rule, string severity, int exitCode, Action<byte[]> spoil) = TableCases.Tables.Single(row => row.Name == name);
        string path = Table();
        byte[] table = File.ReadAllBytes(path);
        spoil(table);
        File.WriteAllBytes(path, table);
        AssertFound(ToolRunner.Json(exitCode, "btt", "check", path), rule, severity);
    }

    [Theory]
    [MemberData(nameof(InfoBlocks))]
    public void Infoblock_verify_finds_it(string name)
    {
        (_, string rule, string severity, int exitCode, string written, string verified, Action<byte[]> spoil) = TableCases.InfoBlocks.Single(row => row.Name == name);
        string path = platform.InfoBlock(written);
        byte[] sound = HeadOf(path);
        byte[] head = [.. sound];
        spoil(head);
        PoolFixture.Patch(path, 0, head);
        JsonElement found = Verify(path, exitCode, verified);
        PoolFixture.Patch(path, 0, sound);
        AssertFound(found, rule, severity);
    }

    [Fact]
    public void Sound_images_have_no_findings()
    {
        Assert.Empty(Findings(CheckArea(SpoiledArea.Sound(), 0)));
        Assert.Empty(Findings(ToolRunner.Json(0, "btt", "check", Table())));
        foreach (string written in (string[])["", "--mode devdax", "--align 4096 --map mem", "--mode sector --btt-version 1.1", "--mode sector --btt-version 2.0"])
            Assert.Empty(Findings(Verify(platform.InfoBlock(written), 0, "")));
        Assert.DoesNotContain(platform.Explain(0, (_, _) => { }), finding => finding.GetProperty("severity").GetString() != "info");
    }

    private static IEnumerable<(string Rule, string Severity)> Tried =>
        [.. LabelCases.Alone.Select(row => (row.Rule, row.Severity)), .. LabelCases.Sets.Select(row => (row.Rule, row.Severity)), .. TableCases.Tables.Select(row => (row.Rule, row.Severity)), .. TableCases.InfoBlocks.Select(row => (row.Rule, row.Severity))];

    [Fact]
    public void The_page_lists_each_rule_with_its_severities()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Pmem.slnx")))
            folder = Path.GetDirectoryName(folder);
        string[] documented = [.. File.ReadLines(Path.Combine(folder!, "docs", "formats", "lint.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries)).SelectMany(cells => cells[2].Split(", ").Select(severity => $"{cells[1].Trim('`')} {severity}"))];
        Assert.Equal(documented.Distinct(StringComparer.Ordinal), documented);
        Assert.Equal(Tried.Select(row => $"{row.Rule} {row.Severity}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    private JsonElement CheckArea(SpoiledArea area, int exitCode)
    {
        string path = _files.File("nvdimm.img");
        using (FileStream file = File.Create(path))
        {
            file.SetLength(SpoiledArea.Media);
            file.Position = SpoiledArea.Media;
            file.Write(area.Bytes);
        }

        return ToolRunner.Json(exitCode, "labels", "check", path, "--label-size", "128KiB");
    }

    private string Table()
    {
        string path = _files.File("table.img");
        using PersistentMap map = PersistentMap.Create(path, TableSize);
        using BlockTranslationTable table = BlockTranslationTable.Create(map, 0, TableSize, BttFormat.Uefi20, 512);
        byte[] block = new byte[512];
        for (int i = 0; i < 4; i++)
            table.Write(i, block);
        return path;
    }

    private static byte[] HeadOf(string path)
    {
        byte[] head = new byte[8192];
        using FileStream file = File.OpenRead(path);
        file.ReadExactly(head);
        return head;
    }

    private static JsonElement Verify(string path, int exitCode, string options)
    {
        string[] start = options.Contains("--start", StringComparison.Ordinal) ? [] : ["--start", LintPlatform.Start];
        return ToolRunner.Json(exitCode, ["infoblock", "verify", path, "--size", "256M", .. start, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static JsonElement[] Findings(JsonElement root) => [.. root.GetProperty("findings").EnumerateArray()];

    private static void AssertFound(JsonElement root, string rule, string severity)
    {
        JsonElement finding = Findings(root).FirstOrDefault(finding => finding.GetProperty("rule").GetString() == rule && finding.GetProperty("severity").GetString() == severity);
        Assert.True(finding.ValueKind == JsonValueKind.Object, $"no {severity} {rule} in {root.GetProperty("findings").GetRawText()}");
        Assert.True(finding.GetProperty("offset").GetInt64() >= 0);
        Assert.NotEmpty(finding.GetProperty("message").GetString()!);
    }
}
