using Pmem.Pools.Checking;

namespace Pmem.Logs;

/// <content>Recovering.</content>
public sealed partial class PersistentLog
{
    /// <summary>
    /// Opens a log that was not closed, and closes it cleanly. There is nothing to finish or roll back in a log: what was not appended whole is not there.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open, except in a dry run.</param>
    /// <param name="options">Dry run, backup, progress of the backup.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemFormatException">The pool is not valid.</exception>
    /// <exception cref="PmemException">The pool is in use, or cannot be accessed.</exception>
    public static PoolRecovery Recover(string path, PoolRepairOptions? options = null) => PoolRecovery.Run(path, options, copyOnWrite =>
    {
        using PersistentLog log = Open(path, new PersistentLogOptions { CopyOnWrite = copyOnWrite });
        return log.Recovery();
    });

    /// <summary>Opens the log in a map that was not closed, and closes it cleanly, the map too.</summary>
    /// <param name="map">The pool.</param>
    /// <exception cref="PmemFormatException">The pool is not valid; the map stays open.</exception>
    public static PoolRecovery Recover(PersistentMap map)
    {
        using PersistentLog log = Open(map);
        return log.Recovery();
    }

    private PoolRecovery Recovery() => new(Header.ShutdownState.Dirty != 0, 0, 0);
}
