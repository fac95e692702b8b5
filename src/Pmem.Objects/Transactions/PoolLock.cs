using Pmem.Tracing;

namespace Pmem.Objects.Transactions;

/// <summary>
/// A mutex whose state lies in the pool, 64 bytes. The first word says in which run the rest is valid: another run's state counts as free,
/// so no lock survives a crash. libpmemobj resets it the same way, because the run id changes at each open.
/// </summary>
internal static class PoolLock
{
    /// <summary>Bytes that a lock takes in the pool.</summary>
    public const int Size = 64;

    private const int StatePosition = 8;

    // Nothing of a lock need be durable.
    private const string Rule = "PMC001";
    private const string Reason = "a lock's state means something in this run only";

    /// <summary>Waits for the lock and takes it. Throws <see cref="LockRecursionException"/> when the thread has it.</summary>
    public static void Enter(ObjectStore store, long offset)
    {
        using Acceptance accepted = PersistenceTrace.Accept(Rule, Reason);
        Initialize(store, offset);
        ulong self = (ulong)Environment.CurrentManagedThreadId;
        var spin = default(SpinWait);
        while (true)
        {
            ulong owner = store.Map.CompareExchangeUInt64(offset + StatePosition, self, 0);
            if (owner == 0)
                return;
            if (owner == self)
                throw new LockRecursionException($"the thread already holds the lock at 0x{offset:x}");
            spin.SpinOnce();
        }
    }

    /// <summary>Takes the lock if it is free.</summary>
    public static bool TryEnter(ObjectStore store, long offset)
    {
        using Acceptance accepted = PersistenceTrace.Accept(Rule, Reason);
        Initialize(store, offset);
        return store.Map.CompareExchangeUInt64(offset + StatePosition, (ulong)Environment.CurrentManagedThreadId, 0) == 0;
    }

    /// <summary>Gives the lock back. Throws <see cref="SynchronizationLockException"/> when the thread does not hold it.</summary>
    public static void Exit(ObjectStore store, long offset)
    {
        using Acceptance accepted = PersistenceTrace.Accept(Rule, Reason);
        ulong self = (ulong)Environment.CurrentManagedThreadId;
        if (store.Map.ReadUInt64(offset) != store.RunId || store.Map.CompareExchangeUInt64(offset + StatePosition, 0, self) != self)
            throw new SynchronizationLockException($"the thread does not hold the lock at 0x{offset:x}");
    }

    private static void Initialize(ObjectStore store, long offset)
    {
        ulong run = store.RunId;
        var spin = default(SpinWait);
        while (true)
        {
            ulong seen = store.Map.ReadUInt64(offset);
            if (seen == run)
                return;
            if (seen == run - 1)
            {
                // Another thread is at it.
                spin.SpinOnce();
                continue;
            }

            if (store.Map.CompareExchangeUInt64(offset, run - 1, seen) != seen)
                continue;
            store.Map.StoreUInt64(offset + StatePosition, 0);
            store.Map.StoreUInt64(offset, run);
            return;
        }
    }
}
