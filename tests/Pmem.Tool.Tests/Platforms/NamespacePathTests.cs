using System.Text.Json;
using Pmem.Logs;

namespace Pmem.Tool.Tests.Platforms;

/// <summary>Pools on namespaces of a virtual platform, and power cuts that meet them.</summary>
public sealed class NamespacePathTests : IDisposable
{
    private readonly PoolFixture _files = new();
    private readonly string _platform;

    public NamespacePathTests()
    {
        _platform = _files.File("vm1");
        ToolRunner.Json(0, "platform", "create", _platform, "--dimms", "2", "--ways", "2", "--size", "96MiB", "--line", "64KiB");
        ToolRunner.Json(0, "namespace", "create", "--platform", _platform, "--size", "32MiB");
    }

    public void Dispose() => _files.Dispose();

    private string Pool => $"{_platform}:namespace0.0";

    [Theory]
    [InlineData("obj")]
    [InlineData("log")]
    [InlineData("blk")]
    public void Every_kind_of_pool_lives_on_a_namespace(string kind)
    {
        JsonElement made = ToolRunner.Json(0, "pool", "create", kind, Pool);
        Assert.Equal((kind, 30L << 20), (made.GetProperty("type").GetString(), made.GetProperty("size").GetInt64()));
        JsonElement info = ToolRunner.Json(0, "pool", "info", Pool);
        Assert.Equal((kind, made.GetProperty("uuid").GetString(), false), (info.GetProperty("type").GetString(), info.GetProperty("uuid").GetString(), info.GetProperty("needsRecovery").GetBoolean()));
        Assert.True(ToolRunner.Json(0, "pool", "check", Pool).GetProperty("consistent").GetBoolean());
        Assert.Contains("--force", ToolRunner.Fail("pool", "create", kind, Pool), StringComparison.Ordinal);
        Assert.NotEqual(made.GetProperty("uuid").GetString(), ToolRunner.Json(0, "pool", "create", kind, Pool, "--force").GetProperty("uuid").GetString());
    }

    [Fact]
    public void A_power_cut_meets_a_transaction_and_recovery_takes_it_back()
    {
        ToolRunner.Json(0, "pool", "create", "obj", Pool);
        for (int seed = 1; seed <= 4; seed++)
        {
            // Every cut but the first looks first whether the one before lost money.
            ToolRunner.Json(0, "platform", "power-cut", _platform, "--during", "namespace0.0", "--seed", $"{seed}");
            Assert.True(ToolRunner.Json(0, "pool", "info", Pool).GetProperty("needsRecovery").GetBoolean());
            Assert.True(ToolRunner.Json(0, "pool", "check", Pool).GetProperty("consistent").GetBoolean(), $"seed {seed}");
            JsonElement recovered = ToolRunner.Json(0, "pool", "recover", Pool);
            Assert.Equal((true, 1), (recovered.GetProperty("wasDirty").GetBoolean(), recovered.GetProperty("transactionsRolledBack").GetInt32()));
            Assert.False(ToolRunner.Json(0, "pool", "recover", Pool).GetProperty("wasDirty").GetBoolean());
        }

        Assert.Equal(4, ToolRunner.Json(0, "platform", "show", _platform).GetProperty("powerCuts").GetInt32());
    }

    [Fact]
    public void What_cannot_be_a_pool_is_refused_with_a_remedy()
    {
        ToolRunner.Json(0, "namespace", "create", "--platform", _platform, "--mode", "sector", "--size", "32MiB");
        Assert.Contains("fsdax, devdax or raw", ToolRunner.Fail("pool", "create", "obj", $"{_platform}:namespace0.1"), StringComparison.Ordinal);
        Assert.Contains("namespace list", ToolRunner.Fail("pool", "info", $"{_platform}:namespace0.7"), StringComparison.Ordinal);
        Assert.Contains("pmem platform create", ToolRunner.Fail("pool", "check", $"{_platform}-none:namespace0.0"), StringComparison.Ordinal);
        Assert.Contains("--size", ToolRunner.Fail("pool", "create", "obj", Pool, "--size", "16MiB"), StringComparison.Ordinal);
        Assert.Contains("pmem pool create obj", ToolRunner.Fail("platform", "power-cut", _platform, "--during", "namespace0.0"), StringComparison.Ordinal);
        Assert.Contains("such as namespace0.0", ToolRunner.Fail("platform", "power-cut", _platform, "--during", "zero"), StringComparison.Ordinal);
    }

    [Fact]
    public void Objects_and_what_logs_and_blocks_hold_are_shown()
    {
        ToolRunner.Json(0, "pool", "create", "obj", Pool);
        ToolRunner.Json(0, "platform", "power-cut", _platform, "--during", "namespace0.0", "--seed", "1");
        Assert.True(ToolRunner.Json(0, "pool", "info", Pool).GetProperty("needsRecovery").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "objects", Pool).GetArrayLength() > 0);
        string file = _files.File("copy.pool");
        ToolRunner.Json(0, "io", "copy", "--input", Pool, "--output", file);

        // Open on other modules: to libpmemobj, too, what those had is lost.
        Assert.Contains("ADR failure", ToolRunner.Fail("pool", "objects", file), StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "recover", Pool);
        File.Delete(file);
        ToolRunner.Json(0, "io", "copy", "--input", Pool, "--output", file);
        Assert.Equal($"{ToolRunner.Json(0, "pool", "objects", file)}", $"{ToolRunner.Json(0, "pool", "objects", Pool)}");
        Assert.True(ToolRunner.Json(0, "pool", "objects", Pool).GetArrayLength() > 0);
        Assert.Equal(ToolRunner.Run("pool", "dump", file, "--data").Output, ToolRunner.Run("pool", "dump", Pool, "--data").Output);
        Assert.Contains("lane", ToolRunner.Run("pool", "info", Pool, "--lanes").Output, StringComparison.OrdinalIgnoreCase);

        string log = _files.File("events.pool");
        ToolRunner.Json(0, "pool", "create", "log", log, "--size", "30MiB");
        using (var events = PersistentLog.Open(log))
            events.Append("a line"u8);
        ToolRunner.Json(0, "io", "copy", "--input", log, "--output", Pool);
        Assert.Equal("a line", ToolRunner.Run("pool", "dump", Pool, "--raw").Output);
        Assert.Contains("pmem pool check", ToolRunner.Fail("pool", "objects", Pool), StringComparison.Ordinal);
        ToolRunner.Json(0, "pool", "create", "blk", Pool, "--force");
        Assert.Equal("{\"block\":7,\"state\":\"zero\"}\n", ToolRunner.Run("pool", "dump", Pool, "--range", "7", "--json").Output);
    }

    [Fact]
    public void A_damaged_pool_is_repaired_in_its_place_after_a_backup()
    {
        ToolRunner.Json(0, "pool", "create", "obj", Pool);
        string zeros = _files.File("zeros");
        File.WriteAllBytes(zeros, new byte[8]);
        // The first word of the descriptor's checksum.
        ToolRunner.Json(0, "io", "copy", "--input", zeros, "--output", Pool, "--seek", "4088");
        Assert.False(ToolRunner.Json(1, "pool", "check", Pool).GetProperty("consistent").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "repair", Pool, "--dry-run").GetProperty("consistent").GetBoolean());
        Assert.False(ToolRunner.Json(1, "pool", "check", Pool).GetProperty("consistent").GetBoolean());
        string backup = _files.File("backup");
        Assert.True(ToolRunner.Json(0, "pool", "repair", Pool, "--backup", backup).GetProperty("consistent").GetBoolean());
        Assert.True(ToolRunner.Json(0, "pool", "check", Pool).GetProperty("consistent").GetBoolean());
        Assert.False(ToolRunner.Json(0, "pool", "info", Pool).GetProperty("needsRecovery").GetBoolean());
        Assert.False(ToolRunner.Json(1, "pool", "check", backup).GetProperty("consistent").GetBoolean());
        Assert.Contains("exists already", ToolRunner.Fail("pool", "repair", Pool, "--backup", backup), StringComparison.Ordinal);
    }

    [Fact]
    public void Features_are_shown_and_toggled()
    {
        ToolRunner.Json(0, "pool", "create", "obj", Pool);
        Assert.True(Has(ToolRunner.Json(0, "pool", "feature", Pool)));
        Assert.Contains("would be changed", ToolRunner.Run("pool", "feature", Pool, "CHECK_BAD_BLOCKS", "--disable", "--dry-run").Output, StringComparison.Ordinal);
        Assert.True(Has(ToolRunner.Json(0, "pool", "feature", Pool)));
        Assert.False(Has(ToolRunner.Json(0, "pool", "feature", Pool, "CHECK_BAD_BLOCKS", "--disable")));
        Assert.False(Has(ToolRunner.Json(0, "pool", "feature", Pool)));

        static bool Has(JsonElement shown) => shown.GetProperty("features").GetProperty("CHECK_BAD_BLOCKS").GetBoolean();
    }

    [Fact]
    public void Raw_bytes_are_copied_from_one_namespace_to_another()
    {
        ToolRunner.Json(0, "namespace", "create", "--platform", _platform, "--size", "32MiB");
        JsonElement made = ToolRunner.Json(0, "pool", "create", "obj", Pool);
        string other = $"{_platform}:namespace0.1";
        ToolRunner.Json(0, "io", "copy", "--input", Pool, "--output", other, "--dry-run");
        Assert.Equal(1, ToolRunner.Run("pool", "check", other).ExitCode);
        ToolRunner.Json(0, "io", "copy", "--input", Pool, "--output", other);
        Assert.Equal(made.GetProperty("uuid").GetString(), ToolRunner.Json(0, "pool", "info", other).GetProperty("uuid").GetString());
        Assert.True(ToolRunner.Json(0, "pool", "check", other).GetProperty("consistent").GetBoolean());
        ToolRunner.Json(0, "io", "copy", "--zero", "--output", Pool);
        Assert.Contains("it is no pool", ToolRunner.Fail("pool", "dump", Pool), StringComparison.Ordinal);
        Assert.Contains("at once", ToolRunner.Fail("io", "copy", "--input", Pool, "--output", Pool), StringComparison.Ordinal);
        Assert.Contains("namespace list", ToolRunner.Fail("io", "copy", "--input", Pool, "--output", $"{_platform}:namespace0.7"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resize SPACE 64MiB", "io copy --input SPACE")]
    [InlineData("rm SPACE", "namespace destroy namespace0.0")]
    [InlineData("convert SPACE", "io copy --input SPACE")]
    [InlineData("sync SPACE", "pmem pool repair")]
    [InlineData("transform a.set SPACE", "pool set file")]
    [InlineData("copy SPACE new.pool --types t.json", "io copy --input SPACE")]
    [InlineData("copy old.pool SPACE", "--output SPACE")]
    public void Verbs_for_files_say_what_to_do_instead(string command, string remedy)
    {
        string said = ToolRunner.Fail(["pool", .. command.Replace("SPACE", Pool, StringComparison.Ordinal).Split(' ')]);
        Assert.Contains($"{Pool} is a namespace: ", said, StringComparison.Ordinal);
        Assert.Contains(remedy.Replace("SPACE", Pool, StringComparison.Ordinal), said, StringComparison.Ordinal);
    }

    [Fact]
    public void The_guide_takes_a_newcomer_to_a_recovered_pool()
    {
        string guide = Guide.Script("virtual-nvdimm.md", "## From nothing to a guest", until: "pmem vm prepare");
        ToolResult result = Guide.Run(guide, Directory.CreateDirectory(_files.File("newcomer")).FullName);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Contains("1 transaction(s) rolled back", result.Output, StringComparison.Ordinal);
        Assert.Contains("vm1:namespace0.0: consistent", result.Output, StringComparison.Ordinal);
    }
}
