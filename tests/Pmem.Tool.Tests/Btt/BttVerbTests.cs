using System.Text.Json;
using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Tool.Tests.Labels;

namespace Pmem.Tool.Tests.Btt;

/// <summary>Tables at the command line: check, repair, dump.</summary>
public sealed class BttVerbTests : IDisposable
{
    private const long Size = 20 << 20;

    private readonly PoolFixture _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(BttVariant.Uefi20, "uefi-2.0")]
    [InlineData(BttVariant.Linux11, "linux-1.1")]
    [InlineData(BttVariant.Pmdk, "pmdk-1.1")]
    public void A_sound_table_is_consistent(BttVariant variant, string name)
    {
        string path = Table(variant);
        JsonElement check = ToolRunner.Json(0, "btt", "check", path);
        JsonPage.Compare("## `pmem btt check", check);
        Assert.Equal(name, check.GetProperty("variant").GetString());
        Assert.Equal($"{path}: consistent ({name}, 1 arena(s))\n", ToolRunner.Run("btt", "check", path).Output);
    }

    [Fact]
    public void A_table_inside_a_file_is_found_where_it_is_said()
    {
        string path = Table(BttVariant.Uefi20, offset: 1 << 20);
        Assert.Equal(1, ToolRunner.Run("btt", "check", path).ExitCode);
        Assert.Equal(0, ToolRunner.Run("btt", "check", path, "--offset", "0x100000", "--size", "20MiB").ExitCode);
        Assert.Contains("16MiB", ToolRunner.Fail("btt", "check", path, "--offset", "1MiB", "--size", "1MiB"), StringComparison.Ordinal);
        Assert.Contains("number", ToolRunner.Fail("btt", "check", path, "--offset", "somewhere"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_info_block_is_found_and_restored()
    {
        string path = Table(BttVariant.Uefi20);
        PoolFixture.Patch(path, 0, new byte[4096]);
        JsonElement check = ToolRunner.Json(1, "btt", "check", path);
        JsonPage.Compare("## `pmem btt check", check);
        Assert.Equal("info-primary", check.GetProperty("findings")[0].GetProperty("rule").GetString());
        byte[] broken = File.ReadAllBytes(path);
        Assert.Contains("would be done", ToolRunner.Run("btt", "repair", path, "--dry-run").Output, StringComparison.Ordinal);
        Assert.Equal(broken, File.ReadAllBytes(path));
        string backup = _files.File("backup");
        JsonElement repair = ToolRunner.Json(0, "btt", "repair", path, "--backup", backup);
        JsonPage.Compare("## `pmem btt repair", repair);
        Assert.Equal(broken, File.ReadAllBytes(backup));
        Assert.Equal(1, repair.GetProperty("actions").GetArrayLength());
        Assert.Equal(0, ToolRunner.Run("btt", "check", path).ExitCode);
    }

    [Fact]
    public void What_loses_blocks_is_mended_only_when_that_is_accepted()
    {
        string path = Table(BttVariant.Uefi20);
        BttInfo info = BttInfo.Read(File.ReadAllBytes(path).AsSpan(0, 4096));
        PoolFixture.Patch(path, (long)info.FlogOffset, new byte[64]);
        ToolResult careful = ToolRunner.Run("btt", "repair", path);
        Assert.Equal(1, careful.ExitCode);
        Assert.Contains("--accept-loss", careful.Output, StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("btt", "repair", path, "--accept-loss").ExitCode);
        Assert.Equal(0, ToolRunner.Run("btt", "check", path).ExitCode);
    }

    [Fact]
    public void Info_blocks_that_are_both_lost_are_made_from_what_is_said()
    {
        string path = Table(BttVariant.Uefi20);
        BttInfo info = BttInfo.Read(File.ReadAllBytes(path).AsSpan(0, 4096));
        PoolFixture.Patch(path, 0, new byte[4096]);
        PoolFixture.Patch(path, (long)info.InfoOffset, new byte[4096]);
        ToolRunner.Fail("btt", "repair", path, "--accept-loss");
        ToolRunner.Fail("btt", "repair", path, "--accept-loss", "--variant", "uefi-3.0", "--sector-size", "512");
        ToolRunner.Fail("btt", "repair", path, "--accept-loss", "--variant", "uefi-2.0", "--sector-size", "none");
        Assert.Equal(0, ToolRunner.Run("btt", "repair", path, "--accept-loss", "--variant", "uefi-2.0", "--sector-size", "512").ExitCode);
        using PersistentMap map = PersistentMap.Open(path);
        using BlockTranslationTable table = BlockTranslationTable.Open(map, 0, Size);
        byte[] block = new byte[512];
        table.Read(3, block);
        Assert.Equal(3, block[0]);
    }

    [Fact]
    public void A_dump_shows_info_flog_and_map()
    {
        string path = Table(BttVariant.Uefi20);
        JsonElement dump = ToolRunner.Json(0, "btt", "dump", path, "--flog", "--map", "0-9");
        JsonPage.Compare("## `pmem btt dump", dump);
        JsonElement arena = dump.GetProperty("arenas")[0];
        Assert.Equal(256, arena.GetProperty("flog").GetArrayLength());
        Assert.Equal(10, arena.GetProperty("map").GetArrayLength());
        Assert.Equal(18, arena.GetProperty("normal").GetInt64());
        JsonPage.Compare("## `pmem btt dump", ToolRunner.Json(0, "btt", "dump", path));
        string text = ToolRunner.Run("btt", "dump", path, "--flog", "--map", "7-8").Output;
        Assert.Contains("flog 255:", text, StringComparison.Ordinal);
        Assert.Contains("block 8:", text, StringComparison.Ordinal);
        Assert.DoesNotContain("block 9:", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Block_pools_are_created_shown_checked_and_repaired()
    {
        string path = _files.File("blocks.pool");
        ToolResult created = ToolRunner.Run("pool", "create", "blk", path, "--bsize", "4KiB", "--size", "20MiB");
        Assert.Matches(@"^created .*: \d+ blocks of 4096 bytes in 20 MiB", created.Output);
        Assert.Contains("not written yet", ToolRunner.Run("pool", "info", path).Output, StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Contains("not laid out yet", ToolRunner.Run("btt", "check", path).Output, StringComparison.Ordinal);
        using (BlockPool pool = BlockPool.Open(path))
            pool.Write(3, new byte[4096]);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.Equal(1, info.GetProperty("blocks").GetProperty("normal").GetInt64());
        Assert.Equal(0, ToolRunner.Run("btt", "dump", path).ExitCode);

        PoolFixture.Patch(path, 8192, new byte[4096]);
        Assert.True(ToolRunner.Json(0, "pool", "info", path).GetProperty("needsRecovery").GetBoolean());
        Assert.Equal(1, ToolRunner.Run("pool", "check", path).ExitCode);
        Assert.Contains("pool repair", ToolRunner.Fail("btt", "repair", path), StringComparison.Ordinal);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", path).ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        PoolFixture.Patch(path, 8192, new byte[4096]);
        Assert.Equal(1, ToolRunner.Json(0, "pool", "recover", path).GetProperty("operationsFinished").GetInt64());
    }

    [Fact]
    public void Block_sizes_that_cannot_be_are_refused()
    {
        string path = _files.File("blocks.pool");
        Assert.Contains("too large", ToolRunner.Fail("pool", "create", "blk", path, "--bsize", "40000"), StringComparison.Ordinal);
        Assert.Contains("block size", ToolRunner.Fail("pool", "create", "blk", path, "--bsize", "none"), StringComparison.Ordinal);
        Assert.Contains("--bsize", ToolRunner.Fail("pool", "create", "obj", path, "--bsize", "512"), StringComparison.Ordinal);
        Assert.Contains("--layout", ToolRunner.Fail("pool", "create", "blk", path, "--layout", "x"), StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    private string Table(BttVariant variant, long offset = 0)
    {
        string path = _files.File("table.img");
        using PersistentMap map = PersistentMap.Create(path, offset + Size);
        using BlockTranslationTable table = BlockTranslationTable.Create(map, offset, Size, BttFormat.Of(variant), 512);
        byte[] block = new byte[512];
        for (int i = 0; i < 18; i++)
        {
            block[0] = (byte)i;
            table.Write(i, block);
        }

        return path;
    }
}
