using System.Text.Json;

namespace Pmem.Tool.Tests.Pool;

/// <summary>The faults that users of object pools asked a repair for.</summary>
public sealed class RepairVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Theory]
    [InlineData(0x1808, "03")] // odd run id
    [InlineData(0x0010, "16")] // unknown incompat bit
    [InlineData(0x302444, "00000000")] // length of the first chunk
    [InlineData(0x302440, "FFFF")] // type of the first chunk
    [InlineData(0x302000, "00")] // heap signature
    [InlineData(0x1000, "41")] // layout name
    public void A_planted_fault_is_found_and_mended(long offset, string bytes)
    {
        string path = _pools.Closed();
        string objects = ToolRunner.Run("pool", "objects", path).Output;
        PoolFixture.Patch(path, offset, Convert.FromHexString(bytes));
        Assert.Equal(1, ToolRunner.Run("pool", "check", path).ExitCode);
        ToolResult repair = ToolRunner.Run("pool", "repair", path);
        Assert.True(repair.ExitCode == 0, repair.Output + repair.Error);
        Assert.Contains("    mended: ", repair.Output, StringComparison.Ordinal);
        Assert.Equal($"{path}: consistent\n", ToolRunner.Run("pool", "check", path).Output);
        Assert.Equal(objects, ToolRunner.Run("pool", "objects", path).Output);
        Assert.Equal(PoolFixture.Layout, ToolRunner.Json(0, "pool", "info", path).GetProperty("layout").GetString());
    }

    public static TheoryData<string> Faults => [.. PlantedFaults.All.Keys];

    /// <summary>Those that pmempool's check misses; the tests with peers show that it does.</summary>
    [Theory]
    [MemberData(nameof(Faults))]
    public void A_fault_that_pmempool_misses_is_found_and_mended(string fault)
    {
        string path = _pools.Closed();
        string objects = ToolRunner.Run("pool", "objects", path).Output;
        PlantedFaults.Plant(path, fault);
        byte[] broken = File.ReadAllBytes(path);
        JsonElement check = ToolRunner.Json(1, "pool", "check", path);
        Assert.Contains(check.GetProperty("problems").EnumerateArray(), problem => problem.GetProperty("what").GetString()!.Contains(PlantedFaults.All[fault].Where, StringComparison.Ordinal));
        ToolResult dry = ToolRunner.Run("pool", "repair", path, "--dry-run");
        Assert.Contains("would be mended: ", dry.Output, StringComparison.Ordinal);
        Assert.Equal(broken, File.ReadAllBytes(path));
        JsonElement repair = ToolRunner.Json(0, "pool", "repair", path, "--backup", path + ".before");
        Assert.All(repair.GetProperty("mends").EnumerateArray(), mend => Assert.True(mend.GetProperty("mended").GetBoolean()));
        Assert.Equal(broken, File.ReadAllBytes(path + ".before"));
        Assert.Equal($"{path}: consistent\n", ToolRunner.Run("pool", "check", path).Output);
        Assert.Equal(objects, ToolRunner.Run("pool", "objects", path).Output);
    }

    [Fact]
    public void What_cannot_be_mended_says_why()
    {
        string path = _pools.Closed();
        PoolFixture.Truncate(path, 9 << 20);
        JsonElement repair = ToolRunner.Json(1, "pool", "repair", path);
        Assert.False(repair.GetProperty("consistent").GetBoolean());
        Assert.Contains("truncated", repair.GetProperty("mends")[0].GetProperty("explanation").GetString(), StringComparison.Ordinal);
        ToolResult text = ToolRunner.Run("pool", "repair", path);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("    not mended: ", text.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sound_pool_is_left_as_it_is()
    {
        string path = _pools.Closed();
        Assert.Equal($"{path}: 0 problem(s) mended; consistent\n", ToolRunner.Run("pool", "repair", path).Output);
    }

    [Fact]
    public void Links_are_judged_by_a_description_and_mended_when_that_is_allowed()
    {
        string path = _pools.Closed();
        string types = _pools.File("types.json");
        File.WriteAllText(types, """{ "layout": "tool-test", "root": { "links": [ { "name": "first", "offset": 0 } ] }, "types": { "7": {}, "8": {} } }""");
        long root = ToolRunner.Json(0, "pool", "info", path).GetProperty("root").GetProperty("offset").GetInt64();
        PoolFixture.Patch(path, root + 8, BitConverter.GetBytes(0x302400L));
        Assert.Equal(0, ToolRunner.Run("pool", "check", path).ExitCode);
        JsonElement problems = ToolRunner.Json(1, "pool", "check", path, "--types", types).GetProperty("problems");
        Assert.Equal(["link root.first", "unreachable object", "unreachable object"], problems.EnumerateArray().Select(problem => problem.GetProperty("what").GetString()));
        Assert.Contains("not asked for", ToolRunner.Run("pool", "repair", path, "--types", types).Output, StringComparison.Ordinal);
        Assert.Equal(1, ToolRunner.Run("pool", "repair", path, "--types", types, "--free-unreachable").ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "repair", path, "--types", types, "--free-unreachable", "--null-dangling").ExitCode);
        Assert.Equal(0, ToolRunner.Run("pool", "check", path, "--types", types).ExitCode);
        Assert.Equal(1, ToolRunner.Json(0, "pool", "objects", path).GetArrayLength());
    }

    [Fact]
    public void Links_without_a_description_or_in_other_pools_are_refused()
    {
        string path = _pools.Closed();
        Assert.Equal(2, ToolRunner.Run("pool", "repair", path, "--null-dangling").ExitCode);
        Assert.Equal(2, ToolRunner.Run("pool", "check", path, "--types", _pools.File("missing.json")).ExitCode);
        string types = _pools.File("types.json");
        File.WriteAllText(types, "{}");
        string log = _pools.File("log.pool");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "log", log).ExitCode);
        Assert.Equal(2, ToolRunner.Run("pool", "check", log, "--types", types).ExitCode);
        Assert.Equal(2, ToolRunner.Run("pool", "repair", log, "--types", types).ExitCode);
    }
}
