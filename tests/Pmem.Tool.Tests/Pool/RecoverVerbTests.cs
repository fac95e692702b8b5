using System.Text.Json;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Tests.Pool;

public sealed class RecoverVerbTests : IDisposable
{
    private readonly PoolFixture _pools = new();

    public void Dispose() => _pools.Dispose();

    [Fact]
    public void A_crashed_pool_is_rolled_back_and_closed()
    {
        string path = _pools.Crashed();
        JsonElement recovered = ToolRunner.Json(0, "pool", "recover", path);
        Assert.True(recovered.GetProperty("wasDirty").GetBoolean());
        Assert.Equal(1, recovered.GetProperty("transactionsRolledBack").GetInt32());

        Assert.Equal(0, PoolFile.ReadHeader(path)!.Value.ShutdownState.Dirty);
        Assert.False(ToolRunner.Json(0, "pool", "info", path).GetProperty("needsRecovery").GetBoolean());
        using ObjectStore store = ObjectStore.Open(path, PoolFixture.Layout);
        Assert.Equal(0, store.RecoveredTransactions);
        Assert.Equal(0UL, store.Map.ReadUInt64(store.RootOffset));
        Assert.Equal(3, store.GetHeapStatistics().Objects);
    }

    [Fact]
    public void A_closed_pool_has_nothing_to_recover()
    {
        JsonElement recovered = ToolRunner.Json(0, "pool", "recover", _pools.Closed());
        Assert.False(recovered.GetProperty("wasDirty").GetBoolean());
        Assert.Equal(0, recovered.GetProperty("operationsFinished").GetInt32());
        Assert.Equal(0, recovered.GetProperty("transactionsRolledBack").GetInt32());
    }

    [Fact]
    public void Text_says_what_was_done()
    {
        ToolResult result = ToolRunner.Run("pool", "recover", _pools.Crashed());
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("was not closed", result.Output, StringComparison.Ordinal);
        Assert.Contains("1 transaction(s) rolled back", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_in_use_is_not_touched()
    {
        string path = _pools.Closed();
        using PoolFile pool = PoolFile.Open(path, PoolKind.Object);
        Assert.Contains("in use", ToolRunner.Fail("pool", "recover", path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pool_that_cannot_be_recovered_is_left_as_clean_or_dirty_as_it_was()
    {
        string path = _pools.Closed();
        PoolFixture.Patch(path, 0x1408, "x"u8);
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("expected", ToolRunner.Fail("pool", "recover", path), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void What_is_no_pool_is_refused()
    {
        string path = _pools.File("text");
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)'x', (int)PoolFile.MinimumSize(PoolKind.Object))]);
        Assert.Contains("wrong pool type", ToolRunner.Fail("pool", "recover", path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_tells_and_a_backup_is_the_pool_as_it_was_crashed()
    {
        string path = _pools.Crashed();
        byte[] before = File.ReadAllBytes(path);
        JsonElement dry = ToolRunner.Json(0, "pool", "recover", path, "--dry-run");
        Assert.True(dry.GetProperty("dryRun").GetBoolean());
        Assert.Equal(before, File.ReadAllBytes(path));
        JsonElement done = ToolRunner.Json(0, "pool", "recover", path, "--backup", _pools.File("before"));
        Assert.Equal(dry.GetProperty("transactionsRolledBack").GetInt64(), done.GetProperty("transactionsRolledBack").GetInt64());
        Assert.Equal(1, done.GetProperty("transactionsRolledBack").GetInt64());
        Assert.Equal(before, File.ReadAllBytes(_pools.File("before")));
    }

    [Fact]
    public void A_log_that_was_not_closed_is_closed()
    {
        string path = _pools.File("a.log");
        using (PersistentLog log = PersistentLog.Create(path, 2 << 20))
        {
            log.Append("content"u8);
            File.WriteAllBytes(_pools.File("crashed.log"), log.Map.GetSpan(0, (int)log.Map.Length).ToArray());
        }

        Assert.True(ToolRunner.Json(0, "pool", "recover", _pools.File("crashed.log")).GetProperty("wasDirty").GetBoolean());
        Assert.False(ToolRunner.Json(0, "pool", "recover", _pools.File("crashed.log")).GetProperty("wasDirty").GetBoolean());
    }
}
