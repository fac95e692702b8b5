using System.Globalization;
using Pmem.CrashTesting.Linting;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests;

/// <summary>The face: workloads, recoveries, checks, and what a failure says.</summary>
public sealed class CrashTestTests
{
    private const long Payload = 0;
    private const long Valid = 1024;

    [Fact]
    public void A_missing_fence_is_told_with_both_places_and_can_be_replayed()
    {
        CrashTest<PersistentMap> Make() => CrashTest.For(map => map).Step("fill", map =>
        {
            map.StoreUInt64(Payload, 42);
            map.Flush(Payload, 8);
            map.StoreUInt64(Valid, 1);
            map.Persist(Valid, 8);
        }).Check(DemandPayload);

        CrashTestException failure = Assert.Throws<CrashTestException>(() => Make().Run());
        Assert.IsType<InvalidDataException>(failure.InnerException);
        Assert.Contains("lost      event 1: store of 8 bytes at 0x0", failure.Message, StringComparison.Ordinal);
        Assert.Contains("there     event 3: store of 8 bytes at 0x400", failure.Message, StringComparison.Ordinal);
        Assert.Contains("These had to be ordered: make event 1 (CrashTestTests.cs:", failure.Message, StringComparison.Ordinal);

        string replay = Line(failure.Message, CrashTest.ReplayVariable + "=");
        CrashReport again = Make().Replay(replay).Explore();
        Assert.Equal("valid, but empty", again.Cause!.Message);
        Assert.True(again.IsReplay);
        Assert.Throws<CrashTestException>(() => Make().Replay("0123456789abcdef:p1").Explore());

        // What is saved says the same without the program.
        var trace = Trace.Load(Line(failure.Message, "Trace:"));
        Assert.NotNull(CrashExplorer.Replay(trace, CrashImage.Parse(replay.Split(':')[1]), state => DemandPayload(state.Map)));
        byte[] image = File.ReadAllBytes(Line(failure.Message, "Image:"));
        Assert.Equal(1, image[Valid]);
        Assert.Equal(0, image[Payload]);
    }

    [Fact]
    public void Data_that_was_acknowledged_and_never_flushed_is_missed_by_the_oracle_and_the_lint()
    {
        CrashReport report = Counter(increment: map => map.StoreUInt64(0, map.ReadUInt64(0) + 1)).Explore();
        Assert.True(report.IsFailed);
        Assert.Contains("never flushed", report.ToString(), StringComparison.Ordinal);
        Assert.Contains(report.Findings, f => f.Rule == LintRule.MissingFlush);
        Assert.Contains("expected 1 after 1 acknowledged operation", report.Cause!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_right_counter_passes_in_every_domain()
    {
        foreach (StoreGranularity domain in Enum.GetValues<StoreGranularity>())
        {
            CrashReport report = Counter(Increment).OnMap(8192, domain).CrashRecovery().Then(Increment).Run();
            Assert.True(report.Exploration.Exhaustive);
            Assert.Equal(4, report.States);
        }
    }

    [Fact]
    public void A_failed_adr_loses_what_was_only_flushed()
    {
        var options = new ExplorationOptions { AdrFails = true };
        Assert.True(Counter(Increment).Explore(options).IsFailed);
        Assert.False(Counter(map =>
        {
            map.StoreUInt64(0, map.ReadUInt64(0) + 1);
            map.DeepFlush(0, 8);
        }).Explore(options).IsFailed);
    }

    [Fact]
    public void A_crash_of_recovery_is_tried_too()
    {
        // Recovery finishes a half-done move, and forgets that it was half done before what it stored is durable.
        const long From = 0;
        const long To = 256;
        const long Intent = 128;
        CrashTest<PersistentMap> test = CrashTest
            .For(map => map, map =>
            {
                if (map.ReadUInt64(Intent) == 1)
                {
                    map.StoreUInt64(From, 0);
                    map.Flush(From, 8);
                    map.StoreUInt64(To, 10);
                    map.Flush(To, 8);
                    map.StoreUInt64(Intent, 0);
                    map.Persist(Intent, 8);
                }

                return map;
            })
            .Prepare(map => map.StoreUInt64(From, 10))
            .Step("move", map =>
            {
                map.StoreUInt64(Intent, 1);
                map.Persist(Intent, 8);
                map.StoreUInt64(From, 0);
                map.Persist(From, 8);
                map.StoreUInt64(To, 10);
                map.Persist(To, 8);
                map.StoreUInt64(Intent, 0);
                map.Persist(Intent, 8);
            })
            .Observe(map => (map.ReadUInt64(From), map.ReadUInt64(To)));
        Assert.False(test.Explore().IsFailed);
        CrashReport report = test.CrashRecovery().Explore();
        Assert.Contains("a crash of recovery", report.Cause!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Recovery_that_hangs_is_a_failure()
    {
        using var never = new ManualResetEventSlim();
        CrashReport report = CrashTest.For(map => map).Step("store", map =>
        {
            map.StoreUInt64(0, 1);
            map.Persist(0, 8);
        }).Check(map =>
        {
            if (map.ReadUInt64(0) == 1)
                never.Wait();
        }).Explore(new ExplorationOptions { TimePerImage = TimeSpan.FromMilliseconds(200) });
        never.Set();
        Assert.IsType<TimeoutException>(report.Cause);
    }

    [Fact]
    public void Leaks_are_found()
    {
        // A bitmap of one word says what is allocated, a link says what is used.
        CrashTest<PersistentMap> Make(bool leaks) => CrashTest.For(map => map).Step("allocate", map =>
        {
            map.StoreUInt64(leaks ? 0 : 64, 1);
            map.Persist(leaks ? 0 : 64, 8);
            map.StoreUInt64(leaks ? 64 : 0, 1);
            map.Persist(leaks ? 64 : 0, 8);
        }).NoLeaks(map => map.ReadUInt64(0) == 1 ? [0L] : [], map => map.ReadUInt64(64) == 1 ? [0L] : []);

        Assert.Contains("it leaked", Make(leaks: true).Explore().Cause!.Message, StringComparison.Ordinal);
        Assert.False(Make(leaks: false).Explore().IsFailed);
    }

    [Fact]
    public void Bad_media_must_be_read_with_checked_reads()
    {
        CrashTest<PersistentMap> Make(Func<PersistentMap, PersistentMap> open) => CrashTest.For(map => map, open).Step("store", Increment).Poison();

        CrashReport careless = Make(map =>
        {
            _ = map.ReadUInt64(0);
            return map;
        }).Explore();
        Assert.Contains("kills the process", careless.Cause!.Message, StringComparison.Ordinal);

        CrashReport careful = Make(map =>
        {
            Span<byte> word = stackalloc byte[8];
            map.CheckedRead(0, word);
            return map;
        }).Explore();
        Assert.False(careful.IsFailed, careful.ToString());
    }

    [Fact]
    public void Untraced_stores_are_not_overlooked()
    {
        CrashTest<PersistentMap> test = CrashTest.For(map => map).OnMap(1 << 20).Step("store", map => map.GetRef<ulong>(4096) = 1);
        Assert.Contains("0x1000", Assert.Throws<CrashTestException>(() => test.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_checks_at_once_find_what_one_finds()
    {
        CrashReport one = Counter(Increment, steps: 8).Run(new ExplorationOptions { Parallelism = 1 });
        CrashReport four = Counter(Increment, steps: 8).Run(new ExplorationOptions { Parallelism = 4 });
        Assert.Equal((one.Exploration.Points, one.Exploration.Images, one.Exploration.LegalImages), (four.Exploration.Points, four.Exploration.Images, four.Exploration.LegalImages));
        CrashTest<PersistentMap> Broken() => Counter(map => map.StoreUInt64(0, map.ReadUInt64(0) + 1), steps: 8);
        string first = Broken().Explore(new ExplorationOptions { Parallelism = 1 }).ReplayLine!;
        for (int i = 0; i < 10; i++)
            Assert.Equal(first, Broken().Explore(new ExplorationOptions { Parallelism = 4 }).ReplayLine);
    }

    [Fact]
    public void Findings_are_accepted_in_place()
    {
        CrashReport report = CrashTest.For(map => map).Step("store", map =>
        {
            using Acceptance meant = PersistenceTrace.Accept("PMC001", "a hint that may be lost");
            map.StoreUInt64(0, 1);
        }).Run();
        LintFinding finding = Assert.Single(report.Findings);
        Assert.Equal("a hint that may be lost", finding.Accepted);
    }

    [Fact]
    public void Recovery_that_reads_what_was_not_guaranteed_is_pointed_out_unless_it_is_a_commit_word()
    {
        CrashTest<PersistentMap> Make(bool declares) => CrashTest.For(map => map, map =>
        {
            _ = map.ReadUInt64(64);
            return map;
        }).Step("store", map =>
        {
            if (declares)
                PersistenceTrace.Note(map, TraceNote.CommitWord, 64, 8);
            map.StoreUInt64(64, 1);
            map.Persist(64, 8);
        });
        LintFinding finding = Assert.Single(Make(declares: false).Run().Findings);
        Assert.Equal(LintRule.UndeterminedRead, finding.Rule);
        Assert.StartsWith("CrashTestTests.cs:", finding.ToString(), StringComparison.Ordinal);
        Assert.Empty(Make(declares: true).Run().Findings);
    }

    [Fact]
    public void What_other_threads_say_of_other_maps_is_not_recorded()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(4096);
        using var recorder = new TraceRecorder(map);
        var stranger = new Thread(() =>
        {
            using Acceptance meant = PersistenceTrace.Accept("PMC001", "of another test");
            PersistenceTrace.Mark("of another test");
        });
        stranger.Start();
        stranger.Join();
        var worker = new Thread(() =>
        {
            using Acceptance meant = PersistenceTrace.Accept("PMC001", "a hint");
            map.StoreUInt64(0, 1);
        });
        worker.Start();
        worker.Join();
        Trace trace = recorder.Stop();
        Assert.Equal([TraceNote.AcceptBegin, TraceNote.AcceptEnd], trace.Events.Where(e => e.Kind == TraceEventKind.Note).Select(e => e.Note));
        Assert.DoesNotContain(trace.Events, e => e.Kind == TraceEventKind.Mark);
        Assert.Equal("a hint", Assert.Single(TraceLinter.Lint(trace)).Accepted);
    }

    [Fact]
    public void Lines_that_a_page_took_along_may_be_flushed_too()
    {
        static void Store(PersistentMap map)
        {
            map.StoreUInt64(0, 1);
            map.StoreUInt64(512, 1);
            map.Persist(0, 8);
            map.Persist(512, 8);
        }

        Assert.Empty(CrashTest.For(map => map).OnMap(8192, StoreGranularity.Page).Step("store", Store).Run().Findings);
        CrashReport report = CrashTest.For(map => map).OnMap(8192, StoreGranularity.Page).Step("store", map =>
        {
            Store(map);
            map.Persist(512, 8);
        }).Run();
        Assert.Equal(LintRule.UnnecessaryFlush, Assert.Single(report.Findings).Rule);
    }

    [Fact]
    public void Recovery_that_reads_what_was_never_written_is_pointed_out()
    {
        CrashReport report = CrashTest.For(map => map, map =>
        {
            _ = map.ReadUInt64(1024 + 16);
            return map;
        }).Step("allocate", map =>
        {
            PersistenceTrace.Note(map, TraceNote.Allocate, 1024, 64);
            map.StoreUInt64(1024, 1);
            map.Persist(1024, 8);
        }).Run();
        Assert.Contains(report.Findings, f => f.Rule == LintRule.UninitializedRead && f.Offset == 1024 + 16);
    }

    private static CrashTest<PersistentMap> Counter(Action<PersistentMap> increment, int steps = 3)
    {
        CrashTest<PersistentMap> test = CrashTest.For(map => map).Observe(map => map.ReadUInt64(0));
        for (int i = 0; i < steps; i++)
            test.Step("increment", increment);
        return test;
    }

    private static void Increment(PersistentMap map)
    {
        map.StoreUInt64(0, map.ReadUInt64(0) + 1);
        map.Persist(0, 8);
    }

    private static void DemandPayload(PersistentMap map)
    {
        if (map.ReadUInt64(Valid) == 1 && map.ReadUInt64(Payload) != 42)
            throw new InvalidDataException("valid, but empty");
    }

    private static string Line(string text, string prefix) =>
        text.Split('\n').Select(l => l.Trim()).Select(l => l.StartsWith("Replay:", StringComparison.Ordinal) ? l[7..].Trim() : l)
            .First(l => l.StartsWith(prefix, StringComparison.Ordinal))[prefix.Length..].Trim().ToString(CultureInfo.InvariantCulture);
}
