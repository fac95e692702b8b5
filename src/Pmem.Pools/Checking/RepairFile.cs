namespace Pmem.Pools.Checking;

/// <summary>The file work around a repair: locking, the backup, the private copy of a dry run.</summary>
public static class RepairFile
{
    /// <summary>
    /// Opens a pool file for repair: locked, so that nobody has it open; backed up first, when that is wanted; on a private copy for a dry run.
    /// </summary>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    public static PersistentMap Open(string path, PoolRepairOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.DryRun && options.BackupPath is not null)
            throw new ArgumentException("a dry run changes nothing, so it needs no backup: leave one of the two out", nameof(options));
        if (options.DryRun)
            return PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
        PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Lock = true });
        try
        {
            if (options.BackupPath is { } backup)
                PoolBackup.Write(map, backup, options.Progress, options.Cancellation);
            return map;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }
}
