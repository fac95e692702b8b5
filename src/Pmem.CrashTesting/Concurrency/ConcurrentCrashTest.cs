using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Pmem.CrashTesting.Exploration;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Concurrency;

/// <summary>
/// A crash test of operations that overlap: several threads work on one structure, the trace has their stores in the order in which they became
/// visible, and after each crash the recovered state must be explained by a sequential model (<see cref="DurableLinearizability"/>).
/// </summary>
/// <typeparam name="T">The structure.</typeparam>
/// <typeparam name="TState">The model's state; needs equality.</typeparam>
/// <typeparam name="TOperation">What can be asked for.</typeparam>
/// <typeparam name="TResult">What is answered; needs equality.</typeparam>
/// <remarks>Each round runs the threads again, with other pauses, so that they overlap in other ways; a failing round's trace is saved, which replays exactly.</remarks>
public sealed class ConcurrentCrashTest<T, TState, TOperation, TResult>
{
    private readonly Func<PersistentMap, T> _create;
    private readonly Func<PersistentMap, T> _open;
    private readonly Func<T, TOperation, TResult> _run;
    private readonly TState _initial;
    private readonly Func<TState, TOperation, (TState State, TResult Result)> _model;
    private readonly Func<T, TState> _observe;
    private readonly List<TOperation[]> _threads = [];

    /// <summary>Sets the test up.</summary>
    /// <param name="create">Makes the structure on zeroed memory.</param>
    /// <param name="open">Recovers it.</param>
    /// <param name="run">Does an operation; called from several threads at once.</param>
    /// <param name="initial">The model's state of a new structure.</param>
    /// <param name="model">The sequential model.</param>
    /// <param name="observe">The state of a recovered structure.</param>
    public ConcurrentCrashTest(
        Func<PersistentMap, T> create,
        Func<PersistentMap, T> open,
        Func<T, TOperation, TResult> run,
        TState initial,
        Func<TState, TOperation, (TState State, TResult Result)> model,
        Func<T, TState> observe)
    {
        _create = create;
        _open = open;
        _run = run;
        _initial = initial;
        _model = model;
        _observe = observe;
    }

    /// <summary>Bytes of memory.</summary>
    public long Size { get; init; } = CrashTest.DefaultSize;

    /// <summary>The persistence domain.</summary>
    public StoreGranularity Granularity { get; init; } = StoreGranularity.CacheLine;

    /// <summary>How often the threads run.</summary>
    public int Rounds { get; init; } = 8;

    /// <summary>Adds a thread that does these operations, one after the other.</summary>
    public ConcurrentCrashTest<T, TState, TOperation, TResult> Thread(params TOperation[] operations)
    {
        _threads.Add(operations);
        return this;
    }

    /// <summary>Runs all rounds; the report is that of the last, or of the first that failed.</summary>
    /// <param name="options">How far to explore; on all processors when null.</param>
    /// <param name="name">The test's name.</param>
    /// <param name="cancellation">Stops early.</param>
    public CrashReport Explore(ExplorationOptions? options = null, [CallerMemberName] string name = "", CancellationToken cancellation = default)
    {
        options ??= new ExplorationOptions { Parallelism = 0 };
        CrashReport? report = null;
        for (int round = 0; round < Rounds && report is not { Exploration.Failure: not null }; round++)
        {
            var random = new SeededRandom((ulong)((options.Seed * 1000L) + round));
            (Trace trace, HistoryOperation<TOperation, TResult>[] history) = Record(random);
            var known = new ConcurrentDictionary<(int Begun, int Ended, TState Recovered), bool>();
            void Check(CrashState state)
            {
                TState recovered = _observe(_open(state.Map));
                int point = state.Crash.Point;
                int begun = history.Count(o => o.Begin < point);
                int ended = history.Count(o => o.End < point);
                if (!known.GetOrAdd((begun, ended, recovered), _ => DurableLinearizability.IsExplained(_initial, Before(history, point), _model, recovered)))
                    throw new CrashTestException($"the recovered state {recovered} is that of no order of the {ended} ended and {begun - ended} unfinished operations:\n{Describe(history, point)}");
            }

            ExplorationResult result = CrashExplorer.Explore(trace, Check, options, cancellation);
            report = CrashReport.Create(name, trace, result, Check);
        }

        return report ?? throw new InvalidOperationException("Rounds is less than 1");
    }

    /// <summary>Runs all rounds and throws at the first that fails.</summary>
    /// <param name="options">How far to explore; on all processors when null.</param>
    /// <param name="name">The test's name.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="CrashTestException">A crash can leave a state that nothing explains, or a lint rule found an error.</exception>
    public CrashReport Run(ExplorationOptions? options = null, [CallerMemberName] string name = "", CancellationToken cancellation = default)
    {
        CrashReport report = Explore(options, name, cancellation);
        report.ThrowIfFailed();
        return report;
    }

    private (Trace Trace, HistoryOperation<TOperation, TResult>[] History) Record(SeededRandom random)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(Size, Granularity);
        T subject = _create(map);
        using var recorder = new TraceRecorder(map, captureStacks: true);
        using var start = new Barrier(_threads.Count);
        var results = new ConcurrentDictionary<int, TResult>();
        var failures = new ConcurrentQueue<Exception>();
        int number = 0;
        var threads = new List<Thread>();
        foreach (TOperation[] operations in _threads)
        {
            int first = number;
            number += operations.Length;
            long pauses = random.Below(long.MaxValue);
            var thread = new Thread(() =>
            {
                try
                {
                    start.SignalAndWait();
                    for (int i = 0; i < operations.Length; i++)
                    {
                        System.Threading.Thread.SpinWait((int)(pauses >> (i * 7 % 56)) & 0x7F);
                        PersistenceTrace.Note(map, TraceNote.OperationBegin, text: Text(first + i, operations[i]));
                        results[first + i] = _run(subject, operations[i]);
                        PersistenceTrace.Note(map, TraceNote.OperationEnd, text: Text(first + i, operations[i]));
                    }
                }
                catch (Exception e)
                {
                    failures.Enqueue(e);
                }
            });
            thread.Start();
            threads.Add(thread);
        }

        foreach (Thread thread in threads)
            thread.Join();
        if (failures.TryDequeue(out Exception? failure))
            throw new CrashTestException($"an operation failed without any crash: {failure.Message}", failure);
        Trace trace = recorder.Stop();
        return (trace, History(trace, [.. _threads.SelectMany(t => t)], results));
    }

    private static HistoryOperation<TOperation, TResult>[] History(Trace trace, TOperation[] operations, ConcurrentDictionary<int, TResult> results)
    {
        var history = new HistoryOperation<TOperation, TResult>[operations.Length];
        for (int i = 0; i < trace.Events.Count; i++)
        {
            TraceEvent item = trace.Events[i];
            if (item.Kind != TraceEventKind.Note || item.Note is not (TraceNote.OperationBegin or TraceNote.OperationEnd))
                continue;
            int number = int.Parse(item.Name.AsSpan(1, item.Name!.IndexOf(' ', StringComparison.Ordinal) - 1), CultureInfo.InvariantCulture);
            history[number] = item.Note == TraceNote.OperationBegin
                ? new HistoryOperation<TOperation, TResult>(operations[number], results[number], i, null)
                : history[number] with { End = i };
        }

        return history;
    }

    private static HistoryOperation<TOperation, TResult>[] Before(HistoryOperation<TOperation, TResult>[] history, int point) =>
        [.. history.Where(o => o.Begin < point).Select(o => o.End < point ? o : o with { End = null })];

    private static string Describe(HistoryOperation<TOperation, TResult>[] history, int point) =>
        string.Join('\n', Before(history, point).Select(o => o.End is null ? $"  {o.Operation} (unfinished)" : $"  {o.Operation} -> {o.Result}"));

    private static string Text(int number, TOperation operation) => string.Create(CultureInfo.InvariantCulture, $"#{number} {operation}");
}
