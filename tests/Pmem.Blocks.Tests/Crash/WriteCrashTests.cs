using Pmem.CrashTesting;

namespace Pmem.Blocks.Tests.Crash;

/// <summary>What a crash at any step of an operation leaves. Blocks 0 to 3 are watched; version 0 is what they hold before.</summary>
public sealed class WriteCrashTests
{
    private static readonly BlockDeviceOptions s_oneLane = new() { Lanes = 1 };
    private static readonly BlockDeviceOptions s_twoLanes = new() { Lanes = 2 };

    private static readonly ExplorationOptions s_sampled = new() { ImagesPerPoint = 40 };

    private static BlockPool Prepared(BlockDeviceOptions options, int blockSize = CrashHarness.WordBlock)
    {
        BlockPool pool = BlockPool.Create(PersistentMap.CreateAnonymous(TestPools.Size), blockSize, isZeroed: true, options);
        foreach (long block in CrashHarness.Watched.AsSpan(0, 3))
            pool.Write(block, TestPools.Content(blockSize, block, 0));
        pool.Flush();
        return pool;
    }

    /// <summary>Writes a watched block. With two lanes, odd steps use the second and even ones the first.</summary>
    private static Action<BlockPool> Write(long block, uint version) => pool => pool.Write(CrashHarness.Watched[block], TestPools.Content(pool.BlockSize, block, version));

    [Fact]
    public void One_write_is_there_or_not() => Assert.True(CrashHarness.Explore(Prepared(s_twoLanes), [Write(1, 1)], interruptRecovery: true).Exhaustive);

    [Fact]
    public void A_large_block_is_there_whole_or_not() => CrashHarness.Explore(Prepared(s_twoLanes, 512), [Write(1, 1), Write(1, 2)], options: s_sampled);

    [Fact]
    public void A_write_of_a_block_that_was_never_written() => Assert.True(CrashHarness.Explore(Prepared(s_twoLanes), [Write(3, 1)]).Exhaustive);

    [Fact]
    public void Writes_of_one_block_through_one_lane() => Assert.True(CrashHarness.Explore(Prepared(s_oneLane), [Write(1, 1), Write(1, 2), Write(1, 3)]).Exhaustive);

    [Fact]
    public void Writes_of_several_blocks_through_one_lane() => Assert.True(CrashHarness.Explore(Prepared(s_oneLane), [Write(0, 1), Write(1, 2), Write(2, 3)]).Exhaustive);

    [Fact]
    public void Writes_of_one_block_through_several_lanes() => Assert.True(CrashHarness.Explore(Prepared(s_twoLanes), [Write(1, 1), Write(1, 2), Write(1, 3), Write(1, 4)]).Exhaustive);

    [Fact]
    public void Writes_of_several_blocks_through_several_lanes() =>
        Assert.True(CrashHarness.Explore(Prepared(s_twoLanes), [Write(1, 1), Write(1, 2), Write(2, 3), Write(3, 4), Write(2, 5), Write(1, 6)]).Exhaustive);

    [Fact]
    public void Writes_and_marks_of_one_block() =>
        Assert.True(CrashHarness.Explore(Prepared(s_twoLanes), [Write(1, 1), pool => pool.Zero(20), Write(1, 2), pool => pool.SetError(20), Write(1, 3), pool => pool.Zero(20)]).Exhaustive);

    [Fact]
    public void Several_blocks_in_one_call_are_each_old_or_new() =>
        CrashHarness.Explore(
            Prepared(s_twoLanes, 512),
            [pool => pool.Write(39, (byte[])[.. Enumerable.Range(0, 4).SelectMany(i => TestPools.Content(512, i, 9))])],
            options: s_sampled);

    [Fact]
    public void The_first_layout_is_there_or_not()
    {
        BlockPool pool = TestPools.New(CrashHarness.WordBlock);
        CrashHarness.Explore(pool, [Write(1, 1), Write(2, 1)], options: new ExplorationOptions { ImagesPerPoint = 48, ProcessKills = false });
    }

    [Fact]
    public void The_first_layout_on_media_that_was_not_zero()
    {
        var map = PersistentMap.CreateAnonymous(TestPools.Size);
        map.Fill(0, 0xA5, map.Length);
        BlockPool pool = BlockPool.Create(map, 4096, isZeroed: false);
        using var recorder = new TraceRecorder(pool.Map);
        pool.Write(1, TestPools.Content(4096, 1, 1));
        Trace trace = recorder.Stop();
        using var images = new ImageFile(map.Length);
        CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                using PersistentMap copy = images.Map(image);
                BlockPool again = BlockPool.Open(copy);
                Assert.Contains(Convert.ToHexString(TestPools.Read(again, 1)), (string[])[Convert.ToHexString(new byte[4096]), Convert.ToHexString(TestPools.Content(4096, 1, 1))]);
                Assert.Equal(new byte[4096], TestPools.Read(again, 2));
                again.Write(2, TestPools.Content(4096, 2, 1));
                TableInvariants.Demand(again);
            },
            new ExplorationOptions { ImagesPerPoint = 24, ProcessKills = false },
            TestContext.Current.CancellationToken).ThrowIfFailed();
    }

    [Fact]
    public void Restoring_an_info_block_can_be_interrupted()
    {
        BlockPool pool = Prepared(s_twoLanes);
        pool.Map.Fill(BlockPool.DataPosition, 0x11, 4096);
        using var recorder = new TraceRecorder(pool.Map);
        BlockPool again = BlockPool.Open(pool.Map);
        Trace trace = recorder.Stop();
        string[] state = CrashHarness.Describe(again);
        using var images = new ImageFile(pool.Map.Length);
        CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                using PersistentMap copy = images.Map(image);
                Assert.Equal(state, CrashHarness.Describe(BlockPool.Open(copy)));
            },
            new ExplorationOptions { ImagesPerPoint = 48, ProcessKills = false },
            TestContext.Current.CancellationToken).ThrowIfFailed();
    }

    [Fact]
    public void A_clean_close_leaves_nothing_for_recovery()
    {
        BlockPool pool = Prepared(s_twoLanes);
        for (uint i = 0; i < 9; i++)
            pool.Write(CrashHarness.Watched[i % 4], TestPools.Content(pool.BlockSize, i % 4, i));
        using var recorder = new TraceRecorder(pool.Map);
        pool.Table.Dispose();
        Trace trace = recorder.Stop();
        Assert.Contains(trace.Events, e => e.Kind == TraceEventKind.Fence);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(0, again.Table.RecoveredWrites);
    }
}
