namespace Pmem.Pools.Checking;

/// <summary>What the recovery of a pool did, or would do.</summary>
/// <param name="WasDirty">Whether its last user did not close it.</param>
/// <param name="Operations">Operations that a crash interrupted and that were finished.</param>
/// <param name="Transactions">Transactions that were rolled back.</param>
public readonly record struct PoolRecovery(bool WasDirty, long Operations, long Transactions)
{
    /// <summary>Recovers a closed pool of any kind, which is to open and close it, behind the backup that the options want.</summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open, except in a dry run.</param>
    /// <param name="options">Dry run, backup, progress of the backup; null for none of them.</param>
    /// <param name="open">Opens the pool, copy on write if told so, and closes it again.</param>
    /// <exception cref="ArgumentException">Both a dry run and a backup are wanted.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemException">The pool is not valid, in use, or cannot be accessed.</exception>
    public static PoolRecovery Run(string path, PoolRepairOptions? options, Func<bool, PoolRecovery> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        options ??= new PoolRepairOptions();
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        return PoolBackup.Finishing(path, options.BackupPath, "recover", () =>
        {
            PoolBackup.Begin(path, options.BackupPath, "recover", progress: options.Progress, cancellation: options.Cancellation);
            return open(options.DryRun);
        });
    }
}
