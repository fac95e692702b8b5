namespace Pmem.CrashTesting.Linting;

/// <summary>How much a finding matters.</summary>
public enum LintSeverity
{
    /// <summary>Worth knowing.</summary>
    Information,

    /// <summary>Costs time, or asks for trouble.</summary>
    Warning,

    /// <summary>Data can be lost or torn.</summary>
    Error,
}

/// <summary>A rule: what is wrong, and how to mend it.</summary>
/// <param name="Id">Its name, PMC001 and so on.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Title">What is wrong, in a few words.</param>
/// <param name="Remedy">How to mend it.</param>
public sealed record LintRule(string Id, LintSeverity Severity, string Title, string Remedy)
{
    /// <summary>A store that nothing wrote back before its operation was acknowledged.</summary>
    public static LintRule MissingFlush { get; } = new("PMC001", LintSeverity.Error, "stored, acknowledged, and never flushed", "flush the range and drain, or Persist it, before the operation returns");

    /// <summary>A flush that no fence of its thread completed before the operation was acknowledged.</summary>
    public static LintRule MissingFence { get; } = new("PMC002", LintSeverity.Error, "flushed, acknowledged, and never fenced", "call Drain on the thread that flushed, before the operation returns");

    /// <summary>A flush of lines that hold nothing new.</summary>
    public static LintRule UnnecessaryFlush { get; } = new("PMC003", LintSeverity.Warning, "flush of lines that hold nothing new", "remove the flush, or flush what was stored: the pointee, not the pointer");

    /// <summary>A second flush of the same line before the fence.</summary>
    public static LintRule RedundantFlush { get; } = new("PMC004", LintSeverity.Warning, "flushed twice before one fence", "flush once, after the last store to the line");

    /// <summary>A fence that completes nothing.</summary>
    public static LintRule RedundantFence { get; } = new("PMC005", LintSeverity.Information, "fence with nothing to wait for", "remove the drain");

    /// <summary>A store whose bytes were overwritten before they were flushed.</summary>
    public static LintRule Overwritten { get; } = new("PMC006", LintSeverity.Information, "overwritten before it was flushed", "store once, or keep the value in ordinary memory until it is final");

    /// <summary>A commit word stored while what it vouches for is not durable.</summary>
    public static LintRule EarlyCommit { get; } = new("PMC007", LintSeverity.Error, "commit word stored before its data is durable", "flush the data and drain before the commit word is stored");

    /// <summary>A commit word that can tear.</summary>
    public static LintRule TornCommit { get; } = new("PMC008", LintSeverity.Error, "commit word stored in more than one piece", "store it with StoreUInt64, aligned to 8 bytes");

    /// <summary>Ordinary and non-temporal stores to the same bytes without a fence between.</summary>
    public static LintRule MixedNonTemporal { get; } = new("PMC009", LintSeverity.Warning, "non-temporal and ordinary stores to the same word without a fence between", "drain between the two, or use one kind of store");

    /// <summary>A direct store inside a transaction, to a range that is not part of it.</summary>
    public static LintRule OutsideTransaction { get; } = new("PMC010", LintSeverity.Error, "stored inside a transaction, outside its ranges", "Snapshot the range before changing it");

    /// <summary>A range that is in two transactions, or twice in one.</summary>
    public static LintRule AddedTwice { get; } = new("PMC011", LintSeverity.Warning, "range is part of the transaction already", "add each range once");

    /// <summary>A flush of memory that is not persistent.</summary>
    public static LintRule NotPersistent { get; } = new("PMC012", LintSeverity.Warning, "flush of memory that is not mapped as persistent", "flush the persistent copy");

    /// <summary>Recovery reads a byte that could have more than one value.</summary>
    public static LintRule UndeterminedRead { get; } = new("PMC013", LintSeverity.Information, "recovery reads data that was not guaranteed", "make sure that every possible value is right, and declare commit words with TraceNote.CommitWord");

    /// <summary>Recovery reads an object's byte that was never written.</summary>
    public static LintRule UninitializedRead { get; } = new("PMC014", LintSeverity.Warning, "recovery reads allocated memory that was never written", "allocate zeroed, or write before linking");

    /// <summary>A load fence where a store fence is needed.</summary>
    public static LintRule WrongFence { get; } = new("PMC015", LintSeverity.Error, "load fence after a flush", "lfence orders no flush: use Drain");

    /// <summary>All rules, by id.</summary>
    public static IReadOnlyList<LintRule> All { get; } =
    [
        MissingFlush, MissingFence, UnnecessaryFlush, RedundantFlush, RedundantFence, Overwritten, EarlyCommit, TornCommit, MixedNonTemporal, OutsideTransaction,
        AddedTwice, NotPersistent, UndeterminedRead, UninitializedRead, WrongFence,
    ];
}

/// <summary>Something a rule found.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="EventIndex">The event it is about.</param>
/// <param name="Offset">First byte, from the start of the map.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Detail">What exactly.</param>
/// <param name="Source">Where in the program, if that was recorded.</param>
/// <param name="Accepted">Why it is meant, if the program said so.</param>
public sealed record LintFinding(LintRule Rule, int EventIndex, long Offset, long Length, string Detail, SourceStack? Source, string? Accepted)
{
    /// <summary>How often the same place did it.</summary>
    public int Count { get; init; } = 1;

    /// <summary>One line for people.</summary>
    public override string ToString()
    {
        string where = Source?.User is { } frame ? $"{frame.Where}: " : $"event {EventIndex}: ";
        string site = Source is { User: { } user, Site: { IsLibrary: true } inner } && inner != user ? $" (in {inner.Method})" : string.Empty;
        string times = Count > 1 ? $", {Count} times" : string.Empty;
        string accepted = Accepted is null ? $"; {Rule.Remedy}" : $"; accepted: {Accepted}";
        return $"{where}{Rule.Id} {Rule.Title}{site}: {Detail}{times}{accepted}";
    }
}
