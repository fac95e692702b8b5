using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Transactions;

/// <content>Locks that live in the pool and are held to the end of the transaction.</content>
internal sealed unsafe partial class TransactionContext
{
    private long[] _locks = new long[4];
    private int _lockCount;

    /// <summary>Takes a lock and keeps it; does nothing when the transaction has it already.</summary>
    public void Lock(long offset)
    {
        if (_locks.AsSpan(0, _lockCount).Contains(offset))
            return;
        if (_lockCount == _locks.Length)
            Array.Resize(ref _locks, _lockCount * 2);
        PoolLock.Enter(_store, offset);
        _locks[_lockCount++] = offset;
    }

    private void ReleaseLocks()
    {
        for (int i = _lockCount - 1; i >= 0; i--)
            PoolLock.Exit(_store, _locks[i]);
        _lockCount = 0;
    }

    /// <summary>Restores a saved range, but leaves the state of held locks alone: it is volatile, and the saved state says "free".</summary>
    private void RestoreAroundLocks(in UndoEntryView entry)
    {
        if (_lockCount == 0 || entry.Operation != UlogOperation.BufferCopy)
        {
            UndoRecovery.Restore(_map, entry);
            return;
        }

        _locks.AsSpan(0, _lockCount).Sort();
        long from = entry.Offset;
        long end = entry.Offset + entry.Length;
        foreach (long held in _locks.AsSpan(0, _lockCount))
        {
            if (held + PoolLock.Size <= from || held >= end)
                continue;
            RestorePart(entry, from, Math.Max(from, held));
            from = Math.Min(end, held + PoolLock.Size);
        }

        RestorePart(entry, from, end);
    }

    private void RestorePart(in UndoEntryView entry, long from, long end)
    {
        if (from < end)
            _map.Move(from, entry.DataOffset + (from - entry.Offset), end - from, CopyHints.NoDrain);
    }
}
