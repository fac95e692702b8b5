using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Linting;

/// <summary>
/// Finds, in one pass over a trace and without trying any image, what is likely wrong: stores that are not durable when they are acknowledged,
/// flushes and fences that do nothing, commit words that come too early or can tear, stores that a transaction does not cover.
/// </summary>
public static class TraceLinter
{
    /// <summary>Checks a trace; findings of one rule at one place of the program are counted, not repeated.</summary>
    public static IReadOnlyList<LintFinding> Lint(Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var pass = new LintPass(trace);
        return pass.Run();
    }
}

/// <summary>One pass over a trace.</summary>
internal sealed class LintPass(Trace trace)
{
    private const int LineSize = PersistencyModel.LineSize;
    private const int PageSize = 4096;

    private readonly Dictionary<long, List<PendingStore>> _lines = [];
    private readonly Dictionary<int, HashSet<PendingStore>> _waiting = [];
    private readonly Dictionary<int, ThreadState> _threads = [];
    private readonly Dictionary<long, int> _flushers = [];
    private readonly Dictionary<long, List<(long Start, long End)>> _commitWords = [];
    private readonly LintFindings _findings = new();
    private readonly HashSet<long> _synchronised = [];
    private int _openOperations;
    private bool _hasOperations;

    public IReadOnlyList<LintFinding> Run()
    {
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            ThreadState thread = ThreadOf(item.Thread);
            switch (item.Kind)
            {
                case TraceEventKind.Store:
                    OnStore(i, item, thread);
                    break;
                case TraceEventKind.Flush:
                    OnFlush(i, item, thread);
                    break;
                case TraceEventKind.Fence:
                    OnFence(i, item, thread);
                    break;
                case TraceEventKind.DeepFlush:
                    Remove(item, trace.Granularity == StoreGranularity.Page ? PageSize : LineSize);
                    Complete(item.Thread);
                    break;
                case TraceEventKind.Note:
                    OnNote(i, item, thread);
                    break;
            }
        }

        if (!_hasOperations)
            DemandDurable(_lines.Values.SelectMany(stores => stores));
        return _findings.ToList();
    }

    private ThreadState ThreadOf(int thread)
    {
        if (!_threads.TryGetValue(thread, out ThreadState? state))
            _threads[thread] = state = new ThreadState(thread);
        return state;
    }

    private void OnStore(int index, TraceEvent item, ThreadState thread)
    {
        if (item.Store == StoreKind.ReadModifyWrite)
            Complete(item.Thread);
        CheckCommitWord(index, item, thread);
        if (item.IsRaw && thread.IsInTransaction && !thread.Covers(item.Offset, item.Offset + item.Length))
            Report(LintRule.OutsideTransaction, index, item, thread, $"{item.Length} bytes at 0x{item.Offset:x}, stored directly before this call");
        bool nonTemporal = item.Store == StoreKind.NonTemporal;
        long end = item.Offset + item.Length;
        for (long line = item.Offset & -LineSize; line < end; line += LineSize)
        {
            var store = new PendingStore(index, item, Math.Max(item.Offset, line), Math.Min(end, line + LineSize), nonTemporal, thread);
            if (!_lines.TryGetValue(line, out List<PendingStore>? stores))
                _lines[line] = stores = [];
            foreach (PendingStore earlier in stores)
                CheckOverlap(index, item, thread, store, earlier);
            stores.RemoveAll(s => s.IsGone);
            stores.Add(store);
            thread.Add(store);
            if (nonTemporal || trace.Granularity == StoreGranularity.Byte)
                WaitingOf(item.Thread).Add(store);
        }
    }

    private void CheckOverlap(int index, TraceEvent item, ThreadState thread, PendingStore store, PendingStore earlier)
    {
        if (earlier.Start >= store.End || store.Start >= earlier.End)
            return;
        bool isReplaced = earlier.Thread == thread && earlier.Start >= store.Start && earlier.End <= store.End;
        if (earlier.IsNonTemporal != store.IsNonTemporal)
        {
            // What is replaced need not become durable any more; on the way there is room for surprises all the same.
            earlier.IsGone |= isReplaced;
            Report(LintRule.MixedNonTemporal, index, item, thread, $"0x{Math.Max(earlier.Start, store.Start):x}, also stored by event {earlier.Index}{At(earlier.Item)}");
            return;
        }

        if (!earlier.IsFlushed && !store.IsNonTemporal && !earlier.Item.IsRaw && !item.IsRaw && isReplaced)
        {
            if (earlier.Index >= thread.OperationStart && trace.Granularity != StoreGranularity.Byte)
                Report(LintRule.Overwritten, earlier.Index, earlier.Item, thread, $"{earlier.End - earlier.Start} bytes at 0x{earlier.Start:x}, by event {index}{At(item)}");
            earlier.IsGone = true; // the new store takes its place: one finding for both is enough
        }
    }

    private void CheckCommitWord(int index, TraceEvent item, ThreadState thread)
    {
        if (_commitWords.Count == 0)
            return;
        long end = item.Offset + item.Length;
        for (long line = item.Offset & -LineSize; line < end; line += LineSize)
        {
            if (!_commitWords.TryGetValue(line, out List<(long Start, long End)>? words))
                continue;
            foreach ((long start, long wordEnd) in words)
            {
                if (item.Offset < wordEnd && end > start)
                    CheckCommitWord(index, item, thread, start);
            }
        }
    }

    private void CheckCommitWord(int index, TraceEvent item, ThreadState thread, long start)
    {
        bool isOneWord = item.Length <= 8 && item.Offset / 8 == (item.Offset + item.Length - 1) / 8 && item.Store != StoreKind.Bulk;
        if (!isOneWord)
            Report(LintRule.TornCommit, index, item, thread, $"{item.Length} bytes at 0x{item.Offset:x}");
        thread.Stores.RemoveAll(s => s.IsGone);
        foreach (PendingStore pending in thread.Stores)
        {
            // Ordinary stores of one line become durable in order.
            bool isOrdered = (pending.Start & -LineSize) == (start & -LineSize) && item.Store != StoreKind.NonTemporal;
            if (isOrdered || IsCommitWord(pending) || !IsPending(pending))
                continue;
            string state = pending.IsFlushed ? "flushed but not fenced" : "not flushed";
            Report(LintRule.EarlyCommit, index, item, thread, $"0x{start:x}; 0x{pending.Start:x}, stored by event {pending.Index}{At(pending.Item)}, is {state}");
            return;
        }
    }

    private void AddCommitWord(long start, long end)
    {
        for (long line = start & -LineSize; line < end; line += LineSize)
        {
            if (!_commitWords.TryGetValue(line, out List<(long Start, long End)>? words))
                _commitWords[line] = words = [];
            if (!words.Contains((start, end)))
                words.Add((start, end));
        }
    }

    private bool IsPending(PendingStore store) => !store.IsGone && !(trace.Granularity == StoreGranularity.Byte && !store.IsNonTemporal);

    private bool IsCommitWord(PendingStore store) =>
        _commitWords.TryGetValue(store.Start & -LineSize, out List<(long Start, long End)>? words) && words.Exists(w => store.Start < w.End && w.Start < store.End);

    private void OnFlush(int index, TraceEvent item, ThreadState thread)
    {
        if (item.Offset < 0 || item.Offset + item.Length > trace.Initial.Length)
        {
            Report(LintRule.NotPersistent, index, item, thread, $"0x{item.Offset:x}+{item.Length}, in a map of {trace.Initial.Length} bytes");
            return;
        }

        if (trace.Granularity == StoreGranularity.Byte)
            return; // costs nothing there, and is right elsewhere
        if (trace.Granularity == StoreGranularity.Page)
        {
            // Lines of the same pages became durable along with those that were asked for: flushing them too is no mistake.
            bool isAlong = Lines(item, LineSize).Any(_synchronised.Remove);
            foreach (long line in Lines(item, PageSize))
            {
                if (_lines.ContainsKey(line) && (line + LineSize <= item.Offset || line >= item.Offset + item.Length))
                    _synchronised.Add(line);
            }

            if (!Remove(item, PageSize) && !isAlong)
                Report(LintRule.UnnecessaryFlush, index, item, thread, $"0x{item.Offset:x}+{item.Length}");
            return;
        }

        int useful = 0;
        int again = 0;
        int count = 0;
        bool isHelped = false;
        for (long line = item.Offset & -LineSize; line < item.Offset + item.Length; line += LineSize)
        {
            count++;
            isHelped |= _flushers.TryGetValue(line, out int flusher) && flusher != item.Thread;
            _flushers[line] = item.Thread;
            if (!_lines.TryGetValue(line, out List<PendingStore>? stores))
                continue;
            bool fresh = false;
            bool flushed = false;
            foreach (PendingStore store in stores)
            {
                if (store.IsNonTemporal)
                    continue;
                flushed |= store.IsFlushed;
                fresh |= !store.IsFlushed;
                store.Flush(index, item.Thread);
                WaitingOf(item.Thread).Add(store);
            }

            useful += fresh ? 1 : 0;
            again += !fresh && flushed ? 1 : 0;
        }

        if (item.Flush == FlushKind.Ordered)
            Remove(item, LineSize);
        if (useful > 0 || isHelped)
            return; // that another thread was faster with the flush is nothing that this one can know
        Report(again > 0 ? LintRule.RedundantFlush : LintRule.UnnecessaryFlush, index, item, thread, $"{count} line(s) from 0x{item.Offset & -LineSize:x}");
    }

    private void OnFence(int index, TraceEvent item, ThreadState thread)
    {
        if (item.Fence == FenceKind.Load)
        {
            if (_waiting.TryGetValue(item.Thread, out HashSet<PendingStore>? waiting) && waiting.Count > 0)
                Report(LintRule.WrongFence, index, item, thread, $"{waiting.Count} store(s) stay as they are");
            return;
        }

        if (!Complete(item.Thread) && trace.Granularity == StoreGranularity.CacheLine)
            Report(LintRule.RedundantFence, index, item, thread, "no flush and no non-temporal store of this thread since its last fence");
    }

    private void OnNote(int index, TraceEvent item, ThreadState thread)
    {
        switch (item.Note)
        {
            case TraceNote.OperationBegin:
                _hasOperations = true;
                _openOperations++;
                thread.BeginOperation(index);
                break;
            case TraceNote.OperationEnd:
                _openOperations--;
                EndOperation(thread);
                break;
            case TraceNote.CommitWord:
                AddCommitWord(item.Offset, item.Offset + item.Length);
                break;
            case TraceNote.TransactionBegin:
                thread.BeginTransaction();
                break;
            case TraceNote.TransactionAdd:
                AddRange(index, item, thread);
                break;
            case TraceNote.Allocate:
                if (thread.IsInTransaction)
                    thread.Ranges.Add((item.Offset, item.Offset + item.Length));
                break;
            case TraceNote.TransactionCommit or TraceNote.TransactionAbort:
                thread.EndTransaction();
                break;
            case TraceNote.AcceptBegin:
                thread.Accepted.Push(item.Name ?? string.Empty);
                break;
            case TraceNote.AcceptEnd:
                thread.Accepted.TryPop(out _);
                break;
        }
    }

    private void AddRange(int index, TraceEvent item, ThreadState thread)
    {
        long end = item.Offset + item.Length;
        if (item.Length > 0 && thread.Covers(item.Offset, end))
            Report(LintRule.AddedTwice, index, item, thread, $"0x{item.Offset:x}+{item.Length}");
        foreach (ThreadState other in _threads.Values)
        {
            if (other != thread && other.IsInTransaction && other.Ranges.Exists(r => r.Start < end && item.Offset < r.End))
            {
                LintRule both = LintRule.AddedTwice with { Severity = LintSeverity.Error, Title = "range is part of another thread's open transaction" };
                Report(both, index, item, thread, $"0x{item.Offset:x}+{item.Length}");
            }
        }

        thread.Ranges.Add((item.Offset, end));
    }

    private void EndOperation(ThreadState thread)
    {
        DemandDurable(thread.Stores);
        if (_openOperations != 0)
            return; // it is not known for which of the operations that run the others work
        foreach (ThreadState other in _threads.Values)
        {
            if (other.HasOperations)
                continue;
            DemandDurable(other.Stores.Where(s => s.Index >= thread.OperationStart));
            other.Stores.Clear();
        }
    }

    /// <summary>Reports what an acknowledged operation left behind that a power failure can take away.</summary>
    private void DemandDurable(IEnumerable<PendingStore> stores)
    {
        foreach (PendingStore store in stores)
        {
            if (store.IsGone || store.IsReported)
                continue;
            store.IsReported = true;
            bool fenceOnly = store.IsFlushed || store.IsNonTemporal || trace.Granularity == StoreGranularity.Byte;
            string detail = $"{store.End - store.Start} bytes at 0x{store.Start:x}" + (store.IsFlushed ? $", flushed by event {store.FlushIndex}{At(trace.Events[store.FlushIndex])}" : string.Empty);
            _findings.Add(fenceOnly ? LintRule.MissingFence : LintRule.MissingFlush, store.Index, store.Item, detail, store.Accepted);
        }
    }

    private static IEnumerable<long> Lines(TraceEvent item, int unit)
    {
        long end = (item.Offset + item.Length + unit - 1) & -unit;
        for (long line = item.Offset & -unit; line < end; line += LineSize)
            yield return line;
    }

    private bool Remove(TraceEvent item, int unit)
    {
        bool any = false;
        long end = (item.Offset + item.Length + unit - 1) & -unit;
        for (long line = item.Offset & -unit; line < end; line += LineSize)
        {
            if (_lines.Remove(line, out List<PendingStore>? stores))
            {
                any = true;
                foreach (PendingStore store in stores)
                    store.IsGone = true;
            }
        }

        return any;
    }

    private bool Complete(int thread)
    {
        if (!_waiting.TryGetValue(thread, out HashSet<PendingStore>? waiting) || waiting.Count == 0)
            return false;
        bool any = false;
        foreach (PendingStore store in waiting)
        {
            any |= !store.IsGone;
            store.IsGone = true;
            long line = store.Start & -LineSize;
            if (_lines.TryGetValue(line, out List<PendingStore>? stores))
            {
                stores.Remove(store);
                if (stores.Count == 0)
                    _lines.Remove(line);
            }
        }

        waiting.Clear();
        return any;
    }

    private HashSet<PendingStore> WaitingOf(int thread)
    {
        if (!_waiting.TryGetValue(thread, out HashSet<PendingStore>? waiting))
            _waiting[thread] = waiting = [];
        return waiting;
    }

    private void Report(LintRule rule, int index, TraceEvent item, ThreadState thread, string detail) =>
        _findings.Add(rule, index, item, detail, thread.Accepted.ToArray());

    private static string At(TraceEvent item) => item.Source?.User is { } frame ? $" at {frame.Where}" : string.Empty;
}
