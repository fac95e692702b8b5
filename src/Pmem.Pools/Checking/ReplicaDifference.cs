namespace Pmem.Pools.Checking;

/// <summary>A range in which a replica is not as the master. Descriptor, logs, heap and allocated objects are compared.</summary>
/// <param name="Replica">Number of the replica in the set file; the master is 0.</param>
/// <param name="Offset">Offset in bytes from the start of the pool.</param>
/// <param name="Length">Length in bytes.</param>
public sealed record ReplicaDifference(int Replica, long Offset, long Length)
{
    /// <summary>The part of the replica in which the range begins, from 0.</summary>
    public int Part { get; init; }

    /// <summary>The file or device of that part.</summary>
    public string? Path { get; init; }

    /// <summary>Where in that file the range begins.</summary>
    public long PartOffset { get; init; }

    /// <summary>
    /// Whether it looks like a lock at rest: the number of a run, and zeros behind it. Locks are never made durable, so they may differ in a pool that is
    /// perfectly well; everything else may not.
    /// </summary>
    public bool MayBeLock { get; init; }
}
