namespace Pmem.CrashTesting;

/// <summary>How far to explore.</summary>
public sealed record ExplorationOptions
{
    /// <summary>Crash points with at most so many images are explored exhaustively; the others are sampled with as many.</summary>
    public int ImagesPerPoint { get; init; } = 512;

    /// <summary>Seed of the samples.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Also try what the death of the process leaves after every single store.</summary>
    public bool ProcessKills { get; init; } = true;

    /// <summary>Events before the first crash that is tried: what a program does before it has made anything need not be recoverable.</summary>
    public int FirstPoint { get; init; }

    /// <summary>Also try power loss.</summary>
    public bool PowerLoss { get; init; } = true;

    /// <summary>Explore a power loss in which ADR (or eADR) fails too, instead of an ordinary one: only deep flushes are guaranteed.</summary>
    public bool AdrFails { get; init; }

    /// <summary>
    /// Decide what survived of a line only when recovery reads it, instead of building every combination: fewer images where recovery reads
    /// little of what is pending. Works when recovery reads through the members of <see cref="PersistentMap"/>; a span counts as read when it
    /// is taken. Only for checks that take a <see cref="CrashState"/>.
    /// </summary>
    public bool Lazy { get; init; }

    /// <summary>Checks that run at once; 0 for as many as there are processors. With more than one, the check must be thread-safe.</summary>
    public int Parallelism { get; init; } = 1;

    /// <summary>A check that takes longer has failed: recovery hangs. Not enforced under a debugger.</summary>
    public TimeSpan TimePerImage { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The exploration ends after this time, and says that it did not see everything. Null for no limit.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>Is told how far the exploration is, a few times a second.</summary>
    public IProgress<ExplorationProgress>? Progress { get; init; }
}

/// <summary>How far an exploration is.</summary>
/// <param name="PointsDone">Crash points that are done.</param>
/// <param name="Points">All crash points.</param>
/// <param name="Images">Images checked so far.</param>
public readonly record struct ExplorationProgress(int PointsDone, int Points, long Images);
