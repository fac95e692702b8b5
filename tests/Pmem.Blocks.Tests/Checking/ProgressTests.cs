using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Tests.Checking;

/// <summary>Long checks say how far they are, and stop when asked.</summary>
public sealed class ProgressTests
{
    // The smallest blocks take 512 bytes on media and 4 in the map: more than a megabyte of map, so two slices.
    private static BlockPool Prepared()
    {
        BlockPool pool = BlockPool.Create(PersistentMap.CreateAnonymous(160 << 20), 1, isZeroed: true);
        for (byte i = 0; i < 10; i++)
            pool.Write(i, [i]);
        return pool;
    }

    [Fact]
    public void Progress_of_a_check_never_goes_back_and_ends_with_the_total()
    {
        using BlockPool pool = Prepared();
        var seen = new List<PoolProgress>();
        Assert.True(BlockPool.Check(pool.Map, new PoolCheckOptions { Progress = new Listener(seen.Add) }).IsConsistent);
        Assert.All(seen, step => Assert.Equal(("checking", pool.Map.Length - BlockPool.DataPosition), (step.Activity, step.Total)));
        Assert.Equal(seen.Select(step => step.Done).Order(), seen.Select(step => step.Done));
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal(0, seen[0].Done);
        Assert.InRange(seen[1].Done, 1, seen[1].Total - 1);
        Assert.Equal(seen[^1].Total, seen[^1].Done);
    }

    [Fact]
    public void A_repair_tells_of_checking_mending_and_checking_again()
    {
        using BlockPool pool = Prepared();
        PersistentMap map = pool.Map;
        map.Fill(TestPools.CopyAt(pool), 0, 4096);
        var seen = new List<PoolProgress>();
        Assert.True(BlockPool.Repair(map, new PoolRepairOptions { Progress = new Listener(seen.Add) }).IsConsistent);
        Assert.Contains(seen, step => step.Activity == "mending" && step.Done > 0);
        Assert.Equal(("checking", seen[^1].Total), (seen[^1].Activity, seen[^1].Done));
        for (int i = 1; i < seen.Count; i++)
            Assert.True(seen[i].Done >= seen[i - 1].Done || seen[i].Done == 0, $"from {seen[i - 1]} back to {seen[i]}");
    }

    [Fact]
    public void A_check_stops_at_the_next_slice_of_the_map_when_it_is_cancelled()
    {
        using BlockPool pool = Prepared();
        using var source = new CancellationTokenSource();
        var seen = new List<PoolProgress>();
        var listener = new Listener(step =>
        {
            seen.Add(step);
            source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => BlockPool.Check(pool.Map, new PoolCheckOptions { Progress = listener, Cancellation = source.Token }));
        Assert.Equal(0, Assert.Single(seen).Done);
        Assert.Throws<OperationCanceledException>(() => BlockPool.CheckTable(pool.Map, new PoolCheckOptions { Cancellation = source.Token }));
        long length = pool.Map.Length - BlockPool.DataPosition;
        Assert.Throws<OperationCanceledException>(() => BttChecker.Check(pool.Map, BlockPool.DataPosition, length, new BttCheckOptions { Format = BttFormat.Pmdk, Cancellation = source.Token }));
    }

    [Fact]
    public void A_repair_that_is_cancelled_while_it_mends_is_finished_by_the_next_one()
    {
        using BlockPool pool = Prepared();
        PersistentMap map = pool.Map;
        map.Store(TestPools.MapAt(pool, 3), MapEntry.Normal | 0x3000_0000);
        using var source = new CancellationTokenSource();
        var listener = new Listener(step =>
        {
            if (step.Activity == "mending" && step.Done > 0)
                source.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => BlockPool.Repair(map, new PoolRepairOptions { AcceptLoss = true, Progress = listener, Cancellation = source.Token }));
        Assert.False(BlockPool.Check(map).IsConsistent);
        Assert.True(BlockPool.Repair(map, new PoolRepairOptions { AcceptLoss = true }).IsConsistent);
    }

    private sealed class Listener(Action<PoolProgress> report) : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value) => report(value);
    }
}
