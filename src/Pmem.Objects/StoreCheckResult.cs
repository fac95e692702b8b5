using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <summary>One thing that is wrong in a pool.</summary>
/// <param name="Offset">Offset in bytes from the start of the pool.</param>
/// <param name="What">The structure or field.</param>
/// <param name="Expected">What the format requires.</param>
/// <param name="Found">What is there.</param>
public sealed record StoreProblem(long Offset, string What, string Expected, string Found);

/// <summary>What a check found.</summary>
/// <param name="Problems">Every problem, in order of discovery; empty when the pool is consistent.</param>
public sealed record StoreCheckResult(IReadOnlyList<StoreProblem> Problems)
{
    /// <summary>Whether nothing is wrong.</summary>
    public bool IsConsistent => Problems.Count == 0;

    /// <summary>Where replicas are not as the master; at most a thousand ranges. They are no problem of the pool: it opens, and the next recovery mends them.</summary>
    public IReadOnlyList<ReplicaDifference> ReplicaDifferences { get; init; } = [];
}
