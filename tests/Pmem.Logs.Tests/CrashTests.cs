using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Pmem.Logs.Tests;

/// <summary>Every way of changing a log, crashed at every moment: what is left is the log before or after, and after once the call returned.</summary>
public class CrashTests
{
    private const string Acknowledged = "acknowledged";

    public static TheoryData<StoreGranularity> Granularities => [StoreGranularity.CacheLine, StoreGranularity.Byte, StoreGranularity.Page];

    [Theory]
    [MemberData(nameof(Granularities))]
    public void An_append_is_there_or_not(StoreGranularity granularity)
    {
        // From 30 on: inside a line, across one line end, and across an end that no word crosses.
        foreach (int size in (int[])[1, 8, 34, 50])
            Assert.True(Explore(granularity, 30, log => log.Append(LogFolder.Pattern(size, 9))).Exhaustive, $"{size} bytes");
    }

    [Theory]
    [MemberData(nameof(Granularities))]
    public void A_large_append_is_there_or_not(StoreGranularity granularity) => Explore(granularity, 30, log => log.Append(LogFolder.Pattern(1000, 9)));

    [Fact]
    public void A_whole_line_that_goes_past_the_cache_is_there_or_not() =>
        Assert.True(Explore(StoreGranularity.CacheLine, 64, log => log.Append(LogFolder.Pattern(64, 9))).Exhaustive);

    [Theory]
    [MemberData(nameof(Granularities))]
    public void Pieces_are_there_together_or_not(StoreGranularity granularity) =>
        Explore(granularity, 30, log => log.Append([LogFolder.Pattern(16, 1), LogFolder.Pattern(40, 2), LogFolder.Pattern(9, 3)]));

    [Theory]
    [MemberData(nameof(Granularities))]
    public void A_rewind_leaves_the_old_log_or_an_empty_one(StoreGranularity granularity) => Assert.True(Explore(granularity, 300, log => log.Rewind()).Exhaustive);

    [Theory]
    [MemberData(nameof(Granularities))]
    public void Many_operations_leave_one_of_the_states_between_them(StoreGranularity granularity)
    {
        Explore(
            granularity,
            30,
            log => log.Append(LogFolder.Pattern(50, 1)),
            log => log.Append([LogFolder.Pattern(8, 2), LogFolder.Pattern(8, 3)]),
            log => log.Rewind(),
            log => log.Append(LogFolder.Pattern(20, 4)));
    }

    [Fact]
    public void An_interrupted_creation_is_a_whole_log_or_refused()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PersistentLog.MinimumPoolSize);
        using var recorder = new TraceRecorder(map);
        PersistentLog.Create(map);
        PersistenceTrace.Mark(Acknowledged);
        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        int whole = 0;
        CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                using PersistentMap copy = Copy(image, StoreGranularity.CacheLine);
                try
                {
                    Assert.Equal(0, PersistentLog.Open(copy).Length);
                    whole++;
                }
                catch (PmemFormatException)
                {
                    // The file still has mode 0; see PoolFile.
                    Assert.DoesNotContain(Acknowledged, crash.Acknowledged);
                }
            },
            cancellation: TestContext.Current.CancellationToken).ThrowIfFailed();
        Assert.NotEqual(0, whole);
    }

    [Fact]
    public void No_byte_is_shown_before_it_is_durable()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PersistentLog.MinimumPoolSize);
        PersistentLog log = PersistentLog.Create(map);
        log.Append("old"u8);
        var sink = new FenceSink(map, () => log.Length);
        using (PersistenceTrace.Attach(sink))
            log.Append("new bytes"u8);

        // Called before each fence: behind the data's, and behind the write offset's, readers still see the old length.
        Assert.Equal([3, 3], sink.Lengths);
        Assert.Equal(12, log.Length);
    }

    private static ExplorationResult Explore(StoreGranularity granularity, int present, params Action<PersistentLog>[] operations)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PersistentLog.MinimumPoolSize, granularity);
        PersistentLog log = PersistentLog.Create(map);
        log.Append(LogFolder.Pattern(present));
        var states = new List<byte[]> { LogFolder.Content(log) };
        using var recorder = new TraceRecorder(map);
        foreach (Action<PersistentLog> operation in operations)
        {
            operation(log);
            PersistenceTrace.Mark($"{Acknowledged}{states.Count}");
            states.Add(LogFolder.Content(log));
        }

        Trace trace = recorder.Stop();
        Assert.Equal(-1, recorder.FindUntracedStore());
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                using PersistentMap copy = Copy(image, granularity);
                int done = crash.Acknowledged.Count(name => name.StartsWith(Acknowledged, StringComparison.Ordinal));
                byte[][] legal = [.. states.Skip(done).Take(2)];
                PersistentLog left = PersistentLog.Open(copy);
                byte[] content = LogFolder.Content(left);
                Assert.Contains(legal, state => state.AsSpan().SequenceEqual(content));

                // And it takes the next append.
                left.Append("next"u8);
                Assert.Equal([.. content, .. "next"u8], LogFolder.Content(PersistentLog.Open(copy)));
            },
            new ExplorationOptions { ImagesPerPoint = 2048 },
            TestContext.Current.CancellationToken);
        result.ThrowIfFailed();
        Assert.True(result.Images > 1, "a changing operation leaves more than one image");
        return result;
    }

    private static PersistentMap Copy(ReadOnlySpan<byte> image, StoreGranularity granularity)
    {
        PersistentMap copy = PersistentMap.CreateAnonymous(image.Length, granularity);
        int last = image.LastIndexOfAnyExcept((byte)0) + 1;
        copy.Copy(0, image[..last], CopyHints.NoFlush);
        return copy;
    }

    private sealed class FenceSink(PersistentMap map, Func<long> length) : ITraceSink
    {
        public List<long> Lengths { get; } = [];

        void ITraceSink.OnFence(PersistentMap other)
        {
            if (ReferenceEquals(map, other))
                Lengths.Add(length());
        }

        void ITraceSink.OnMap(PersistentMap other)
        {
            // Only fences are of interest.
        }

        void ITraceSink.OnUnmap(PersistentMap other)
        {
            // Only fences are of interest.
        }

        void ITraceSink.OnStore(PersistentMap other, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
        {
            // Only fences are of interest.
        }

        void ITraceSink.OnFlush(PersistentMap other, long offset, long length)
        {
            // Only fences are of interest.
        }

        void ITraceSink.OnDeepFlush(PersistentMap other, long offset, long length)
        {
            // Only fences are of interest.
        }

        void ITraceSink.OnMark(string name)
        {
            // Only fences are of interest.
        }
    }
}
