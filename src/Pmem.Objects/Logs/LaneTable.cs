namespace Pmem.Objects.Logs;

/// <summary>
/// Hands lanes to threads. A thread tries its own lane first (every eighth lane starts a new thread's search, so that threads seldom meet)
/// and moves on to the neighbours; a lane is held for one operation or one outermost transaction.
/// </summary>
internal sealed class LaneTable(ObjectStore store, int limit)
{
    private const int Stride = 8;
    private const int Padding = 16; // ints: one cache line a lock
    private const int FailuresBeforeMoving = 128;

    private readonly Lane?[] _lanes = new Lane?[limit];
    private readonly int[] _locks = new int[limit * Padding];
    private int _nextPrimary = -Stride;

    /// <summary>Takes a lane for the calling thread, waiting for one when all are busy.</summary>
    public Lane Enter(ThreadSlot slot)
    {
        if (slot.Primary < 0)
            slot.Primary = (int)((uint)Interlocked.Add(ref _nextPrimary, Stride) % (uint)limit);

        int index = slot.Primary;
        if (Interlocked.CompareExchange(ref _locks[index * Padding], 1, 0) != 0)
            index = Search(slot);
        return _lanes[index] ?? Create(index);
    }

    /// <summary>Gives a lane back.</summary>
    public void Exit(Lane lane) => Volatile.Write(ref _locks[lane.Index * Padding], 0);

    /// <summary>Takes all lanes for good, waiting for those in use; false, and none taken, when one is not given back in time.</summary>
    public bool TryClose(TimeSpan patience)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        for (int i = 0; i < limit; i++)
        {
            while (Interlocked.CompareExchange(ref _locks[i * Padding], 1, 0) != 0)
            {
                spin.SpinOnce();
                if (System.Diagnostics.Stopwatch.GetElapsedTime(start) < patience)
                    continue;
                while (--i >= 0)
                    Volatile.Write(ref _locks[i * Padding], 0);
                return false;
            }
        }

        return true;
    }

    private int Search(ThreadSlot slot)
    {
        var spin = default(SpinWait);
        while (true)
        {
            for (int i = 0; i < limit; i++)
            {
                int index = (slot.Primary + i) % limit;
                if (Interlocked.CompareExchange(ref _locks[index * Padding], 1, 0) != 0)
                    continue;
                if (++slot.Failures == FailuresBeforeMoving)
                {
                    slot.Primary = index;
                    slot.Failures = 0;
                }

                return index;
            }

            spin.SpinOnce();
        }
    }

    private Lane Create(int index)
    {
        try
        {
            return _lanes[index] = new Lane(store, index, store.Bounds);
        }
        catch
        {
            Volatile.Write(ref _locks[index * Padding], 0);
            throw;
        }
    }
}

/// <summary>What one thread remembers about one store.</summary>
internal sealed class ThreadSlot(ObjectStore store)
{
    [ThreadStatic]
    private static ThreadSlot? t_first;

    /// <summary>The lane the thread holds, or null.</summary>
    public Lane? Held;

    /// <summary>How often the thread entered it.</summary>
    public int Depth;

    public int Primary = -1;
    public int Failures;
    private readonly WeakReference<ObjectStore> _store = new(store);
    private readonly long _storeSerial = store.Serial;
    private ThreadSlot? _next;

    /// <summary>The calling thread's slot for a store.</summary>
    public static ThreadSlot For(ObjectStore store)
    {
        ThreadSlot? first = t_first;
        return first is not null && first._storeSerial == store.Serial ? first : Find(store);
    }

    /// <summary>The thread's slot that is in a transaction, in whichever store; null when there is none.</summary>
    public static ThreadSlot? InTransaction()
    {
        for (ThreadSlot? slot = t_first; slot is not null; slot = slot._next)
        {
            if (slot.Held is { Transaction.Depth: > 0 })
                return slot;
        }

        return null;
    }

    private static ThreadSlot Find(ObjectStore store)
    {
        // Move to front; forget slots of stores that are gone.
        ThreadSlot? found = null;
        ThreadSlot? kept = null;
        for (ThreadSlot? slot = t_first; slot is not null;)
        {
            ThreadSlot? next = slot._next;
            if (slot._storeSerial == store.Serial)
            {
                found = slot;
            }
            else if (slot._store.TryGetTarget(out ObjectStore? alive) && !alive.IsClosed)
            {
                slot._next = kept;
                kept = slot;
            }

            slot = next;
        }

        found ??= new ThreadSlot(store);
        found._next = kept;
        t_first = found;
        return found;
    }
}
