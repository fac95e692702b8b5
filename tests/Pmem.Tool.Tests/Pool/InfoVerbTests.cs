using System.Text.Json;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

public sealed class InfoVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void Json_has_every_documented_member()
    {
        JsonElement info = ToolRunner.Json(0, "pool", "info", _pools.Closed());
        Assert.Equal("obj", info.GetProperty("type").GetString());
        Assert.Equal(PoolFixture.Layout, info.GetProperty("layout").GetString());
        Assert.Equal(PoolFixture.Size, info.GetProperty("size").GetInt64());
        Assert.Equal(6, info.GetProperty("major").GetInt32());
        Assert.NotEqual(Guid.Empty, info.GetProperty("uuid").GetGuid());
        Assert.NotEqual(Guid.Empty, info.GetProperty("poolsetUuid").GetGuid());
        Assert.Equal(["CKSUM_2K", "SHUTDOWN_STATE", "CHECK_BAD_BLOCKS"], info.GetProperty("features").EnumerateArray().Select(f => f.GetString()));
        Assert.False(info.GetProperty("shutdownState").GetProperty("dirty").GetBoolean());
        Assert.Equal(0UL, info.GetProperty("shutdownState").GetProperty("usc").GetUInt64());
        Assert.False(info.GetProperty("needsRecovery").GetBoolean());
        Assert.Equal((false, "page"), (info.GetProperty("isPmem").GetBoolean(), info.GetProperty("granularity").GetString()));
        Assert.Equal(2UL, info.GetProperty("runId").GetUInt64());
        Assert.InRange(info.GetProperty("created").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow);

        JsonElement heap = info.GetProperty("heap");
        Assert.Equal(0x302000, heap.GetProperty("offset").GetInt64());
        Assert.Equal(PoolFixture.Size - 0x302000, heap.GetProperty("size").GetInt64());
        Assert.Equal(1, heap.GetProperty("zones").GetInt32());
        Assert.Equal(3, heap.GetProperty("objects").GetInt64());
        Assert.InRange(heap.GetProperty("usedBytes").GetInt64(), 300_000, 1 << 20);
        Assert.InRange(heap.GetProperty("freeBytes").GetInt64(), 1 << 20, PoolFixture.Size - 0x302000);

        JsonElement root = info.GetProperty("root");
        Assert.Equal(64, root.GetProperty("size").GetInt64());
        Assert.InRange(root.GetProperty("offset").GetInt64(), 0x302000, PoolFixture.Size);
    }

    [Fact]
    public void A_pool_without_a_root_has_root_offset_0()
    {
        string path = _pools.File("empty.pool");
        Assert.Equal(0, ToolRunner.Run("pool", "create", "obj", path).ExitCode);
        JsonElement root = ToolRunner.Json(0, "pool", "info", path).GetProperty("root");
        Assert.Equal(0, root.GetProperty("offset").GetInt64());
        Assert.Equal(0, root.GetProperty("size").GetInt64());
    }

    [Fact]
    public void Text_names_what_matters()
    {
        ToolResult result = ToolRunner.Run("pool", "info", _pools.Closed());
        Assert.Equal(0, result.ExitCode);
        foreach (string word in (string[])["obj", "16 MiB (16777216)", PoolFixture.Layout, "clean", "SHUTDOWN_STATE", "0x302000", "3 objects"])
            Assert.Contains(word, result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Fact]
    public void A_crashed_pool_is_shown_as_recovery_will_leave_it_and_says_that_recovery_is_pending()
    {
        string path = _pools.Crashed();
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.True(info.GetProperty("needsRecovery").GetBoolean());
        Assert.True(info.GetProperty("shutdownState").GetProperty("dirty").GetBoolean());
        Assert.Equal(3, info.GetProperty("heap").GetProperty("objects").GetInt64());
        Assert.Contains("pmem pool recover", ToolRunner.Run("pool", "info", path).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pending_transaction_is_seen_even_when_the_shutdown_state_is_clean()
    {
        string path = _pools.Crashed();
        PoolFixture.Patch(path, 4024, new byte[64]);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.False(info.GetProperty("shutdownState").GetProperty("dirty").GetBoolean());
        Assert.True(info.GetProperty("needsRecovery").GetBoolean());
    }

    [Fact]
    public void A_closed_pool_whose_lane_kept_an_extension_needs_no_recovery()
    {
        string path = _pools.File("extended.pool");
        using (ObjectStore store = ObjectStore.Create(path, PoolFixture.Layout, PoolFixture.Size))
        {
            store.GetRoot(1 << 20);
            using Transaction transaction = store.BeginTransaction();
            transaction.Snapshot(store.RootOffset, 1 << 20);
            transaction.Commit();
        }

        Assert.False(ToolRunner.Json(0, "pool", "info", path).GetProperty("needsRecovery").GetBoolean());
        Assert.Equal(0, ToolRunner.Json(0, "pool", "recover", path).GetProperty("transactionsRolledBack").GetInt32());
    }

    [Theory]
    [InlineData("log")]
    [InlineData("blk")]
    public void Other_kinds_show_their_header(string name)
    {
        string path = _pools.File("other.pool");
        ToolRunner.Json(0, "pool", "create", name, path);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.Equal(name, info.GetProperty("type").GetString());
        Assert.Equal(1, info.GetProperty("major").GetInt32());
        Assert.False(info.TryGetProperty("heap", out _));
        Assert.Equal(JsonValueKind.Null, info.GetProperty("layout").ValueKind);
    }

    [Fact]
    public void A_damaged_header_is_shown_with_what_is_wrong()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 150, "x"u8);
        JsonElement info = ToolRunner.Json(1, "pool", "info", path);
        Assert.Equal("obj", info.GetProperty("type").GetString());
        Assert.Contains("checksum", info.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.False(info.TryGetProperty("heap", out _));
    }

    [Fact]
    public void A_damaged_descriptor_is_shown_with_what_is_wrong()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 0x1408, "x"u8);
        ToolResult result = ToolRunner.Run("pool", "info", path);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("not valid", result.Output, StringComparison.Ordinal);
        Assert.Contains("expected", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_is_no_pool()
    {
        string path = _pools.File("garbage");
        byte[] garbage = new byte[PoolFixture.Size];
        new Random(5).NextBytes(garbage);
        File.WriteAllBytes(path, garbage);
        JsonElement info = ToolRunner.Json(1, "pool", "info", path);
        Assert.Equal("unknown", info.GetProperty("type").GetString());
        Assert.True(info.TryGetProperty("problem", out _));
    }

    [Fact]
    public void A_pool_that_is_open_elsewhere_can_be_looked_at()
    {
        string path = _pools.Closed();
        using PoolFile pool = PoolFile.Open(path, PoolKind.Object);
        JsonElement info = ToolRunner.Json(0, "pool", "info", path);
        Assert.True(info.GetProperty("shutdownState").GetProperty("dirty").GetBoolean());
    }
}
