using System.Text.Json;

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
    public void The_guide_takes_a_newcomer_to_a_recovered_pool()
    {
        string guide = Guide.Script("virtual-nvdimm.md", "## From nothing to a guest", until: "pmem vm prepare");
        ToolResult result = Guide.Run(guide, Directory.CreateDirectory(_files.File("newcomer")).FullName);
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
        Assert.Contains("1 transaction(s) rolled back", result.Output, StringComparison.Ordinal);
        Assert.Contains("vm1:namespace0.0: consistent", result.Output, StringComparison.Ordinal);
    }
}
