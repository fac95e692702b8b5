namespace Pmem.Pools.Checking;

/// <summary>What the recovery of a pool did, or would do.</summary>
/// <param name="WasDirty">Whether its last user did not close it.</param>
/// <param name="Operations">Operations that a crash interrupted and that were finished.</param>
/// <param name="Transactions">Transactions that were rolled back.</param>
public readonly record struct PoolRecovery(bool WasDirty, long Operations, long Transactions);
