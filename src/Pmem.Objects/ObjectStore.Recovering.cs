using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <content>Recovering.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Finishes or rolls back what a crash left in the logs of a closed pool, and closes it cleanly: what every opening does, as a step of its own. One that
    /// is interrupted is finished by the next opening.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open, except in a dry run.</param>
    /// <param name="options">Dry run, backup, progress of the backup.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemFormatException">The pool is not valid.</exception>
    /// <exception cref="PmemException">The pool is in use, or cannot be accessed.</exception>
    public static PoolRecovery Recover(string path, PoolRepairOptions? options = null) => PoolRecovery.Run(path, options, copyOnWrite =>
    {
        using ObjectStore store = Open(path, options: ObjectStoreOptions.Default with { CopyOnWrite = copyOnWrite });
        return store.Recovery();
    });

    /// <summary>Recovers the pool in a map, which the call closes.</summary>
    /// <param name="map">The pool.</param>
    /// <exception cref="PmemFormatException">The pool is not valid; the map stays open.</exception>
    public static PoolRecovery Recover(PersistentMap map)
    {
        using ObjectStore store = Open(map);
        return store.Recovery();
    }

    private PoolRecovery Recovery() => new(Header.ShutdownState.Dirty != 0, RecoveredOperations, RecoveredTransactions);
}
