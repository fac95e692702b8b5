using System.Collections.Concurrent;
using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting.Oracles;

/// <summary>
/// What must hold after a crash: recovery does not throw; invariants; the state is that of the acknowledged operations, with the unfinished one
/// applied or not; recovering twice gives what recovering once gave; life goes on; nothing leaks; a crash of recovery changes none of that.
/// </summary>
internal sealed class CrashOracle<T>(Func<PersistentMap, T> open)
{
    private readonly List<object?> _observed = [];
    private readonly ConcurrentDictionary<object, byte> _states = new();
    private string[] _steps = [];
    private int _images;

    public Func<T, object?>? Observe { get; set; }

    public Action<T>? Check { get; set; }

    public Action<T>? Then { get; set; }

    public Func<T, IEnumerable<long>>? Allocated { get; set; }

    public Func<T, IEnumerable<long>>? Reachable { get; set; }

    public int RecoveryImages { get; set; }

    public int RecoveryEvery { get; set; } = 1;

    public int PoisonPlaces { get; set; }

    public Action<T, long, long>? PoisonRest { get; set; }

    /// <summary>Recovers.</summary>
    public T Open(PersistentMap map) => open(map);

    /// <summary>Different states that recoveries ended in.</summary>
    public int States => _states.Count;

    public void BeginObservation(T subject, string[] steps)
    {
        _steps = steps;
        _observed.Clear();
        AddObservation(subject);
    }

    public void AddObservation(T subject)
    {
        if (Observe is not null)
            _observed.Add(Observe(subject));
    }

    /// <summary>Judges an image; throws when anything does not hold.</summary>
    public void Judge(CrashState state)
    {
        int number = Interlocked.Increment(ref _images);
        JudgeRecovery(state, state.Crash);
        if (RecoveryImages > 0 && number % RecoveryEvery == 0)
            CrashRecovery(state);
    }

    /// <summary>The first bad line that recovery does not stand, or null.</summary>
    public CrashFailure? FindPoisonFailure(Trace trace, int seed, CancellationToken cancellation)
    {
        var complete = new CrashImage(trace.Events.Count, [], [], IsPowerLoss: false);
        const int Line = Model.PersistencyModel.LineSize;
        List<long> candidates = [];
        byte[] image = trace.ImageAfter(trace.Events.Count);
        for (int at = 0; at < image.Length; at += Line)
        {
            if (image.AsSpan(at, Math.Min(Line, image.Length - at)).ContainsAnyExcept((byte)0))
                candidates.Add(at);
        }

        var random = new SeededRandom((ulong)(uint)seed);
        CrashFailure? failure = null;
        foreach (int index in random.Shuffle(candidates.Count).Take(PoisonPlaces))
        {
            cancellation.ThrowIfCancellationRequested();
            long bad = candidates[index];
            failure = CrashExplorer.Replay(trace, complete, state => JudgePoison(state, bad, Line));
            if (failure is not null)
                break;
        }

        return failure;
    }

    private void JudgePoison(CrashState state, long offset, long length)
    {
        var poison = new PoisonedRange(offset, Math.Min(length, state.Map.Length - offset));
        PersistentMap map = state.Map;
        map.Observe(poison);
        try
        {
            T subject = open(map);
            PoisonRest?.Invoke(subject, offset, poison.Length);
        }
        catch (PmemException) when (!poison.WasFatal)
        {
            // The documented answer.
        }
        catch (Exception e)
        {
            throw poison.WasFatal ? Fatal(offset, e) : new CrashTestException($"bad media at 0x{offset:x}: expected success or a PmemException, got {e.GetType().Name}: {e.Message}", e);
        }
        finally
        {
            if (map.Length > 0)
                map.Observe(null);
        }

        if (poison.WasFatal)
            throw Fatal(offset, null);
    }

    private static CrashTestException Fatal(long offset, Exception? inner) =>
        new($"bad media at 0x{offset:x} was read without a check: on hardware that kills the process; use TryRead or CheckedRead", inner);

    private void JudgeRecovery(CrashState state, CrashImage crash)
    {
        T subject = open(state.Map);
        Demand(subject, crash, "after recovery");
        if (Observe is null && Then is null)
            return;
        object? before = Observe?.Invoke(subject);
        if (before is not null)
            _states.TryAdd(before, 0);

        // The process dies right behind recovery: recovering again changes nothing.
        subject = open(state.Map);
        if (Observe is not null && Observe(subject) is var again && !Equals(before, again))
            throw new CrashTestException($"recovering a second time changed the state from {Show(before)} to {Show(again)}");
        if (Then is null)
            return;
        Then(subject);
        subject = open(state.Map);
        Check?.Invoke(subject);
        DemandNoLeaks(subject, "after life went on");
    }

    private void Demand(T subject, CrashImage crash, string when)
    {
        Check?.Invoke(subject);
        if (Observe is not null)
        {
            object? now = Observe(subject);
            int acknowledged = crash.OperationsAcknowledged;
            object? expected = _observed[Math.Min(acknowledged, _observed.Count - 1)];
            bool unfinished = crash.OperationsBegun > acknowledged && acknowledged + 1 < _observed.Count;
            if (!Equals(now, expected) && !(unfinished && Equals(now, _observed[acknowledged + 1])))
            {
                string also = unfinished ? $", or {Show(_observed[acknowledged + 1])} with '{_steps[acknowledged]}' applied" : string.Empty;
                throw new CrashTestException($"{when} the state is {Show(now)}; expected {Show(expected)} after {acknowledged} acknowledged operation(s){also}");
            }
        }

        DemandNoLeaks(subject, when);
    }

    private void DemandNoLeaks(T subject, string when)
    {
        if (Allocated is null || Reachable is null)
            return;
        var reachable = new HashSet<long>(Reachable(subject));
        foreach (long item in Allocated(subject))
        {
            if (!reachable.Contains(item))
                throw new CrashTestException($"{when} 0x{item:x} is allocated and nothing leads to it: it leaked");
        }
    }

    private void CrashRecovery(CrashState state)
    {
        const long SmallMap = 256 << 10;
        state.Reset();
        Trace trace;
        using (TraceRecorder recorder = state.Map.Length <= SmallMap ? new TraceRecorder(state.Map) : TraceRecorder.ReportedOnly(state.Map))
        {
            open(state.Map);
            trace = recorder.Stop();
        }

        if (!trace.Events.Any(e => e.Kind == TraceEventKind.Store))
            return;
        state.Reset();
        CrashImage outer = state.Crash;
        var options = new ExplorationOptions { ImagesPerPoint = RecoveryImages, ProcessKills = RecoveryImages > 8 };
        using var run = new ExplorationRun(trace, inner => JudgeRecovery(inner, outer), options, CancellationToken.None, state.Buffer);
        if (run.Execute().Failure is { } failure)
            throw new CrashTestException($"a crash of recovery, {failure.Image}: {failure.Cause.Message}", failure.Cause);
    }

    private static string Show(object? value) => value?.ToString() is { } text ? text.Length > 200 ? $"{text.AsSpan(0, 200)}…" : text : "nothing";
}
