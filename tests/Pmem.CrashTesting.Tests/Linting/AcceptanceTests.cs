using Pmem.CrashTesting.Linting;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests.Linting;

/// <summary>Findings that are meant, said so in the program; findings of one place, counted; and programs of many operations.</summary>
public sealed class AcceptanceTests
{
    [Fact]
    public void An_accepted_finding_fails_no_test_and_keeps_its_reason()
    {
        CrashReport report = Explore(map =>
        {
            using (PersistenceTrace.Accept("PMC001", "a hint that may be lost"))
                map.StoreUInt64(0, 1);
        });
        Assert.False(report.IsFailed, report.ToString());
        LintFinding finding = Assert.Single(report.Findings);
        Assert.Equal("a hint that may be lost", finding.Accepted);
        Assert.Contains("1 finding(s) accepted", report.Summary, StringComparison.Ordinal);
        Assert.DoesNotContain("PMC001", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_without_the_acceptance_fails()
    {
        CrashReport report = Explore(map => map.StoreUInt64(0, 1));
        Assert.True(report.IsFailed);
        Assert.Null(report.FailingImage);
        Assert.Contains("PMC001", report.ToString(), StringComparison.Ordinal);
        Assert.Throws<CrashTestException>(report.ThrowIfFailed);
    }

    [Fact]
    public void An_acceptance_is_for_its_rule_only()
    {
        CrashReport report = Explore(map =>
        {
            using (PersistenceTrace.Accept("PMC003", "not what happens here"))
                map.StoreUInt64(0, 1);
        });
        Assert.Null(Assert.Single(report.Findings).Accepted);
    }

    [Fact]
    public void An_acceptance_ends_where_it_is_disposed()
    {
        CrashReport report = Explore(map =>
        {
            using (PersistenceTrace.Accept("PMC001", "meant"))
                map.StoreUInt64(0, 1);
            map.StoreUInt64(64, 1);
        });
        Assert.Equal([(0L, "meant"), (64L, null)], report.Findings.Select(f => (f.Offset, f.Accepted)).Order());
    }

    [Fact]
    public void Acceptances_nest()
    {
        CrashReport report = Explore(map =>
        {
            using (PersistenceTrace.Accept("PMC001", "the hint may be lost"))
            using (PersistenceTrace.Accept("PMC005", "a pause"))
            {
                map.StoreUInt64(0, 1);
                map.Drain();
            }
        });
        Assert.Equal([("PMC001", "the hint may be lost"), ("PMC005", "a pause")], report.Findings.Select(f => (f.Rule.Id, f.Accepted)).Order());
    }

    [Fact]
    public void An_acceptance_is_for_its_thread_only()
    {
        var trace = new TraceBuilder()
            .Note(TraceNote.AcceptBegin, text: "PMC005 meant", thread: 1)
            .Fence(1).Fence(2)
            .Note(TraceNote.AcceptEnd, thread: 1);
        Assert.Equal(["meant", null], TraceLinter.Lint(trace.Build()).Select(f => f.Accepted));
    }

    [Fact]
    public void What_one_place_does_again_and_again_is_one_finding_with_a_count()
    {
        CrashReport report = Explore(map =>
        {
            for (int i = 0; i < 7; i++)
                map.Drain();
            map.Drain();
        });
        Assert.Equal([7, 1], report.Findings.Select(f => f.Count));
        Assert.Contains(", 7 times", report.Findings[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("AcceptanceTests.cs:", report.Findings[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_severity_that_fails_is_the_testers_choice()
    {
        static CrashTest<PersistentMap> Test() => CrashTest.For(map => map).OnMap(4096).Step("flush", map => map.Persist(0, 8));
        Assert.False(Test().Explore().IsFailed);
        Assert.True(Test().FailOnLint(LintSeverity.Warning).Explore().IsFailed);
    }

    /// <summary>Ten thousand operations of a dozen events each, with commit words, transactions' ranges, and one slip in every thousand.</summary>
    [Fact]
    public void Ten_thousand_operations_are_linted_and_every_slip_is_found()
    {
        Trace trace = Operations(10_000);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        IReadOnlyList<LintFinding> findings = TraceLinter.Lint(trace);
        TestContext.Current.TestOutputHelper!.WriteLine($"{trace.Events.Count} events in {System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms");
        Assert.Equal(10, findings.Count(f => f.Rule.Id == "PMC001"));
        Assert.Equal(10, findings.Count(f => f.Rule.Id == "PMC007"));
        Assert.All(findings, f => Assert.True(f.Rule.Id is "PMC001" or "PMC007", f.ToString()));
    }

    private static Trace Operations(int count)
    {
        var events = new List<TraceEvent>();
        for (int i = 0; i < count; i++)
        {
            long record = 4096 + (i % 1000 * 256L);
            bool slips = i % 1000 == 500;
            Note(TraceNote.OperationBegin, text: "put");
            Note(TraceNote.CommitWord, record, 8);
            Add(TraceEventKind.Store, record + 64, 40, StoreKind.Bulk);
            Add(TraceEventKind.Store, record + 128, 8);
            if (!slips)
                Add(TraceEventKind.Flush, record + 64, 40);
            Add(TraceEventKind.Flush, record + 128, 8);
            Add(TraceEventKind.Fence, 0, 0);
            Add(TraceEventKind.Store, record, 8);
            Add(TraceEventKind.Flush, record, 8);
            Add(TraceEventKind.Fence, 0, 0);
            Note(TraceNote.OperationEnd, text: "put");
        }

        return new Trace(new byte[1 << 20], StoreGranularity.CacheLine, events);

        void Add(TraceEventKind kind, long at, int length, StoreKind store = StoreKind.Ordered) =>
            events.Add(new TraceEvent(kind, 1, at, length, kind == TraceEventKind.Store ? new byte[length] : [], store));

        void Note(TraceNote note, long at = 0, int length = 0, string? text = null) =>
            events.Add(new TraceEvent(TraceEventKind.Note, 1, at, length, [], StoreKind.Ordered, text) { Note = note });
    }

    private static CrashReport Explore(Action<PersistentMap> workload) => CrashTest.For(map => map).OnMap(4096).Step("workload", workload).Explore();
}
