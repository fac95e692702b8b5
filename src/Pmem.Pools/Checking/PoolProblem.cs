namespace Pmem.Pools.Checking;

/// <summary>One thing that is wrong in a pool.</summary>
/// <param name="Offset">Offset in bytes from the start of the pool; -1 when no single place is meant.</param>
/// <param name="What">The structure or field.</param>
/// <param name="Expected">What the format requires.</param>
/// <param name="Found">What is there.</param>
public sealed record PoolProblem(long Offset, string What, string Expected, string Found)
{
    /// <summary>The problem that an exception names.</summary>
    public static PoolProblem Of(PmemFormatException problem) => new(problem.Offset, problem.What, problem.Expected, problem.Found);
}

/// <summary>What a check found.</summary>
/// <param name="Problems">Every problem, in order of discovery; empty when the pool is consistent.</param>
public sealed record PoolCheckResult(IReadOnlyList<PoolProblem> Problems)
{
    /// <summary>Whether nothing is wrong, in no replica.</summary>
    public bool IsConsistent => Problems.Count == 0 && !ReplicasDiffer;

    /// <summary>Where replicas are not as the master; at most a thousand ranges.</summary>
    public IReadOnlyList<ReplicaDifference> ReplicaDifferences { get; init; } = [];

    /// <summary>Whether the pool was not closed, so that replicas may be behind the master, and the next open makes them equal.</summary>
    public bool RecoveryEqualsReplicas { get; init; }

    /// <summary>Whether a replica is not what it has to be. It opens all the same, from the master; who lost the master would open something else.</summary>
    public bool ReplicasDiffer => !RecoveryEqualsReplicas && ReplicaDifferences.Any(difference => !difference.MayBeLock);
}
