using Pmem.Blocks.Layout;
using Pmem.CrashTesting;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Tests.Crash;

public sealed class RepairCrashTests
{
    [Fact]
    public void A_repair_that_is_interrupted_is_finished_by_the_next()
    {
        using BlockPool pool = TestPools.New(512);
        for (uint i = 0; i < 20; i++)
            pool.Write(i, TestPools.Content(512, i, 1));
        pool.Flush();
        PersistentMap map = pool.Map;
        map.Store(TestPools.MapAt(pool, 7), MapEntry.Normal | 0x3000_0000);
        map.Store(TestPools.MapAt(pool, 9), map.Read<uint>(TestPools.MapAt(pool, 3)));
        map.Fill(TestPools.FlogAt(pool, 1), 0, 64);
        map.Store(TestPools.FlogAt(pool, 2) + 12, 9u);
        map.Fill(TestPools.CopyAt(pool), 0x44, 4096);
        var options = new PoolRepairOptions { AcceptLoss = true };
        using var recorder = new TraceRecorder(map);
        Assert.True(BlockPool.Repair(map, options).IsConsistent);
        Trace trace = recorder.Stop();
        using var images = new ImageFile(map.Length);
        CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                using PersistentMap copy = images.Map(image);
                PoolRepairResult result = BlockPool.Repair(copy, options);
                Assert.True(result.IsConsistent, string.Join('\n', result.Remaining));
                BlockPool again = BlockPool.Open(copy);
                TableInvariants.Demand(again);
                for (uint i = 0; i < 20; i++)
                {
                    if (i is not (3 or 7 or 9))
                        Assert.Equal(TestPools.Content(512, i, 1), TestPools.Read(again, i));
                }
            },
            new ExplorationOptions { ImagesPerPoint = 16, ProcessKills = false },
            TestContext.Current.CancellationToken).ThrowIfFailed();
    }
}
