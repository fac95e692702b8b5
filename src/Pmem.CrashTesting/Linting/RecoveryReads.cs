using Pmem.CrashTesting.Exploration;
using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Linting;

/// <summary>
/// Watches what recovery reads at some crash points of a trace: data that a crash could have left with more than one value, and allocated
/// memory that was never written. Neither is wrong as such (a commit word is read to find out which value it has), so the findings are
/// places to think about.
/// </summary>
internal static class RecoveryReads
{
    private const int MaximumPoints = 48;

    public static IReadOnlyList<LintFinding> Lint(Trace trace, Action<PersistentMap> recover)
    {
        var points = new List<int>();
        var model = new PersistencyModel(long.MaxValue, static (_, content) => content.Clear(), trace.Granularity, CrashKind.PowerLoss);
        for (int i = 0; i < trace.Events.Count; i++)
        {
            if (model.Folds(trace.Events[i]))
                points.Add(i);
            model.Apply(trace.Events[i]);
        }

        points.Add(trace.Events.Count);
        int step = Math.Max(1, points.Count / MaximumPoints);
        var findings = new LintFindings();
        using var walker = new ImageWalker(trace, CrashKind.PowerLoss);
        var stacks = new Dictionary<SourceStack.StackKey, SourceStack>();
        for (int i = 0; i < points.Count; i += step)
        {
            walker.MoveTo(points[i]);
            foreach (bool everything in (bool[])[false, true])
            {
                walker.ChooseAll(everything);
                walker.Buffer.Reset();
                Watch(trace, walker, recover, findings, stacks);
            }
        }

        return findings.ToList();
    }

    private static void Watch(Trace trace, ImageWalker walker, Action<PersistentMap> recover, LintFindings findings, Dictionary<SourceStack.StackKey, SourceStack> stacks)
    {
        PersistentMap map = walker.Buffer.Map;
        map.Observe(new Observer(trace, walker, findings, stacks));
        try
        {
            recover(map);
        }
        catch (Exception)
        {
            // Whether recovery works is for the exploration to say; here only its reads count.
        }
        finally
        {
            if (map.Length > 0)
                map.Observe(null);
        }
    }

    private sealed class Observer : IMapObserver
    {
        private readonly ImageWalker _walker;
        private readonly LintFindings _findings;
        private readonly Dictionary<SourceStack.StackKey, SourceStack> _stacks;
        private readonly List<(long Start, long End)> _commitWords = [];
        private readonly List<(long Start, long End)> _unwritten = [];
        private readonly HashSet<long> _written = [];

        public Observer(Trace trace, ImageWalker walker, LintFindings findings, Dictionary<SourceStack.StackKey, SourceStack> stacks)
        {
            _walker = walker;
            _findings = findings;
            _stacks = stacks;
            for (int i = 0; i < walker.Point; i++)
            {
                TraceEvent item = trace.Events[i];
                if (item is { Kind: TraceEventKind.Note, Note: TraceNote.CommitWord })
                    _commitWords.Add((item.Offset, item.Offset + item.Length));
                else if (item is { Kind: TraceEventKind.Note, Note: TraceNote.Allocate })
                    _unwritten.Add((item.Offset, item.Offset + item.Length));
                else if (item.Kind == TraceEventKind.Store)
                    Remove(_unwritten, item.Offset, item.Offset + item.Length);
            }
        }

        public bool OnRead(long offset, long length, bool survivesPoison)
        {
            for (int i = 0; i < _walker.Lines.Count; i++)
            {
                PendingLine line = _walker.Lines[i];
                long from = Math.Max(offset, line.Offset);
                long to = Math.Min(offset + length, line.Offset + line.Length);
                if (from >= to || line.Choices < 2 || _written.Contains(line.Offset) || _commitWords.Exists(w => w.Start <= from && w.End >= to) || !Differs(line, from, to))
                    continue;
                Report(LintRule.UndeterminedRead, from, to, $"0x{from:x}+{to - from} could have {line.Choices} contents");
            }

            foreach ((long start, long end) in _unwritten)
            {
                long from = Math.Max(offset, start);
                long to = Math.Min(offset + length, end);
                if (from < to)
                    Report(LintRule.UninitializedRead, from, to, $"0x{from:x}+{to - from}");
            }

            return true;
        }

        public void OnWrite(long offset, long length)
        {
            const int Line = PersistencyModel.LineSize;
            for (long at = (offset + Line - 1) & -Line; at + Line <= offset + length; at += Line)
                _written.Add(at);
            Remove(_unwritten, offset, offset + length);
        }

        private void Report(LintRule rule, long from, long to, string detail)
        {
            SourceStack stack = SourceStack.Capture(_stacks);
            var place = new TraceEvent(TraceEventKind.Note, 0, from, to - from, [], StoreKind.Ordered) { Source = stack };
            _findings.Add(rule, _walker.Point, place, detail, []);
        }

        private static bool Differs(PendingLine line, long from, long to)
        {
            int first = (int)(from - line.Offset);
            int length = (int)(to - from);
            const int Tried = 64;
            for (long choice = 1; choice < Math.Min(line.Choices, Tried); choice++)
            {
                if (!line.GetContent(choice).Slice(first, length).SequenceEqual(line.GetContent(0).Slice(first, length)))
                    return true;
            }

            return false;
        }

        private static void Remove(List<(long Start, long End)> ranges, long start, long end)
        {
            for (int i = ranges.Count - 1; i >= 0; i--)
            {
                (long from, long to) = ranges[i];
                if (from >= end || to <= start)
                    continue;
                ranges.RemoveAt(i);
                if (from < start)
                    ranges.Add((from, start));
                if (to > end)
                    ranges.Add((end, to));
            }
        }
    }
}
