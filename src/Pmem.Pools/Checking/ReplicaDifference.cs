namespace Pmem.Pools.Checking;

/// <summary>
/// A range in which a replica is not as the master. Headers, logs and allocated objects are compared; locks in objects may differ in a pool that
/// is perfectly well.
/// </summary>
/// <param name="Replica">Number of the replica in the set file; the master is 0.</param>
/// <param name="Offset">Offset in bytes from the start of the pool.</param>
/// <param name="Length">Length in bytes.</param>
public sealed record ReplicaDifference(int Replica, long Offset, long Length);
