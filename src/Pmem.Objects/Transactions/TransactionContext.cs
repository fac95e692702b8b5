using System.Runtime.CompilerServices;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Tracing;

namespace Pmem.Objects.Transactions;

/// <summary>
/// A transaction on one lane, reused from one transaction to the next.
///
/// Work: each range is saved in the undo log, durably, before the program changes it in place; allocations are reservations in DRAM.
/// Commit: the changed ranges are flushed and drained; then one redo operation makes allocations and frees durable and, in the same
/// commit point, raises the undo log's generation. Before that point recovery restores every range and the reservations never existed;
/// after it the undo log is empty and the redo log finishes the job. There is no state in between.
/// Abort: ranges are restored from the undo log, drained, then the generation is raised; a crash in between restores once more.
/// </summary>
internal sealed unsafe partial class TransactionContext(ObjectStore store, Lane lane)
{
    /// <summary>Levels that may be open at once.</summary>
    private const int MaximumDepth = 64;

    private readonly ObjectStore _store = store;
    private readonly PersistentMap _map = store.Map;
    private readonly Lane _lane = lane;
    private readonly UndoLog _undo = lane.Undo;
    private readonly RangeSet _ranges = new();
    private readonly ulong[] _serials = new ulong[MaximumDepth + 1];
    private readonly List<Action<TransactionStage>> _callbacks = [];

    private PersistentAction[] _actions = new PersistentAction[16];
    private int _actionCount;
    private ulong _serial;
    private int _thread;
    private Exception? _cause;
    private bool _aborted;
    private bool _committing;

    /// <summary>Open levels; 0 when no transaction is open.</summary>
    public int Depth { get; private set; }

    public TransactionStage Stage { get; private set; }

    public object? UserData { get; set; }

    public ObjectStore Store => _store;

    /// <summary>Opens a level and returns its handle.</summary>
    public Transaction Begin()
    {
        if (Depth == 0)
        {
            _thread = Environment.CurrentManagedThreadId;
            Stage = TransactionStage.Work;
            if (PersistenceTrace.IsEnabled)
                PersistenceTrace.Note(_map, TraceNote.TransactionBegin);
        }
        else
        {
            if (_aborted)
                throw Aborted();
            if (Stage != TransactionStage.Work)
                throw new TransactionException("a transaction cannot begin in a callback of another");
            if (Depth == MaximumDepth)
                throw new TransactionException($"transactions nest at most {MaximumDepth} levels");
        }

        Depth++;
        _serials[Depth] = ++_serial;
        return new Transaction(this, Depth, _serial);
    }

    /// <summary>Whether the handle's level is still open.</summary>
    public bool IsOpen(int level, ulong serial) => level <= Depth && _serials[level] == serial;

    /// <summary>Throws unless the handle is the open transaction of this thread, in its working stage.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Demand(int level, ulong serial)
    {
        if (level > Depth || _serials[level] != serial || _thread != Environment.CurrentManagedThreadId || Stage != TransactionStage.Work || _aborted)
            ThrowMisuse(level, serial);
    }

    /// <summary>Saves what is not saved yet of a range, and has it flushed at commit.</summary>
    public void Snapshot(long offset, long length)
    {
        DemandRange(offset, length);
        if (length == 0)
            return;
        _ranges.ClearGaps();
        _ranges.Add(offset, offset + length, noFlush: false);
        SaveGaps();
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Note(_map, TraceNote.TransactionAdd, offset, length);
    }

    /// <summary>Saves several ranges under one drain.</summary>
    public void Snapshot(ReadOnlySpan<PoolRange> ranges)
    {
        foreach (ref readonly PoolRange range in ranges)
            DemandRange(range.Offset, range.Length);
        _ranges.ClearGaps();
        foreach (ref readonly PoolRange range in ranges)
        {
            if (range.Length > 0)
                _ranges.Add(range.Offset, range.Offset + range.Length, noFlush: false);
        }

        SaveGaps();
        if (PersistenceTrace.IsEnabled)
        {
            foreach (ref readonly PoolRange range in ranges)
                PersistenceTrace.Note(_map, TraceNote.TransactionAdd, range.Offset, range.Length);
        }
    }

    /// <summary>Has a range flushed at commit without saving it.</summary>
    public void AddWithoutSnapshot(long offset, long length, bool noFlush = false)
    {
        DemandRange(offset, length);
        if (length > 0)
            _ranges.Add(offset, offset + length, noFlush);
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Note(_map, TraceNote.TransactionAdd, offset, length, "without a snapshot");
    }

    public ObjectId Allocate(long size, ulong typeNumber, AllocationOptions options)
    {
        ObjectStore.DemandSize(size);
        ReserveActions(1);
        if (!_store.Heap.TryReserve(size, typeNumber, ObjectFlags.None, (options & AllocationOptions.Zero) != 0, out _actions[_actionCount]))
            throw Fail(_store.OutOfSpace(size));

        ref PersistentAction action = ref _actions[_actionCount++];
        long offset = action.UserOffset;
        _ranges.Add(offset, offset + action.UsableSize, (options & AllocationOptions.NoFlush) != 0);
        return new ObjectId(_store.PoolUuidLow, (ulong)offset);
    }

    public void Free(ObjectId id)
    {
        if (id.IsNull)
            return;
        long offset = _store.DemandObject(id, inTransaction: true);
        for (int i = _actionCount - 1; i >= 0; i--)
        {
            ref PersistentAction action = ref _actions[i];
            if (action.UserOffset != offset)
                continue;
            if (action.IsFree)
                throw new TransactionException($"object 0x{offset:x} is freed twice in one transaction");

            // Allocated in this transaction: it never existed.
            _ranges.Remove(offset, offset + action.UsableSize);
            _store.Heap.Cancel(_actions.AsSpan(i, 1));
            _actionCount--;
            _actions.AsSpan(i + 1, _actionCount - i).CopyTo(_actions.AsSpan(i));
            return;
        }

        ReserveActions(1);
        if (!_store.Heap.TryDeferFree(offset, out _actions[_actionCount]))
            throw new TransactionException($"0x{offset:x} is not an allocated object: it was freed before, or the id is wrong");
        _actionCount++;
    }

    public ObjectId Reallocate(ObjectId id, long size, ulong typeNumber, AllocationOptions options)
    {
        if (id.IsNull)
            return size == 0 ? ObjectId.Null : Allocate(size, typeNumber, options);
        if (size == 0)
        {
            Free(id);
            return ObjectId.Null;
        }

        long old = _store.DemandObject(id, inTransaction: true);
        DemandFreeable(old);
        long oldUsable = _store.Heap.UsableSize(old);
        ObjectId result = Allocate(size, typeNumber, options & ~AllocationOptions.Zero);
        long fresh = (long)result.Offset;
        long usable = _store.Heap.UsableSize(fresh);
        long copied = Math.Min(oldUsable, usable);
        _map.Move(fresh, old, copied, CopyHints.NoFlush);
        if ((options & AllocationOptions.Zero) != 0 && usable > copied)
            _map.Fill(fresh + copied, 0, usable - copied, CopyHints.NoFlush);
        Free(id);
        return result;
    }

    /// <summary>Throws when <see cref="Free"/> would: before anything is allocated in the object's place.</summary>
    private void DemandFreeable(long offset)
    {
        for (int i = _actionCount - 1; i >= 0; i--)
        {
            if (_actions[i].UserOffset != offset)
                continue;
            if (_actions[i].IsFree)
                throw new TransactionException($"object 0x{offset:x} is freed twice in one transaction");
            return;
        }

        if (!_store.Heap.IsObject(offset))
            throw new TransactionException($"0x{offset:x} is not an allocated object: it was freed before, or the id is wrong");
    }

    /// <summary>Takes over actions that the program prepared.</summary>
    public void Publish(Span<PersistentAction> actions)
    {
        foreach (ref readonly PersistentAction action in actions)
            PersistentHeap.DemandPrepared(in action);
        ReserveActions(actions.Length);
        actions.CopyTo(_actions.AsSpan(_actionCount));
        _actionCount += actions.Length;

        // They are ours now; the program's copies must not be published or cancelled again.
        foreach (ref PersistentAction action in actions)
            action.Kind = PersistentActionKind.None;
    }

    public void OnStage(Action<TransactionStage> callback) => _callbacks.Add(callback);

    private void SaveGaps()
    {
        if (_ranges.GapCount == 0)
            return;
        try
        {
            ReadOnlySpan<PoolRange> gaps = _ranges.Gaps;
            if (gaps.Length == 1)
                _undo.Append(gaps[0].Offset, gaps[0].Length);
            else
                _undo.Append(gaps);
        }
        catch (PmemException e)
        {
            // The set says the range is saved and the log does not have it: only an abort is possible now.
            throw Fail(e);
        }
    }

    private void ReserveActions(int more)
    {
        if (_actionCount + more > _actions.Length)
            Array.Resize(ref _actions, Math.Max(_actions.Length * 2, _actionCount + more));
        try
        {
            // One more word than actions: the undo log's generation.
            _lane.External.Reserve(_actionCount + more + 1);
        }
        catch (OutOfSpaceException e)
        {
            throw Fail(e);
        }
    }

    private void DemandRange(long offset, long length)
    {
        if (!_store.Bounds.IsInHeap(offset, length))
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), $"range 0x{offset:x}+{length} is not in the heap of the pool; only memory of objects can be part of a transaction");
        }
    }

    /// <summary>Marks the transaction as one that can only abort.</summary>
    private PmemException Fail(PmemException cause)
    {
        _aborted = true;
        _cause ??= cause;
        return cause;
    }

    private TransactionAbortedException Aborted() => new("the transaction is aborted" + (_cause is null ? string.Empty : $": {_cause.Message}"), _cause);

    private void ThrowMisuse(int level, ulong serial)
    {
        if (!IsOpen(level, serial))
            throw new TransactionException("the transaction has ended: it was committed, aborted or disposed");
        if (_thread != Environment.CurrentManagedThreadId)
            throw new TransactionException("a transaction belongs to the thread that began it");
        if (_aborted)
            throw Aborted();
        throw new TransactionException($"not possible in stage {Stage}");
    }
}
