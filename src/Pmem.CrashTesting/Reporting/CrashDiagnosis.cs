using System.Diagnostics;
using System.Globalization;
using System.Text;
using Pmem.CrashTesting.Exploration;
using Pmem.CrashTesting.Model;
using Pmem.CrashTesting.Traces;

namespace Pmem.CrashTesting.Reporting;

/// <summary>Tells the story of a failure: which stores were lost, which were there without them, and what should have kept them in order.</summary>
internal sealed class CrashDiagnosis
{
    private const int MaximumListed = 8;
    private const string KillAdvice = "Stores that belong together need a transaction, a log, or one 8-byte store that makes them count.";

    private readonly Trace _trace;
    private readonly Dictionary<long, PendingLine> _lines = [];

    private CrashDiagnosis(Trace trace, Shrinker.Result result)
    {
        _trace = trace;
        Image = result.Image;
        Cause = result.Cause;
        Passing = result.Passing;
        if (!Image.IsPowerLoss)
            return;
        var model = new PersistencyModel(trace.Initial, trace.Granularity, Image.Kind);
        for (int i = 0; i < Image.Point; i++)
            model.Apply(trace.Events[i]);
        foreach (PendingLine line in model.Pending)
            _lines[line.Offset] = line;
        Lost = FindEvents(result.Lost, survived: false);
        Early = [.. FindEvents([.. result.Early, .. result.Lost], survived: true).Where(e => !Lost.Contains(e))];
    }

    public CrashImage Image { get; }

    public Exception Cause { get; }

    /// <summary>The nearest image that passes, or null.</summary>
    public CrashImage? Passing { get; }

    /// <summary>Events whose stores are not there, or torn.</summary>
    public IReadOnlyList<(int Event, bool IsTorn)> Lost { get; } = [];

    /// <summary>Events whose stores are there, and would better not be without the lost ones.</summary>
    public IReadOnlyList<(int Event, bool IsTorn)> Early { get; } = [];

    public static CrashDiagnosis Create(Trace trace, CrashFailure failure, Action<CrashState>? check) => new(trace, Shrinker.Shrink(trace, failure, check));

    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Cause.GetType().Name}: {Cause.Message}\n");
        if (CauseLine() is { } line)
            text.Append(CultureInfo.InvariantCulture, $"  {line}\n");
        text.Append('\n');
        if (Image.IsPowerLoss)
            TellPowerLoss(text);
        else
            TellKill(text);
        return text.ToString();
    }

    /// <summary>The innermost call of the check, with its line: of the program if it has one whose source is here, or of the library that threw.</summary>
    public string? CauseLine()
    {
        StackFrame[] frames = [.. new StackTrace(Cause, fNeedFileInfo: true).GetFrames().Where(f => f.GetFileName() is not null && f.GetMethod()?.DeclaringType is { } type && !IsOurs(type.Assembly))];
        StackFrame? frame = frames.FirstOrDefault(f => File.Exists(f.GetFileName())) ?? frames.FirstOrDefault();
        return frame is null ? null : $"at {SourceLines.Name(frame.GetMethod()!)} in {frame.GetFileName()}:line {frame.GetFileLineNumber()}";
    }

    // What this library and the command throw says nothing about the program.
    private static bool IsOurs(System.Reflection.Assembly assembly) => assembly == typeof(CrashDiagnosis).Assembly || assembly.GetName().Name == "Pmem.Tool";

    private void TellKill(StringBuilder text)
    {
        text.Append("The process dies between two stores. What it stored before is there, what it would have stored is not:\n");
        Append(text, "done", Image.Point - 1, note: null);
        int next = Image.Point;
        while (next < _trace.Events.Count && _trace.Events[next].Kind != TraceEventKind.Store)
            next++;
        if (next < _trace.Events.Count)
            Append(text, "not done", next, note: null);
        text.Append("  ").Append(KillAdvice).Append('\n');
    }

    private void TellPowerLoss(StringBuilder text)
    {
        string when = Image.Point < _trace.Events.Count ? $"before event {Image.Point} ({_trace.Events[Image.Point]})" : "at the end";
        text.Append(CultureInfo.InvariantCulture, $"Power fails {when}{(Image.Kind == CrashKind.PowerLossWithoutAdr ? ", and ADR fails too" : string.Empty)}:\n");
        foreach ((int index, bool torn) in Lost.Take(MaximumListed))
            Append(text, torn ? "torn" : "lost", index, Status(index));
        if (Lost.Count > MaximumListed)
            text.Append(CultureInfo.InvariantCulture, $"            … and {Lost.Count - MaximumListed} more\n");
        foreach ((int index, bool torn) in Early.Take(MaximumListed))
            Append(text, torn ? "in part" : "there", index, note: null);
        if (Early.Count > MaximumListed)
            text.Append(CultureInfo.InvariantCulture, $"            … and {Early.Count - MaximumListed} more\n");
        text.Append("  ").Append(Advice()).Append('\n');
    }

    /// <summary>How to mend it, in a sentence or two.</summary>
    public string Advice()
    {
        if (!Image.IsPowerLoss)
            return KillAdvice;
        if (Lost.Count == 0)
            return "Nothing is lost that was stored before: recovery does not stand this state.";
        (int lost, bool torn) = Lost[0];
        if (torn)
            return "A store of more than 8 bytes can tear: store what must be whole with StoreUInt64, or guard it with a checksum or a log.";
        if (Early.Count == 0)
        {
            string acknowledged = Image.OperationsAcknowledged > 0 ? "It was acknowledged, so it must be durable: " : "Nothing stored later matters: ";
            return $"{acknowledged}flush and drain{At(lost)}.";
        }

        int early = Early.Max(e => e.Event);
        return early > lost
            ? $"These had to be ordered: make event {lost}{At(lost)} durable (Flush, then Drain) before event {early}{At(early)} is stored."
            : $"These belong together: event {early}{At(early)} must not count before event {lost}{At(lost)} is durable. Use a transaction, or a commit word stored last.";
    }

    private string At(int index) => _trace.Events[index].Source?.User is { } frame ? $" ({frame.Where})" : string.Empty;

    private void Append(StringBuilder text, string role, int index, string? note)
    {
        TraceEvent item = _trace.Events[index];
        text.Append(CultureInfo.InvariantCulture, $"  {role,-9} event {index}: {item}");
        if (note is not null)
            text.Append(CultureInfo.InvariantCulture, $"; {note}");
        text.Append('\n');
        if (item.Source is not { } source)
            return;
        foreach (SourceFrame frame in Telling(source))
            text.Append(CultureInfo.InvariantCulture, $"              {frame}\n");
    }

    /// <summary>The call that made the event, and then the program's own; what libraries do in between matters to few.</summary>
    private static IEnumerable<SourceFrame> Telling(SourceStack source)
    {
        int user = Math.Max(0, source.Frames.ToList().FindIndex(f => !f.IsLibrary));
        return source.Frames.Take(Math.Min(user, 1)).Concat(source.Frames.Skip(user).Where(f => f.File is not null || f == source.User).Take(3));
    }

    /// <summary>Why a store was not guaranteed.</summary>
    public string Status(int index)
    {
        TraceEvent store = _trace.Events[index];
        if (Image.Kind == CrashKind.PowerLossWithoutAdr)
            return "not deep-flushed";
        int flush = -1;
        for (int i = index + 1; i < _trace.Events.Count; i++)
        {
            TraceEvent item = _trace.Events[i];
            bool covers = item.Kind is TraceEventKind.Flush or TraceEventKind.DeepFlush && item.Offset < store.Offset + store.Length && store.Offset < item.Offset + item.Length + 63;
            if (covers && flush < 0)
                flush = i;
            if (item.Kind == TraceEventKind.Fence && (store.Store == Tracing.StoreKind.NonTemporal ? item.Thread == store.Thread : flush >= 0 && item.Thread == _trace.Events[flush].Thread))
            {
                return store.Store == Tracing.StoreKind.NonTemporal
                    ? $"fenced by event {i}{At(i)}, which came too late"
                    : $"flushed by event {flush}{At(flush)}, fenced by event {i}{At(i)}: {(flush < Image.Point ? "the fence" : "the flush")} came too late";
            }
        }

        return store.Store == Tracing.StoreKind.NonTemporal ? "never fenced" : flush < 0 ? "never flushed" : $"flushed by event {flush}{At(flush)}, never fenced by that thread";
    }

    private List<(int Event, bool IsTorn)> FindEvents(IReadOnlyList<long> lines, bool survived)
    {
        var found = new SortedDictionary<int, bool>();
        foreach (long offset in lines)
        {
            if (!_lines.TryGetValue(offset, out PendingLine? line))
                continue;
            long choice = Image.Choices.FirstOrDefault(c => c.Line == offset).Choice;
            foreach ((int index, bool? there) in line.Survivors(choice))
            {
                if (there is null || there == survived)
                    found[index] = there is null;
            }
        }

        // Of many stores to the lines, the first lost and the last survivor of each tell the story; keep all, in order.
        return [.. found.Select(f => (f.Key, f.Value))];
    }
}
