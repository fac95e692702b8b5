using Pmem.Objects.Logs;
using Pmem.Tracing;

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
        PmemException? late = MakeDurable();
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Note(_map, TraceNote.TransactionCommit);
        ReleaseLocks();
        Stage = TransactionStage.OnCommit;
        End();
        if (late is not null)
            throw late;
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

    /// <summary>
    /// Passes the commit point. What throws before it leaves the transaction open, to be aborted. What fails behind it, while space is tidied
    /// up, is returned: the transaction is committed all the same, and the store takes no more operations.
    /// </summary>
    private PmemException? MakeDurable()
    {
        RedoLog redo = _lane.External;
        try
        {
            if (_actionCount > 0)
            {
                // Again, because an atomic operation inside the transaction gives the log's extensions back.
                redo.Reserve(_actionCount + 1);
                if (_undo.IsUsed)
                    redo.Set(_undo.GenerationField, _undo.NextGeneration);
                _committing = true;
                _store.Heap.Publish(redo, _actions.AsSpan(0, _actionCount));
                _actionCount = 0;
            }
            else if (_undo.IsUsed)
            {
                RedoLog.CommitWord(_map, _undo.GenerationField, _undo.NextGeneration);
                _committing = true;
            }
            else
            {
                _map.Drain();
            }

            if (_undo.IsUsed)
                _undo.Retired(keepFirstExtension: true);
            return null;
        }
        catch (PmemException e) when (_committing && redo.Count == 0)
        {
            // The log is empty: the commit point was passed.
            _actionCount = 0;
            _store.MarkBroken(e);
            return e;
        }
        catch (PmemException e)
        {
            redo.Clear();
            throw Fail(e);
        }
        finally
        {
            _committing = false;
        }
    }

    private void RollBack()
    {
        try
        {
            if (_undo.IsUsed)
            {
                foreach (UndoEntryView entry in new UndoReader(_map, _undo.LogOffset, _store.Bounds))
                    RestoreAroundLocks(entry);
                RedoLog.CommitWord(_map, _undo.GenerationField, _undo.NextGeneration);
                _undo.Retired(keepFirstExtension: true);
            }

            if (_actionCount > 0)
                _store.Heap.Cancel(_actions.AsSpan(0, _actionCount));
        }
        catch (PmemException e)
        {
            // The undo log still has everything: the next open restores it.
            _store.MarkBroken(e);
            throw;
        }
        finally
        {
            _actionCount = 0;
            if (PersistenceTrace.IsEnabled)
                PersistenceTrace.Note(_map, TraceNote.TransactionAbort);
            ReleaseLocks();
            Stage = TransactionStage.OnAbort;
            End();
        }
    }

    /// <summary>Aborts whatever is open, because the store is being closed.</summary>
    public void Close()
    {
        _aborted = true;
        Depth = 1;
        RollBack();
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
