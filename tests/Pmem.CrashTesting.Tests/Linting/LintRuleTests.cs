using Pmem.CrashTesting.Linting;
using Pmem.Tracing;
using static Pmem.CrashTesting.Tests.TraceBuilder;

namespace Pmem.CrashTesting.Tests.Linting;

/// <summary>Each rule finds what it is for, at the event it is about, and nothing in the program that is right.</summary>
public sealed class LintRuleTests
{
    [Fact]
    public void PMC001_a_store_that_nothing_flushes_before_it_is_acknowledged()
    {
        Finds("PMC001", 1, Operation(t => t.Store(X, 1)));
        Finds("PMC001", 1, Operation(t => t.Store(X, 1).Flush(Y).Fence()), also: "PMC003 PMC005");
        Finds("PMC001", 0, new TraceBuilder().Store(X, 1)); // no operations: the end of the trace counts
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).DeepFlush(X)));
        FindsNothing(Operation(t => t.Store(X, 1).Clflush(X)));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Exchange(Y, 1).Clflush(Y))); // a locked instruction is a fence
    }

    [Fact]
    public void PMC001_only_the_part_of_a_store_that_was_not_flushed()
    {
        LintFinding finding = Assert.Single(Lint(Operation(t => t.StoreWide(X, 80, 1).Flush(X).Fence())));
        Assert.Equal("PMC001", finding.Rule.Id);
        Assert.Contains("16 bytes at 0x40", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void PMC001_is_not_the_fault_of_an_operation_of_another_thread()
    {
        Finds("PMC001", 0, new TraceBuilder().Store(X, 1, thread: 2).Operation(t => t.Store(Y, 1).Flush(Y).Fence()).Operation(_ => { }, thread: 2), not: true);
        Finds("PMC001", 1, new TraceBuilder().Operation(t => t.Store(X, 1, 2).Operation(_ => { }, thread: 1), thread: 2));
    }

    [Fact]
    public void PMC001_is_demanded_of_the_threads_that_work_for_an_operation()
    {
        Finds("PMC001", 1, Operation(t => t.Store(X, 1, thread: 2)));
        FindsNothing(Operation(t => t.Store(X, 1, thread: 2).Flush(X, 2).Fence(2)));
        Finds("PMC001", 0, new TraceBuilder().Store(X, 1, thread: 2).Operation(_ => { }), not: true); // before the operation
        Finds("PMC001", 2, new TraceBuilder().Note(TraceNote.OperationBegin, thread: 3).Operation(t => t.Store(X, 1, thread: 2)), not: true); // whose is it?
    }

    [Fact]
    public void PMC002_a_flush_that_no_fence_of_its_thread_completes()
    {
        Finds("PMC002", 1, Operation(t => t.Store(X, 1).Flush(X)));
        Finds("PMC002", 1, Operation(t => t.NonTemporal(X, 1)));
        Finds("PMC002", 1, Operation(t => t.Store(X, 1).Flush(X, thread: 2).Fence(1)), also: "PMC005");
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X, thread: 2).Fence(2)));
        FindsNothing(Operation(t => t.NonTemporal(X, 1).Fence()));
    }

    [Fact]
    public void PMC003_a_flush_of_lines_that_hold_nothing_new()
    {
        Finds("PMC003", 1, Operation(t => t.Flush(X).Fence()), also: "PMC005");
        Finds("PMC003", 4, Operation(t => t.Store(X, 1).Flush(X).Fence().Flush(X).Fence()), also: "PMC005");
        Finds("PMC003", 2, Operation(t => t.NonTemporal(X, 1).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Fence().Store(X, 2).Flush(X).Fence()));
    }

    [Fact]
    public void PMC003_is_not_reported_where_another_thread_was_faster_with_the_flush()
    {
        TraceBuilder trace = Operation(t => t.Store(X, 1).Flush(X, 2).Fence(2).Flush(X, 1));
        Finds("PMC003", 4, trace, not: true);
    }

    [Fact]
    public void PMC004_a_second_flush_before_one_fence()
    {
        Finds("PMC004", 3, Operation(t => t.Store(X, 1).Flush(X).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Store(B, 2).Flush(B).Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Store(X + 8, 2).Flush(X).Fence())); // something new on the line
    }

    [Fact]
    public void PMC005_a_fence_with_nothing_to_wait_for()
    {
        Finds("PMC005", 1, Operation(t => t.Fence()));
        Finds("PMC005", 4, Operation(t => t.Store(X, 1).Flush(X).Fence().Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Fence()));
        FindsNothing(Operation(t => t.NonTemporal(X, 1).Fence()));
    }

    [Fact]
    public void PMC006_a_store_that_is_overwritten_before_it_was_flushed()
    {
        Finds("PMC006", 1, Operation(t => t.Store(X, 1).Store(X, 2).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Fence().Store(X, 2).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Store(A, 1).Store(B, 2).Flush(A).Fence())); // one line, different words
    }

    [Fact]
    public void PMC007_a_commit_word_stored_before_its_data_is_durable()
    {
        Finds("PMC007", 4, CommitWord(Y, 8).Operation(t => t.Store(X, 1).Flush(X).Store(Y, 1).Fence().Flush(Y).Fence()));
        Finds("PMC007", 3, CommitWord(Y, 8).Operation(t => t.Store(X, 1).Store(Y, 1).Flush(X).Flush(Y).Fence()));
        Finds("PMC007", 3, CommitWord(B, 8).Operation(t => t.Store(A, 1).NonTemporal(B, 1).Flush(A).Fence())); // it overtakes its own line
        FindsNothing(CommitWord(Y, 8).Operation(t => t.Store(X, 1).Flush(X).Fence().Store(Y, 1).Flush(Y).Fence()));
        FindsNothing(CommitWord(B, 8).Operation(t => t.Store(A, 1).Store(B, 1).Flush(A).Fence())); // one line keeps its order
    }

    [Fact]
    public void PMC007_does_not_blame_a_commit_word_for_another_operation()
    {
        TraceBuilder trace = CommitWord(Y, 8).Operation(t => t.Store(X, 1)).Operation(t => t.Store(Y, 1).Flush(Y).Fence());
        Finds("PMC007", 5, trace, not: true, also: "PMC001");
    }

    [Fact]
    public void PMC008_a_commit_word_that_can_tear()
    {
        Finds("PMC008", 2, CommitWord(X, 16).Operation(t => t.StoreWide(X, 16, 1).Flush(X).Fence()));
        Finds("PMC008", 2, CommitWord(X, 8).Operation(t => t.StoreWide(X + 4, 8, 1).Flush(X).Fence()));
        FindsNothing(CommitWord(X, 16).Operation(t => t.Store(X, 1).Store(X + 8, 1).Flush(X).Fence()));
        FindsNothing(CommitWord(X, 8).Operation(t => t.StoreWide(X + 8, 16, 1).Flush(X).Fence()));
    }

    [Fact]
    public void PMC008_is_told_once_for_a_word_that_is_declared_again_and_again()
    {
        TraceBuilder trace = CommitWord(X, 16).Note(TraceNote.CommitWord, X, 16).Operation(t => t.StoreWide(X, 16, 1).Flush(X).Fence());
        Assert.Equal(1, Assert.Single(Lint(trace)).Count);
    }

    [Fact]
    public void PMC009_ordinary_and_non_temporal_stores_to_one_word()
    {
        Finds("PMC009", 2, Operation(t => t.Store(X, 1).NonTemporal(X, 2).Fence()));
        Finds("PMC009", 2, Operation(t => t.NonTemporal(X, 1).Store(X, 2).Flush(X).Fence()));
        FindsNothing(Operation(t => t.NonTemporal(X, 1).Fence().Store(X, 2).Flush(X).Fence()));
        FindsNothing(Operation(t => t.NonTemporal(A, 1).Store(B, 2).Flush(B).Fence()));
    }

    [Fact]
    public void PMC010_a_direct_store_outside_the_transactions_ranges()
    {
        Finds("PMC010", 2, Operation(t => t.Note(TraceNote.TransactionBegin).Direct(X, 1).Note(TraceNote.TransactionAdd, X, 8).Flush(X).Fence().Note(TraceNote.TransactionCommit)));
        Finds("PMC010", 3, Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 4).Direct(X, 1).Flush(X).Fence().Note(TraceNote.TransactionCommit)));
        FindsNothing(Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 8).Direct(X, 1).Flush(X).Fence().Note(TraceNote.TransactionCommit)));
        FindsNothing(Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 4).Note(TraceNote.TransactionAdd, X + 4, 4).Direct(X, 1).Flush(X).Fence()));
        FindsNothing(Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.Allocate, X, 64).Direct(X, 1).Flush(X).Fence())); // what is new needs no snapshot
        FindsNothing(Operation(t => t.Direct(X, 1).Flush(X).Fence())); // no transaction
    }

    [Fact]
    public void PMC011_a_range_that_is_in_the_transaction_already()
    {
        Finds("PMC011", 3, Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 64).Note(TraceNote.TransactionAdd, X + 8, 8)));
        FindsNothing(Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 8).Note(TraceNote.TransactionAdd, X, 16))); // more than before
        FindsNothing(Operation(t => t.Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 8).Note(TraceNote.TransactionCommit)
            .Note(TraceNote.TransactionBegin).Note(TraceNote.TransactionAdd, X, 8)));
    }

    [Fact]
    public void PMC011_is_an_error_when_the_other_transaction_is_another_threads()
    {
        TraceBuilder trace = new TraceBuilder()
            .Note(TraceNote.TransactionBegin, thread: 1).Note(TraceNote.TransactionAdd, X, 16, thread: 1)
            .Note(TraceNote.TransactionBegin, thread: 2).Note(TraceNote.TransactionAdd, X + 8, 16, thread: 2);
        LintFinding finding = Finds("PMC011", 3, trace);
        Assert.Equal(LintSeverity.Error, finding.Rule.Severity);
    }

    [Fact]
    public void PMC012_a_flush_of_what_is_not_persistent()
    {
        Finds("PMC012", 1, Operation(t => t.Flush(TraceBuilder.Length)));
        FindsNothing(Operation(t => t.Store(TraceBuilder.Length - 8, 1).Flush(TraceBuilder.Length - 8).Fence()));
    }

    [Fact]
    public void PMC015_a_load_fence_after_a_flush()
    {
        Finds("PMC015", 3, Operation(t => t.Store(X, 1).Flush(X).LoadFence()), also: "PMC002");
        FindsNothing(Operation(t => t.Store(X, 1).Flush(X).Fence()));
        FindsNothing(Operation(t => t.LoadFence())); // it orders loads, which is what it is for
    }

    [Fact]
    public void Where_caches_are_safe_flushes_are_nobodys_business()
    {
        FindsNothing(new TraceBuilder(StoreGranularity.Byte).Operation(t => t.Flush(X).Store(X, 1).Fence()));
        Finds("PMC002", 1, new TraceBuilder(StoreGranularity.Byte).Operation(t => t.Store(X, 1)));
    }

    [Fact]
    public void On_ordinary_files_a_flush_is_enough()
    {
        FindsNothing(new TraceBuilder(StoreGranularity.Page).Operation(t => t.Store(X, 1).Flush(Y))); // the same page
        Finds("PMC001", 1, new TraceBuilder(StoreGranularity.Page).Operation(t => t.Store(X, 1)));
    }

    [Fact]
    public void The_gravest_come_first()
    {
        IReadOnlyList<LintFinding> findings = Lint(Operation(t => t.Fence().Flush(X).Store(Y, 1)));
        Assert.Equal(["PMC001", "PMC003", "PMC005"], findings.Select(f => f.Rule.Id));
    }

    [Fact]
    public void Every_rule_says_how_to_mend_it()
    {
        Assert.Equal(Enumerable.Range(1, 15).Select(i => $"PMC{i:000}"), LintRule.All.Select(r => r.Id));
        Assert.All(LintRule.All, r => Assert.False(string.IsNullOrWhiteSpace(r.Title) || string.IsNullOrWhiteSpace(r.Remedy)));
    }

    private static TraceBuilder Operation(Action<TraceBuilder> body) => new TraceBuilder().Operation(body);

    private static TraceBuilder CommitWord(int at, int length) => new TraceBuilder().Note(TraceNote.CommitWord, at, length);

    private static IReadOnlyList<LintFinding> Lint(TraceBuilder trace) => TraceLinter.Lint(trace.Build());

    private static void FindsNothing(TraceBuilder trace) => Assert.Empty(Lint(trace));

    /// <summary>The rule is found at the event, and beside it only the rules that are named.</summary>
    private static LintFinding Finds(string rule, int at, TraceBuilder trace, string also = "", bool not = false)
    {
        IReadOnlyList<LintFinding> findings = Lint(trace);
        Assert.Equal(also.Split(' ', StringSplitOptions.RemoveEmptyEntries), findings.Select(f => f.Rule.Id).Where(id => id != rule).Distinct());
        LintFinding? found = findings.SingleOrDefault(f => f.Rule.Id == rule && f.EventIndex == at);
        Assert.Equal(not, found is null);
        return found!;
    }
}
