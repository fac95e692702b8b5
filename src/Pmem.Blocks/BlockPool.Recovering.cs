using Pmem.Pools.Checking;

namespace Pmem.Blocks;

/// <content>Recovering.</content>
public sealed partial class BlockPool
{
    /// <summary>
    /// Finishes the writes that a crash interrupted in a closed pool, and closes it cleanly: what every opening does, as a step of its own. One that is
    /// interrupted is finished by the next opening.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open, except in a dry run.</param>
    /// <param name="options">Dry run, backup, progress of the backup.</param>
    /// <returns>What was done; operations are writes finished and info blocks restored.</returns>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was changed.</exception>
    /// <exception cref="PmemFormatException">The pool is not valid.</exception>
    /// <exception cref="PmemException">The pool is in use, or cannot be accessed.</exception>
    public static PoolRecovery Recover(string path, PoolRepairOptions? options = null) => PoolRecovery.Run(path, options, copyOnWrite =>
    {
        using BlockPool pool = Open(path, options: BlockDeviceOptions.Default with { CopyOnWrite = copyOnWrite });
        return pool.Recovery();
    });

    /// <summary>Recovers the pool in a map, which the call closes.</summary>
    /// <param name="map">The pool.</param>
    /// <exception cref="PmemFormatException">The pool is not valid; the map stays open.</exception>
    public static PoolRecovery Recover(PersistentMap map)
    {
        using BlockPool pool = Open(map);
        return pool.Recovery();
    }

    private PoolRecovery Recovery() => new(Header.ShutdownState.Dirty != 0, Table.RecoveredWrites + Table.RestoredInfoBlocks, 0);
}
