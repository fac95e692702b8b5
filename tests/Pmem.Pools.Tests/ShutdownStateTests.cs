namespace Pmem.Pools.Tests;

/// <summary>The state machine of the shutdown state, and how an open and a close move through it.</summary>
public class ShutdownStateTests
{
    [Theory]
    // media: count, id, dirty, checksum right; modules now: count, id; verdict
    [InlineData(0, 0, 0, true, 0, 0, "Clean")]
    [InlineData(0, 0, 0, true, 3, 9, "Reinitialize")]
    [InlineData(0, 0, 0, true, 3, 0, "Reinitialize")]
    [InlineData(0, 0, 1, true, 0, 0, "NotClosed")]
    [InlineData(0, 0, 1, true, 3, 9, "AdrFailure")]
    [InlineData(3, 9, 0, true, 3, 9, "Clean")]
    [InlineData(3, 9, 1, true, 3, 9, "NotClosed")]
    [InlineData(3, 9, 0, true, 4, 9, "Reinitialize")]
    [InlineData(3, 9, 0, true, 3, 8, "Reinitialize")]
    [InlineData(3, 9, 0, true, 0, 0, "Reinitialize")]
    [InlineData(3, 9, 1, true, 4, 9, "AdrFailure")]
    [InlineData(3, 9, 1, true, 3, 8, "AdrFailure")]
    [InlineData(3, 9, 1, true, 0, 0, "AdrFailure")]
    [InlineData(3, 9, 0, false, 3, 9, "Reinitialize")]
    [InlineData(3, 9, 1, false, 3, 9, "Reinitialize")]
    [InlineData(3, 9, 1, false, 4, 9, "Reinitialize")]
    [InlineData(0, 0, 1, false, 0, 0, "Reinitialize")]
    public void Verdict_follows_count_id_dirty_and_checksum(ulong count, ulong id, byte dirty, bool intact, ulong countNow, ulong idNow, string verdict)
    {
        var state = new ShutdownState { UnsafeShutdownCount = count, DeviceId = id, Dirty = dirty };
        state.Checksum = state.ComputeChecksum() ^ (intact ? 0UL : 1UL);
        var current = new ShutdownState { UnsafeShutdownCount = countNow, DeviceId = idNow };
        Assert.Equal(Enum.Parse<ShutdownVerdict>(verdict), state.Judge(in current));
    }

    [Fact]
    public void Reserved_bytes_are_covered_by_the_checksum()
    {
        byte[] bytes = HeaderImage.Valid();
        for (int i = 0; i < 56; i++)
        {
            bytes[4024 + i] = 1;
            ShutdownState state = PoolHeader.Read(bytes).ShutdownState;
            Assert.NotEqual(state.Checksum, state.ComputeChecksum());
            bytes[4024 + i] = 0;
        }
    }

    [Fact]
    public void A_pool_is_dirty_while_open_and_zero_when_closed()
    {
        using var folder = new PoolFolder();
        string path = folder.NewPool();
        Assert.False(PoolFolder.Head(path).AsSpan(4024, 64).ContainsAnyExcept((byte)0));
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log))
        {
            Assert.False(pool.WasDirty);
            ShutdownState open = PoolHeader.Read(PoolFolder.Head(path)).ShutdownState;
            Assert.Equal(1, open.Dirty);
            Assert.Equal(0x0000000C00000001UL, open.Checksum);
        }

        Assert.False(PoolFolder.Head(path).AsSpan(4024, 64).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_new_pool_is_dirty_until_it_is_closed()
    {
        using var folder = new PoolFolder();
        string path = folder.File("new.pool");
        using PoolFile pool = PoolFile.Create(path, PoolKind.Log, PoolFolder.LogSize);
        Assert.Equal(1, PoolHeader.Read(PoolFolder.Head(path)).ShutdownState.Dirty);
    }

    [Fact]
    public void A_pool_that_was_not_closed_says_so_at_the_next_open()
    {
        using var folder = new PoolFolder();
        string path = folder.NewPool();
        PoolFile.Open(path, PoolKind.Log).Abandon();
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log))
            Assert.True(pool.WasDirty);
        using (PoolFile pool = PoolFile.Open(path, PoolKind.Log))
            Assert.False(pool.WasDirty);
    }

    [Fact]
    public void A_pool_open_on_modules_that_lost_data_is_refused_and_left_as_it_is()
    {
        using var folder = new PoolFolder();
        string path = folder.NewPool();
        var state = new ShutdownState { UnsafeShutdownCount = 5, DeviceId = 77, Dirty = 1 };
        state.Checksum = state.ComputeChecksum();
        Write(path, state);
        byte[] before = PoolFolder.Head(path);
        PmemException failure = Assert.Throws<PmemException>(() => PoolFile.Open(path, PoolKind.Log));
        Assert.Contains("ADR failure", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, PoolFolder.Head(path));
    }

    [Fact]
    public void A_torn_state_is_written_anew()
    {
        using var folder = new PoolFolder();
        string path = folder.NewPool();
        Write(path, new ShutdownState { UnsafeShutdownCount = 5, DeviceId = 77, Dirty = 1, Checksum = 12345 });
        PoolFile.Open(path, PoolKind.Log).Dispose();
        Assert.False(PoolFolder.Head(path).AsSpan(4024, 64).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_pool_without_the_feature_has_no_shutdown_state()
    {
        using var folder = new PoolFolder();
        string path = folder.NewPool(options: new PoolCreateOptions { Incompat = IncompatFeatures.Checksum2K });
        using PoolFile pool = PoolFile.Open(path, PoolKind.Log);
        Assert.False(PoolFolder.Head(path).AsSpan(4024, 64).ContainsAnyExcept((byte)0));
    }

    private static void Write(string path, ShutdownState state)
    {
        byte[] bytes = new byte[ShutdownState.Size];
        System.Runtime.InteropServices.MemoryMarshal.Write(bytes, in state);
        PoolFolder.Patch(path, 4024, bytes);
    }
}
