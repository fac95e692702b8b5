namespace Pmem.CrashTesting.Tests;

/// <summary>Deciding what survived only when recovery reads it.</summary>
public sealed class LazyTests
{
    [Fact]
    public void Lines_that_recovery_does_not_read_never_multiply()
    {
        Trace trace = Record(map =>
        {
            for (int i = 0; i < 40; i++)
                map.StoreUInt64(i * 64, 1);
        });
        var seen = new HashSet<(ulong, ulong)>();
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state => seen.Add((state.Map.ReadUInt64(0), state.Map.ReadUInt64(64))),
            new ExplorationOptions { Lazy = true, ProcessKills = false });
        Assert.True(result.Exhaustive);
        Assert.Equal(4, seen.Count);
        Assert.InRange(result.Images, 4, 5);
    }

    [Fact]
    public void A_commit_flag_makes_exploring_linear()
    {
        // What lies behind the flag is read only when it is set, and then it is durable.
        Trace trace = Record(map =>
        {
            for (int i = 0; i < 30; i++)
                map.StoreUInt64(4096 + (i * 64), 7);
            map.Persist(4096, 30 * 64);
            map.StoreUInt64(0, 1);
            map.Persist(0, 8);
        });
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                if (state.Map.ReadUInt64(0) == 0)
                    return;
                for (int i = 0; i < 30; i++)
                    Assert.Equal(7UL, state.Map.ReadUInt64(4096 + (i * 64)));
            },
            new ExplorationOptions { Lazy = true, ProcessKills = false });
        Assert.True(result.Exhaustive);
        Assert.Null(result.Failure);
        Assert.InRange(result.Images, 2, 8);
    }

    [Fact]
    public void The_failing_image_is_named_so_that_it_can_be_built()
    {
        Trace trace = Record(map =>
        {
            map.StoreUInt64(0, 42);
            map.StoreUInt64(128, 1);
        });
        void Check(CrashState state)
        {
            if (state.Map.ReadUInt64(128) == 1 && state.Map.ReadUInt64(0) == 0)
                throw new InvalidDataException("valid, but empty");
        }

        ExplorationResult result = CrashExplorer.Explore(trace, Check, new ExplorationOptions { Lazy = true, ProcessKills = false });
        Assert.NotNull(result.Failure);
        Assert.NotNull(CrashExplorer.Replay(trace, result.Failure.Image, Check));
        Assert.Equal(1, CrashExplorer.BuildImage(trace, result.Failure.Image)[128]);
    }

    [Fact]
    public void Lazy_and_eager_exploration_see_the_same_values()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            Trace trace = Record(map =>
            {
                for (int i = 0; i < 8; i++)
                {
                    long at = random.Next(6) * 32;
                    switch (random.Next(4))
                    {
                        case 0:
                            map.Flush(at, 8);
                            break;
                        case 1:
                            map.Drain();
                            break;
                        default:
                            map.StoreUInt64(at, (ulong)i + 1);
                            break;
                    }
                }
            });
            Assert.Equal(Observe(trace, lazy: false), Observe(trace, lazy: true));
        }
    }

    [Fact]
    public void What_recovery_overwrote_is_not_decided_again()
    {
        Trace trace = Record(map =>
        {
            map.StoreUInt64(0, 1);
            map.StoreUInt64(8, 2);
        });
        ExplorationResult result = CrashExplorer.Explore(
            trace,
            state =>
            {
                state.Map.StoreUInt64(0, 9);
                _ = state.Map.ReadUInt64(8);
                Assert.Equal(9UL, state.Map.ReadUInt64(0));
            },
            new ExplorationOptions { Lazy = true, ProcessKills = false });
        Assert.Null(result.Failure);
    }

    private static SortedSet<string> Observe(Trace trace, bool lazy)
    {
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        CrashExplorer.Explore(
            trace,
            state =>
            {
                // Reads the second half only when the first says so, and part of it through a span.
                PersistentMap map = state.Map;
                ulong first = map.ReadUInt64(0);
                seen.Add(first % 2 == 0 ? $"{first}" : $"{first} {map.ReadUInt64(32)} {map.ReadUInt64(96)} {map.GetSpan(128, 40)[0]}");
            },
            new ExplorationOptions { Lazy = lazy, ProcessKills = false, ImagesPerPoint = 100_000 });
        return seen;
    }

    private static Trace Record(Action<PersistentMap> program)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(8192);
        using var recorder = new TraceRecorder(map);
        program(map);
        return recorder.Stop();
    }
}
