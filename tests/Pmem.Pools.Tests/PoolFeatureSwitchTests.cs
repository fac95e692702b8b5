using Pmem.CrashTesting;

namespace Pmem.Pools.Tests;

public sealed class PoolFeatureSwitchTests : IDisposable
{
    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Features_follow_the_rules()
    {
        string path = _folder.NewPool();
        Assert.Contains("created", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(path, PoolFeature.SingleHeader, true)).Message, StringComparison.Ordinal);
        Assert.Contains("SHUTDOWN_STATE first", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(path, PoolFeature.Checksum2K, false)).Message, StringComparison.Ordinal);
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, false));
        Assert.False(PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, false));
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.Checksum2K, false));
        Assert.Contains("CKSUM_2K first", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, true)).Message, StringComparison.Ordinal);
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.CheckBadBlocks, false));
        PoolHeader header = Assert.NotNull(PoolFile.ReadHeader(path));
        Assert.Empty(PoolFeatures.Names(in header));
        PoolFile.Open(path, PoolKind.Log).Dispose();
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.Checksum2K, true));
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, true));
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.CheckBadBlocks, true));
        PoolFile.Open(path, PoolKind.Log).Dispose();
    }

    [Fact]
    public void Nothing_changes_in_a_dry_run_an_open_pool_or_one_that_was_not_closed()
    {
        string path = _folder.NewPool();
        byte[] before = PoolFolder.Head(path);
        Assert.True(PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, false, dryRun: true));
        Assert.Equal(before, PoolFolder.Head(path));
        using (PoolFile.Open(path, PoolKind.Log))
            Assert.Contains("in use", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, false)).Message, StringComparison.Ordinal);
        PoolFile.Open(path, PoolKind.Log).Abandon();
        Assert.Contains("recover", Assert.Throws<PmemException>(() => PoolFeatureSwitch.Set(path, PoolFeature.ShutdownState, false)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PoolFeature.CheckBadBlocks, false)]
    [InlineData(PoolFeature.ShutdownState, false)]
    [InlineData(PoolFeature.Checksum2K, true)]
    public void A_toggle_that_crashed_anywhere_is_finished_by_the_next(PoolFeature feature, bool enabled)
    {
        byte[] before = HeaderImage.Valid();
        if (enabled)
            before[16] = 0;
        HeaderImage.Seal(before);
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        map.Copy(0, before);
        using var recorder = new TraceRecorder(map);
        Assert.True(PoolFeatureSwitch.Set(map, feature, enabled));
        Trace trace = recorder.Stop();
        byte[] after = map.GetSpan(0, 4096).ToArray();
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                PoolFeatureSwitch.Set(state.Map, feature, enabled);
                Assert.True(state.Map.GetSpan(0, 4096).SequenceEqual(after));
            },
            cancellation: TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result is { Exhaustive: true, Images: > 2 }, $"{result.Images} images");
    }
}
