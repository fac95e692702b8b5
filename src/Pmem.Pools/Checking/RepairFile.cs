namespace Pmem.Pools.Checking;

/// <summary>The file work around a repair: locking, the backup, the private copy of a dry run.</summary>
public static class RepairFile
{
    private const int CopyBlock = 4 << 20;

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
                Copy(map, backup, options);
            return map;
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Copies a mapped pool to a new file, durable under its name only when it is whole.</summary>
    private static void Copy(PersistentMap map, string backup, PoolRepairOptions options)
    {
        if (File.Exists(backup))
            throw new IOException($"the backup {backup} exists already; name another file, or remove it");
        string partial = backup + ".partial";
        try
        {
            using (var file = new FileStream(partial, FileMode.Create, FileAccess.Write))
            {
                byte[] block = new byte[CopyBlock];
                for (long at = 0; at < map.Length; at += CopyBlock)
                {
                    options.Cancellation.ThrowIfCancellationRequested();
                    options.Progress?.Report(new PoolProgress("backing up", at, map.Length));
                    Span<byte> part = block.AsSpan(0, (int)Math.Min(CopyBlock, map.Length - at));
                    map.CheckedRead(at, part);
                    file.Write(part);
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(partial, backup);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
