namespace Pmem.Blocks.Checking;

/// <summary>How bad a finding is.</summary>
public enum BttSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>Something is wrong.</summary>
    Error,
}

/// <summary>What mends a finding.</summary>
public enum BttRemedy
{
    /// <summary>Nothing needs to be done, or nothing can be.</summary>
    None,

    /// <summary>A repair that loses nothing; opening the table for writing does most of them by itself.</summary>
    Safe,

    /// <summary>A repair after which some blocks are marked as bad, or may have a neighbour's content.</summary>
    LosesBlocks,
}

/// <summary>One thing that a check found.</summary>
/// <param name="Rule">Its name, such as <c>info-primary</c>, <c>map-duplicate</c> (docs/formats/blocks.md lists all).</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Arena">Number of the arena.</param>
/// <param name="Offset">Where, from the start of the map.</param>
/// <param name="What">The structure or field.</param>
/// <param name="Expected">What the format requires.</param>
/// <param name="Found">What is there.</param>
/// <param name="Remedy">What mends it.</param>
public sealed record BttFinding(string Rule, BttSeverity Severity, int Arena, long Offset, string What, string Expected, string Found, BttRemedy Remedy)
{
    /// <summary>What is wrong, without the place.</summary>
    public string Message => $"arena {Arena}: {What}: expected {Expected}, found {Found}";

    /// <summary>One line for people.</summary>
    public override string ToString() => $"0x{Offset:x}: {Message}";
}

/// <summary>What a check found, and how many entries of each kind the maps have.</summary>
public sealed record BttCheckResult
{
    /// <summary>What was found, in order of place; of findings of one rule in one arena at most 100 are listed.</summary>
    public required IReadOnlyList<BttFinding> Findings { get; init; }

    /// <summary>Findings that were not listed because there are too many of their rule.</summary>
    public long Unlisted { get; init; }

    /// <summary>Whether a layout is there at all; a block pool that was never written has none, and is consistent.</summary>
    public bool IsLaidOut { get; init; }

    /// <summary>Which program's rules the table follows; null when no info block could be found.</summary>
    public Layout.BttFormat? Format { get; init; }

    /// <summary>Writes that a crash interrupted; opening completes them.</summary>
    public int PendingWrites { get; init; }

    /// <summary>The arenas that were examined.</summary>
    public IReadOnlyList<BttArenaSummary> Arenas { get; init; } = [];

    /// <summary>Whether nothing is wrong.</summary>
    public bool IsConsistent => !Findings.Any(finding => finding.Severity == BttSeverity.Error);
}

/// <summary>An arena in numbers.</summary>
/// <param name="Start">Where it is in the map.</param>
/// <param name="Info">Its info block, or the copy of it.</param>
/// <param name="SecondHalf">Where the second half of a flog entry is in it: 16, or 32 in tables of old kernels.</param>
/// <param name="Initial">Map entries that were never written.</param>
/// <param name="Normal">Blocks with content.</param>
/// <param name="Zero">Blocks that were set to zero.</param>
/// <param name="Bad">Blocks that are marked as bad.</param>
public sealed record BttArenaSummary(long Start, Layout.BttInfo Info, int SecondHalf, long Initial, long Normal, long Zero, long Bad);
