namespace Pmem.Pools.Checking;

/// <summary>The file work around a repair: locking, the backup, the private copy of a dry run.</summary>
public static class RepairFile
{
    /// <summary>
    /// Opens a pool file for repair: locked, so that nobody has it open; backed up first, when that is wanted; on a private copy for a dry run. Whoever is
    /// done with the change calls <see cref="PoolBackup.Finish"/>.
    /// </summary>
    /// <param name="path">The pool file.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <param name="verb">The change, as <see cref="PoolBackup.Finishing"/> has it, for the note of the backup.</param>
    /// <exception cref="MediaErrorException">The file has bad blocks.</exception>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    public static PersistentMap Open(string path, PoolRepairOptions options, string verb)
    {
        ArgumentNullException.ThrowIfNull(options);
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        PoolFile.DemandReadable(path);
        if (options.DryRun)
            return PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite });
        PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Lock = true });
        try
        {
            PoolBackup.Begin(map, path, options.BackupPath, verb, options.Progress, options.Cancellation);
            return map;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }
}
