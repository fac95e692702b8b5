using Pmem.CrashTesting.Model;

namespace Pmem.CrashTesting.Reporting;

/// <summary>What the crash made of a store.</summary>
internal enum StoreOutcome
{
    /// <summary>Guaranteed before the crash.</summary>
    Durable,

    /// <summary>Not guaranteed, and there.</summary>
    There,

    /// <summary>Not guaranteed, and not there.</summary>
    Lost,

    /// <summary>There in part.</summary>
    Torn,

    /// <summary>The crash came before it.</summary>
    NotReached,

    /// <summary>Nothing crashed, and nothing guarantees it at the end.</summary>
    Pending,
}

/// <summary>For each store of a trace, what became of it: which event guaranteed it, and whether the failing image has it.</summary>
internal sealed class TimeLine
{
    private const int LineSize = PersistencyModel.LineSize;
    private const int MaximumLines = 24;
    private const int EnoughLines = 4;

    private readonly Trace _trace;
    private readonly CrashImage? _image;
    private readonly int[] _guaranteedBy;
    private readonly StoreOutcome[] _outcomes;
    private readonly byte[] _memory;
    private readonly PersistencyModel _model;

    // Of each line, the stores that nothing guarantees yet; of each store, the lines it is not guaranteed in.
    private readonly Dictionary<long, List<int>> _pending = [];
    private readonly int[] _open;

    private TimeLine(Trace trace, CrashImage? image)
    {
        _trace = trace;
        _image = image;
        _guaranteedBy = new int[trace.Events.Count];
        _open = new int[trace.Events.Count];
        _outcomes = new StoreOutcome[trace.Events.Count];
        _memory = [.. trace.Initial];
        CrashKind kind = image is { Kind: CrashKind.PowerLossWithoutAdr } ? CrashKind.PowerLossWithoutAdr : CrashKind.PowerLoss;
        _model = new PersistencyModel(_memory.Length, (line, content) => _memory.AsSpan((int)line, content.Length).CopyTo(content), trace.Granularity, kind);
    }

    /// <summary>Events before the crash; all of them when nothing crashed.</summary>
    public int Point => _image?.Point ?? _trace.Events.Count;

    /// <summary>Cache lines that tell the story, by offset.</summary>
    public IReadOnlyList<long> Lines { get; private set; } = [];

    /// <param name="trace">What was recorded.</param>
    /// <param name="diagnosis">The failure, or null.</param>
    /// <param name="changedLines">Lines in which the failing image differs from a passing one.</param>
    public static TimeLine Create(Trace trace, CrashDiagnosis? diagnosis, IReadOnlyList<long> changedLines)
    {
        var line = new TimeLine(trace, diagnosis?.Image);
        line.Walk();
        line.ChooseLines(diagnosis, changedLines);
        return line;
    }

    /// <summary>The event that guaranteed a store, or -1.</summary>
    public int GuaranteedBy(int store) => _guaranteedBy[store];

    public StoreOutcome OutcomeOf(int store) => _outcomes[store];

    private static IEnumerable<long> LinesOf(TraceEvent item)
    {
        for (long line = item.Offset & -LineSize; line < item.Offset + item.Length; line += LineSize)
            yield return line;
    }

    private void Walk()
    {
        Array.Fill(_guaranteedBy, -1);
        for (int i = 0; i < _trace.Events.Count; i++)
        {
            if (i == Point)
                JudgePending();
            TraceEvent item = _trace.Events[i];
            if (item.Kind == TraceEventKind.Store)
            {
                _outcomes[i] = i >= Point ? StoreOutcome.NotReached : _image is null ? StoreOutcome.Pending : StoreOutcome.There;
                foreach (long line in LinesOf(item))
                {
                    if (!_pending.TryGetValue(line, out List<int>? stores))
                        _pending[line] = stores = [];
                    stores.Add(i);
                    _open[i]++;
                }
            }

            _model.Apply(item);
            Settle(i);
        }

        if (Point == _trace.Events.Count)
            JudgePending();
    }

    /// <summary>Notes which stores an event guaranteed.</summary>
    private void Settle(int index)
    {
        foreach ((long line, byte[] content) in _model.Changes)
        {
            content.AsSpan(0, (int)Math.Min(content.Length, _memory.Length - line)).CopyTo(_memory.AsSpan((int)line));
            if (!_pending.TryGetValue(line, out List<int>? stores))
                continue;
            HashSet<int> still = [.. _model.Find(line)?.PendingEvents ?? []];
            foreach (int store in stores)
            {
                if (still.Contains(store) || --_open[store] > 0)
                    continue;
                _guaranteedBy[store] = index;
                if (store < Point && index < Point)
                    _outcomes[store] = StoreOutcome.Durable;
            }

            stores.RemoveAll(s => !still.Contains(s));
        }

        _model.ForgetChanges();
    }

    /// <summary>Power fails here: of what is pending, the image says what survived.</summary>
    private void JudgePending()
    {
        if (_image is not { IsPowerLoss: true })
            return;
        var choices = _image.Choices.ToDictionary(c => c.Line, c => c.Choice);
        var survived = new Dictionary<int, bool?>();
        foreach (PendingLine line in _model.Pending)
        {
            foreach ((int store, bool? there) in line.Survivors(choices.GetValueOrDefault(line.Offset)))
                survived[store] = survived.TryGetValue(store, out bool? other) && other != there ? null : there;
        }

        foreach ((int store, bool? there) in survived)
            _outcomes[store] = there switch { null => StoreOutcome.Torn, true => StoreOutcome.There, false => StoreOutcome.Lost };
    }

    private void ChooseLines(CrashDiagnosis? diagnosis, IReadOnlyList<long> changedLines)
    {
        var lines = new SortedSet<long>();
        if (diagnosis is not null)
        {
            foreach ((int index, _) in diagnosis.Lost.Concat(diagnosis.Early))
                Add(lines, index);
        }

        foreach (long line in changedLines.Take(MaximumLines - Math.Min(MaximumLines, lines.Count)))
            lines.Add(line);

        // Too few to tell a story: what was stored last, too.
        for (int i = Math.Min(Point, _trace.Events.Count) - 1; i >= 0 && lines.Count < EnoughLines; i--)
        {
            if (_trace.Events[i].Kind == TraceEventKind.Store)
                Add(lines, i);
        }

        Lines = [.. lines];
    }

    private void Add(SortedSet<long> lines, int index)
    {
        foreach (long line in LinesOf(_trace.Events[index]))
        {
            if (lines.Count >= MaximumLines)
                return;
            lines.Add(line);
        }
    }
}
