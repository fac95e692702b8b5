using Pmem.CrashTesting;
using Pmem.Objects.Tests.Checking;
using Pmem.Objects.Tests.Crash;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests;

public sealed class ResizeTests : IDisposable
{
    private readonly string _path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-resize-{Guid.NewGuid():n}");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_pool_grows_and_shrinks_in_place()
    {
        string expected = Create();
        Assert.Equal(new PoolResize(DamagedPool.Size, 64 << 20), ObjectStore.Resize(_path, 64 << 20));
        Assert.Equal(64 << 20, new FileInfo(_path).Length);
        ObjectId large;
        using (ObjectStore store = ObjectStore.Open(_path))
        {
            Assert.Equal(expected, CrashHarness.Describe(store));
            large = store.Allocate(35 << 20, 9); // only the larger pool has room for it
        }

        Assert.True(ObjectStore.Check(_path).IsConsistent);
        OutOfSpaceException full = Assert.Throws<OutOfSpaceException>(() => ObjectStore.Resize(_path, 24 << 20));
        Assert.Contains("at least", full.Message, StringComparison.Ordinal);
        using (ObjectStore store = ObjectStore.Open(_path))
            store.Free(large);
        ObjectStore.Resize(_path, 20 << 20);
        Assert.Equal(20 << 20, new FileInfo(_path).Length);
        Assert.True(ObjectStore.Check(_path).IsConsistent);
        using ObjectStore small = ObjectStore.Open(_path);
        Assert.Equal(expected, CrashHarness.Describe(small));
        Assert.Throws<OutOfSpaceException>(() => small.Allocate(15 << 20, 9));
    }

    [Fact]
    public void A_dry_run_changes_no_byte_and_an_open_pool_is_refused()
    {
        Create();
        byte[] before = File.ReadAllBytes(_path);
        ObjectStore.Resize(_path, 40 << 20, new PoolRepairOptions { DryRun = true });
        Assert.Equal(before, File.ReadAllBytes(_path));
        using ObjectStore store = ObjectStore.Open(_path);
        Assert.Contains("in use", Assert.Throws<PmemException>(() => ObjectStore.Resize(_path, 40 << 20)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1L << 60)]
    [InlineData(long.MaxValue)]
    public void A_pool_is_not_grown_beyond_its_file_system(long size)
    {
        string expected = Create();
        ObjectStore.Open(_path).Dispose();
        byte[] before = File.ReadAllBytes(_path);
        Assert.Throws<OutOfSpaceException>(() => ObjectStore.Resize(_path, size, new PoolRepairOptions { DryRun = true }));
        Assert.Equal(before, File.ReadAllBytes(_path));
        Assert.Contains("nothing was changed", Assert.Throws<OutOfSpaceException>(() => ObjectStore.Resize(_path, size)).Message, StringComparison.Ordinal);
        Assert.Equal(before.Length, new FileInfo(_path).Length);
        using ObjectStore store = ObjectStore.Open(_path);
        Assert.Equal(expected, CrashHarness.Describe(store));
    }

    [Theory]
    [InlineData(20L << 20)]
    [InlineData((19L << 20) + 8192)]
    public void A_pool_that_crashed_while_it_shrank_opens_and_shrinks_again(long size)
    {
        using var pool = new DamagedPool();
        using var recorder = new TraceRecorder(pool.Map);
        ObjectStore.SetHeapEnd(pool.Map, size);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                Assert.True(ObjectStore.Check(state.Map).IsConsistent);
                Assert.Equal(pool.Expected, CrashHarness.Describe(ObjectStore.Open(state.Map)));
                state.Reset();
                ObjectStore.SetHeapEnd(state.Map, size);
                Assert.True(ObjectStore.Check(state.Map).IsConsistent);
                Assert.Equal(pool.Expected, CrashHarness.Describe(ObjectStore.Open(state.Map)));
            },
            cancellation: TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result is { Exhaustive: true, Images: > 3 }, $"{result.Images} images");
    }

    private string Create()
    {
        using var pool = new DamagedPool();
        File.WriteAllBytes(_path, pool.Map.GetSpan(0, (int)DamagedPool.Size).ToArray());
        return pool.Expected;
    }
}
