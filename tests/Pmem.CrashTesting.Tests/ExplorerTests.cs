namespace Pmem.CrashTesting.Tests;

/// <summary>Recording real maps, and finding real bugs.</summary>
public sealed class ExplorerTests
{
    private const int Payload = 0;
    private const int Valid = 1024;

    [Fact]
    public void A_valid_flag_without_a_fence_is_found_and_the_fixed_one_passes()
    {
        CrashFailure failure = Explore(fixedVersion: false).Failure!;
        Assert.NotNull(failure);
        Assert.True(failure.Image.IsPowerLoss);
        Assert.Contains("0x400", failure.Image.ToString(), StringComparison.Ordinal);
        Assert.Null(Explore(fixedVersion: true).Failure);
    }

    [Fact]
    public void The_same_trace_gives_the_same_images()
    {
        Assert.Equal(Explore(fixedVersion: true).Images, Explore(fixedVersion: true).Images);
        Assert.Equal(Explore(fixedVersion: false).Failure!.Image.ToString(), Explore(fixedVersion: false).Failure!.Image.ToString());
    }

    [Fact]
    public void Raw_stores_are_recorded_where_they_are_expected_and_found_where_not()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        using var recorder = new TraceRecorder(map, (4096, 4096));
        map.GetRef<ulong>(5000) = 7;
        map.Persist(5000, 8);
        Assert.Equal(-1, recorder.FindUntracedStore());
        map.GetRef<ulong>(800) = 7;
        Trace trace = recorder.Stop();
        Assert.Equal(800, recorder.FindUntracedStore());
        Assert.Contains(trace.Events, e => e.Kind == TraceEventKind.Store && e.Offset == 5000);
        Assert.Equal(7, trace.ImageAfter(trace.Events.Count)[5000]);
        Assert.Equal(0, trace.ImageAfter(0)[5000]);
    }

    [Fact]
    public void Many_lines_are_sampled_with_every_ordering_of_two()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(65536);
        using var recorder = new TraceRecorder(map);
        for (int i = 0; i < 40; i++)
            map.StoreUInt64(i * 64, 1);
        Trace trace = recorder.Stop();
        var orders = new HashSet<(int, int)>();
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, _) =>
            {
                for (int i = 0; i < 40; i++)
                {
                    for (int j = 0; j < 40; j++)
                    {
                        if (image[i * 64] == 1 && image[j * 64] == 0)
                            orders.Add((i, j));
                    }
                }
            },
            new ExplorationOptions { ImagesPerPoint = 200, ProcessKills = false },
            TestContext.Current.CancellationToken);
        Assert.False(result.Exhaustive);
        Assert.Equal(40 * 39, orders.Count);
    }

    [Fact]
    public void An_exploration_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Trace trace = new TraceBuilder().Store(0, 1).Build();
        Assert.Throws<OperationCanceledException>(() => CrashExplorer.Explore(trace, (_, _) => { }, null, source.Token));
    }

    private static ExplorationResult Explore(bool fixedVersion)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        using var recorder = new TraceRecorder(map);
        map.StoreUInt64(Payload, 42);
        map.Flush(Payload, 8);
        if (fixedVersion)
            map.Drain();
        map.StoreUInt64(Valid, 1);
        map.Persist(Valid, 8);
        return CrashExplorer.Explore(
            recorder.Stop(),
            (image, _) =>
            {
                if (image[Valid] == 1 && image[Payload] != 42)
                    throw new InvalidDataException("valid, but empty");
            },
            cancellation: TestContext.Current.CancellationToken);
    }
}
