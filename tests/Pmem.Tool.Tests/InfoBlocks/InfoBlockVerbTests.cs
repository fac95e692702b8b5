using System.Text.Json;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.InfoBlocks;

public sealed class InfoBlockVerbTests : IDisposable
{
    private const string Parent = "99999999-2222-3333-4444-555555555555";

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_block_is_written_shown_and_verified()
    {
        string path = _files.File("pfn");
        JsonElement written = ToolRunner.Json(0, "infoblock", "write", path, "--mode", "fsdax", "--size", "256M", "--parent-uuid", Parent)[0];
        Assert.Equal(8192, new FileInfo(path).Length);
        Assert.Equal(0x600000, written.GetProperty("dataoff").GetInt64());
        Assert.Equal(64000, written.GetProperty("npfns").GetInt64());
        JsonElement shown = ToolRunner.Json(0, "infoblock", "show", path)[0];
        Assert.Equal(written.GetRawText(), shown.GetRawText());
        JsonPage.Compare("## `pmem infoblock show", shown);
        JsonElement verified = ToolRunner.Json(0, "infoblock", "verify", path, "--size", "256M", "--class", "Pfn", "--parent-uuid", Parent);
        JsonPage.Compare("## `pmem infoblock verify", verified);
        Assert.Equal("fsdax", verified.GetProperty("mode").GetString());
        Assert.False(ToolRunner.Json(1, "infoblock", "verify", path, "--size", "256M", "--start", "1M").GetProperty("enabled").GetBoolean());
        Assert.Equal("raw", ToolRunner.Json(1, "infoblock", "verify", path, "--size", "256M", "--class", "Dax").GetProperty("mode").GetString());
    }

    [Theory]
    [InlineData("1.1", 4096)]
    [InlineData("2.0", 512)]
    public void A_table_is_written_shown_and_verified(string version, int sector)
    {
        string path = _files.File("btt");
        JsonElement written = ToolRunner.Json(0, "infoblock", "write", path, "--mode", "sector", "--size", "64M", "--btt-version", version, "--sector-size", $"{sector}", "--parent-uuid", Parent)[0];
        Assert.Equal("BTT_ARENA_INFO", written.GetProperty("signature").GetString());
        Assert.Equal(version, written.GetProperty("version").GetString());
        Assert.Equal(Parent, written.GetProperty("parent_uuid").GetString());
        Assert.Equal(64 << 20, new FileInfo(path).Length);
        JsonPage.Compare("## `pmem infoblock show", written);
        Assert.Equal("sector", ToolRunner.Json(0, "infoblock", "verify", path).GetProperty("mode").GetString());
        JsonElement over = ToolRunner.Json(0, "infoblock", "write", path, "--mode", "devdax", "--map", "mem");
        Assert.Equal("NVDIMM_DAX_INFO", Assert.Single(over.EnumerateArray()).GetProperty("signature").GetString());
    }

    [Fact]
    public void Namespaces_lie_anywhere_in_a_file()
    {
        string path = _files.File("image");
        using (FileStream file = File.Create(path))
            file.SetLength(128 << 20);
        ToolRunner.Json(0, "infoblock", "write", path, "--offset", "64M", "--start", "0x104000000");
        Assert.Equal("[]", ToolRunner.Json(1, "infoblock", "show", path).GetRawText());
        Assert.Single(ToolRunner.Json(0, "infoblock", "show", path, "--offset", "0x4000000").EnumerateArray());
        Assert.Contains("cannot be enabled", ToolRunner.Run("infoblock", "verify", path, "--offset", "64M", "--start", "0x104100000").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Impossible_requests_are_one_sentence()
    {
        string path = _files.File("none");
        Assert.Contains("--size", ToolRunner.Fail("infoblock", "write", path), StringComparison.Ordinal);
        Assert.Contains("too small", ToolRunner.Fail("infoblock", "write", path, "--size", "1M"), StringComparison.Ordinal);
        Assert.Contains("not a mode", ToolRunner.Fail("infoblock", "write", path, "--size", "64M", "--mode", "raw"), StringComparison.Ordinal);
        Assert.Contains("no file", ToolRunner.Fail("infoblock", "show", path), StringComparison.Ordinal);
        Assert.Contains("at least", ToolRunner.Fail("infoblock", "write", path, "--size", "8M", "--mode", "sector"), StringComparison.Ordinal);
        foreach (string sector in (string[])["0", "77", "1024"])
            Assert.Contains("512, 520", ToolRunner.Fail("infoblock", "write", path, "--size", "64M", "--mode", "sector", "--sector-size", sector), StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }
}
