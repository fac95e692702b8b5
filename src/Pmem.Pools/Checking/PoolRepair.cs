namespace Pmem.Pools.Checking;

/// <summary>How a pool is checked.</summary>
public sealed record PoolCheckOptions
{
    /// <summary>Told, from time to time and on the thread that checks, what is being done and how much of it.</summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Stops it between two steps; a check changes nothing, so nothing is left behind.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>How a pool is repaired.</summary>
public sealed record PoolRepairOptions
{
    /// <summary>Repair a private copy only: tells what would be done, and changes no byte of the file.</summary>
    public bool DryRun { get; init; }

    /// <summary>Also do what can lose content, such as marking blocks as bad whose place is doubtful; without it such problems are only named.</summary>
    public bool AcceptLoss { get; init; }

    /// <summary>Where to copy the file before anything in it is changed; null makes no copy. The file must not exist.</summary>
    public string? BackupPath { get; init; }

    /// <summary>Told, from time to time, what is being done and how much of it.</summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Stops between two steps; what was mended so far stays mended.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>How far a long piece of work is.</summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Done">How much of it is done.</param>
/// <param name="Total">How much there is, in the same unit.</param>
public readonly record struct PoolProgress(string Activity, long Done, long Total);

/// <summary>What repair made of a problem: either a remedy or an obstacle.</summary>
/// <param name="Problem">What is wrong.</param>
/// <param name="Remedy">What was done about it; null when nothing could be.</param>
/// <param name="Obstacle">Why nothing could be done; null when something was.</param>
public sealed record PoolMend(PoolProblem Problem, string? Remedy, string? Obstacle)
{
    /// <summary>Whether the problem is gone.</summary>
    public bool IsMended => Obstacle is null;

    /// <summary>A problem that was mended.</summary>
    public static PoolMend Mended(PoolProblem problem, string remedy) => new(problem, remedy, null);

    /// <summary>A problem that cannot be mended.</summary>
    public static PoolMend NotMended(PoolProblem problem, string obstacle) => new(problem, null, obstacle);
}

/// <summary>What a repair did.</summary>
/// <param name="Mends">Each problem that was found, with its remedy or obstacle, in the order of the work.</param>
/// <param name="Remaining">What a check finds now; empty when the pool is consistent.</param>
public sealed record PoolRepairResult(IReadOnlyList<PoolMend> Mends, IReadOnlyList<PoolProblem> Remaining)
{
    /// <summary>Whether the pool is consistent now.</summary>
    public bool IsConsistent => Remaining.Count == 0;

    /// <summary>Whether something was changed.</summary>
    public bool IsChanged => Mends.Any(mend => mend.IsMended);
}
