using Pmem.Objects.Logs;

namespace Pmem.Objects.Transactions;

/// <content>Commit, abort, and what follows them.</content>
internal sealed unsafe partial class TransactionContext
{
    /// <summary>Ends a level; the outermost makes everything durable.</summary>
    public void Commit(int level, ulong serial)
    {
        Demand(level, serial);
        if (level != Depth)
            throw new TransactionException("a nested transaction is still open: commit or dispose it first");
        if (level > 1)
        {
            Depth--;
            return;
        }

        if (_callbacks.Count > 0)
            Notify(TransactionStage.Work);
        _ranges.Flush(_map);
        MakeDurable();
        ReleaseLocks();
        Stage = TransactionStage.OnCommit;
        End();
    }

    /// <summary>Gives a level up: the whole transaction will be rolled back when its outermost level ends.</summary>
    public void Abort(int level, ulong serial, Exception? cause)
    {
        Demand(level, serial);
        _aborted = true;
        _cause = cause;
        throw Aborted();
    }

    /// <summary>Ends a level that may have been left without a commit.</summary>
    public void Dispose(int level, ulong serial)
    {
        if (!IsOpen(level, serial))
            return;
        if (_thread != Environment.CurrentManagedThreadId)
            throw new TransactionException("a transaction belongs to the thread that began it");
        if (Stage != TransactionStage.Work)
            return;

        // Levels inside that were not ended go with this one.
        _aborted = true;
        Depth = level - 1;
        if (Depth == 0)
        {
            Depth = 1;
            RollBack();
        }
    }

    private void MakeDurable()
    {
        if (_actionCount > 0)
        {
            RedoLog redo = _lane.External;
            try
            {
                // Again, because an atomic operation inside the transaction gives the log's extensions back.
                redo.Reserve(_actionCount + 1);
                if (_undo.IsUsed)
                    redo.Set(_undo.GenerationField, _undo.NextGeneration);
                _store.Heap.Publish(redo, _actions.AsSpan(0, _actionCount));
            }
            catch (PmemException e)
            {
                redo.Clear();
                throw Fail(e);
            }

            _actionCount = 0;
            if (_undo.IsUsed)
                _undo.Retired(keepFirstExtension: true);
        }
        else if (_undo.IsUsed)
        {
            RedoLog.CommitWord(_map, _undo.GenerationField, _undo.NextGeneration);
            _undo.Retired(keepFirstExtension: true);
        }
        else
        {
            _map.Drain();
        }
    }

    private void RollBack()
    {
        if (_undo.IsUsed)
        {
            foreach (UndoEntryView entry in new UndoReader(_map, _undo.LogOffset, _store.Bounds))
                RestoreAroundLocks(entry);
            RedoLog.CommitWord(_map, _undo.GenerationField, _undo.NextGeneration);
            _undo.Retired(keepFirstExtension: true);
        }

        if (_actionCount > 0)
        {
            _store.Heap.Cancel(_actions.AsSpan(0, _actionCount));
            _actionCount = 0;
        }

        ReleaseLocks();
        Stage = TransactionStage.OnAbort;
        End();
    }

    private void End()
    {
        _ranges.Clear();
        try
        {
            if (_callbacks.Count > 0)
            {
                Notify(Stage);
                Stage = TransactionStage.Finally;
                Notify(TransactionStage.Finally);
            }
        }
        finally
        {
            _callbacks.Clear();
            UserData = null;
            _cause = null;
            _aborted = false;
            Stage = TransactionStage.None;
            Depth = 0;
            _store.ExitLane();
        }
    }

    private void Notify(TransactionStage stage)
    {
        for (int i = 0; i < _callbacks.Count; i++)
            _callbacks[i](stage);
    }
}
