using System.Text.Json;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

public sealed class CheckVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_sound_pool_is_consistent()
    {
        string path = _pools.Closed();
        JsonElement check = ToolRunner.Json(0, "pool", "check", path);
        Assert.True(check.GetProperty("consistent").GetBoolean());
        Assert.False(check.GetProperty("needsRecovery").GetBoolean());
        Assert.Equal(0, check.GetProperty("problems").GetArrayLength());
        ToolResult text = ToolRunner.Run("pool", "check", path);
        Assert.Equal(0, text.ExitCode);
        Assert.Equal($"{path}: consistent\n", text.Output);
    }

    [Fact]
    public void A_crashed_pool_is_consistent_and_says_that_recovery_is_pending()
    {
        string path = _pools.Crashed();
        JsonElement check = ToolRunner.Json(0, "pool", "check", path);
        Assert.True(check.GetProperty("consistent").GetBoolean());
        Assert.True(check.GetProperty("needsRecovery").GetBoolean());
        Assert.Contains("Recovery is pending", ToolRunner.Run("pool", "check", path).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x0096, 4088)] // header: unused byte, so the checksum is wrong
    [InlineData(0x0000, 0)] // header: signature
    [InlineData(0x1408, 0x17F8)] // descriptor: lane count, so the checksum is wrong
    [InlineData(0x1808, 0x1808)] // run id becomes odd
    [InlineData(0x302000, 0x3023F8)] // heap header: signature, so the checksum is wrong
    public void A_broken_field_is_named_with_offset_expected_and_found(long patched, long offset)
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, patched, [0x77]);
        JsonElement check = ToolRunner.Json(1, "pool", "check", path);
        Assert.False(check.GetProperty("consistent").GetBoolean());
        JsonElement problem = check.GetProperty("problems")[0];
        Assert.Equal(offset, problem.GetProperty("offset").GetInt64());
        foreach (string member in (string[])["what", "expected", "found"])
            Assert.False(string.IsNullOrWhiteSpace(problem.GetProperty(member).GetString()));
        ToolResult text = ToolRunner.Run("pool", "check", path);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("not consistent", text.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(0x1900)]
    [InlineData((15 << 20) + 123)]
    public void A_truncated_pool_is_not_consistent(long size)
    {
        string path = _pools.Closed();
        PoolFixture.Truncate(path, size);
        JsonElement check = ToolRunner.Json(1, "pool", "check", path);
        Assert.False(check.GetProperty("consistent").GetBoolean());
        Assert.NotEqual(0, check.GetProperty("problems").GetArrayLength());
    }

    [Fact]
    public void Garbage_is_not_consistent()
    {
        string path = _pools.File("garbage");
        byte[] garbage = new byte[PoolFixture.Size];
        new Random(6).NextBytes(garbage);
        File.WriteAllBytes(path, garbage);
        Assert.False(ToolRunner.Json(1, "pool", "check", path).GetProperty("consistent").GetBoolean());
    }

    [Fact]
    public void Block_pools_are_checked()
    {
        string path = _pools.File("other.pool");
        Pmem.Blocks.BlockPool.Create(path, 512, Pmem.Blocks.BlockPool.MinimumPoolSize).Dispose();
        Assert.True(ToolRunner.Json(0, "pool", "check", path).GetProperty("consistent").GetBoolean());
        PoolFixture.Patch(path, 60, "x"u8);
        Assert.False(ToolRunner.Json(1, "pool", "check", path).GetProperty("consistent").GetBoolean());
    }
}
