using Pmem.Emulation;
using Pmem.Objects;
using Pmem.Tracing;

namespace Pmem.Tool.Platforms;

/// <summary>
/// Money that moves between accounts in an object pool, transaction by transaction, until the power goes in the middle of one. Everything is stored through the map, so that
/// a power cut knows what was under way. What must hold after recovery: the accounts together have what they began with.
/// </summary>
internal static class PowerCutWorkload
{
    private const ulong TypeNumber = 0x6c656467;
    private const int Accounts = 64;
    private const int Line = 64;
    private const ulong Start = 1000;
    private const int MostTransactions = 100;

    /// <summary>Runs the workload, cuts the power, and returns how many transactions were committed.</summary>
    /// <exception cref="PmemException">There is no object pool on the namespace, or its accounts are not in order.</exception>
    public static int Run(NamespacePath path, int seed, bool adrFails)
    {
        // Read once, when the first map is opened.
        AppContext.SetSwitch("Pmem.Tracing", isEnabled: true);
        if (!PersistenceTrace.IsEnabled)
            throw new PmemException("tracing is off in this process: unset PMEM_TRACING");
        using var source = PlatformSource.Open(path.Platform);
        VirtualPlatform platform = source.DemandVirtual();
        var random = new Random(seed);

        // No range is written behind the map's back; the first line stands for none.
        PersistentMap map = path.Open(source, (opened, name) => opened.OpenTracked(name, (0, Line)));
        ObjectStore store;
        try
        {
            store = ObjectStore.Open(map);
        }
        catch (PmemFormatException e)
        {
            map.Dispose();
            throw new PmemException($"{path} has no object pool: 'pmem pool create obj {path}' makes one ({e.Message})", e);
        }

        int committed;
        try
        {
            long ledger = FindLedger(store, path);
            committed = random.Next(MostTransactions / 4, MostTransactions);
            for (int i = 0; i < committed; i++)
            {
                using Transaction moved = Move(store, ledger, random);
                moved.Commit();
            }

            // This one stays open: the power cut meets it between its stores and its commit.
            _ = Move(store, ledger, random);
        }
        catch
        {
            store.Dispose();
            throw;
        }

        platform.PowerCut(seed, adrFails);
        return committed;
    }

    private static long FindLedger(ObjectStore store, NamespacePath path)
    {
        foreach (StoreObject found in store.EnumerateObjects())
        {
            if (found.TypeNumber != TypeNumber || found.IsInternal)
                continue;
            ulong total = 0;
            for (int i = 0; i < Accounts; i++)
                total += store.Map.ReadUInt64(found.Offset + (i * Line));
            return total == Accounts * Start ? found.Offset : throw new PmemException($"the accounts in {path} have {total} together, not {Accounts * Start}: a power cut lost a part of a transaction");
        }

        using Transaction made = store.BeginTransaction();
        long ledger = (long)made.Allocate(Accounts * Line, TypeNumber, AllocationOptions.Zero).Offset;
        for (int i = 0; i < Accounts; i++)
            store.Map.StoreUInt64(ledger + (i * Line), Start);
        made.Commit();
        return ledger;
    }

    private static Transaction Move(ObjectStore store, long ledger, Random random)
    {
        Transaction tx = store.BeginTransaction();
        int from = random.Next(Accounts);
        int to = (from + 1 + random.Next(Accounts - 1)) % Accounts;
        ulong amount = (ulong)random.Next(1, 10);
        Change(tx, store.Map, ledger + (from * Line), unchecked(0 - amount));
        Change(tx, store.Map, ledger + (to * Line), amount);
        return tx;
    }

    private static void Change(Transaction tx, PersistentMap map, long account, ulong by)
    {
        tx.Snapshot(account, sizeof(ulong));
        map.StoreUInt64(account, unchecked(map.ReadUInt64(account) + by));
    }
}
