using Pmem.CrashTesting.Linting;
using Pmem.CrashTesting.Oracles;
using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>
/// A crash test of a <typeparamref name="T"/>: how it is made and recovered, what is done to it, and what must hold after any crash. Made by
/// <see cref="CrashTest.For{T}(Func{PersistentMap, T}, string)"/>.
/// </summary>
/// <remarks>
/// The workload runs once and is recorded. Then, for each image, recovery and the checks run on a map of their own; they must be
/// thread-safe as a whole unless <see cref="ExplorationOptions.Parallelism"/> is 1. A check that throws anything fails the test.
/// </remarks>
public sealed class CrashTest<T>
{
    private readonly Func<PersistentMap, T> _create;
    private readonly CrashOracle<T> _oracle;
    private readonly string _name;
    private readonly List<(string Name, Action<T> Body)> _steps = [];
    private readonly List<(long Offset, int Length)> _raw = [];
    private Action<T>? _prepare;
    private long _size = CrashTest.DefaultSize;
    private StoreGranularity _granularity = StoreGranularity.CacheLine;
    private bool _captureStacks = true;
    private LintSeverity _failing = LintSeverity.Error;
    private string? _replay;

    internal CrashTest(Func<PersistentMap, T> create, Func<PersistentMap, T> open, string name)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentNullException.ThrowIfNull(open);
        _create = create;
        _oracle = new CrashOracle<T>(open);
        _name = name;
    }

    /// <summary>What <see cref="Run"/> explores when nothing else is said: 512 images a point, process kills too, on all processors.</summary>
    public static ExplorationOptions DefaultOptions { get; } = new() { Parallelism = 0 };

    /// <summary>Size and persistence domain of the memory.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="granularity">Cache line for ADR, byte for eADR, page for ordinary files.</param>
    public CrashTest<T> OnMap(long size, StoreGranularity granularity = StoreGranularity.CacheLine)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        _size = size;
        _granularity = granularity;
        return this;
    }

    /// <summary>Names a range that the program writes through spans or references. Not needed for maps of up to 256 KiB, or ranges of transactions.</summary>
    public CrashTest<T> DirectStores(long offset, int length)
    {
        _raw.Add((offset, length));
        return this;
    }

    /// <summary>What happens before the workload: it is not crashed, and durable.</summary>
    public CrashTest<T> Prepare(Action<T> body)
    {
        _prepare += body;
        return this;
    }

    /// <summary>Adds an operation to the workload. It is acknowledged when it returns: from then on it must survive.</summary>
    /// <param name="name">Its name in reports.</param>
    /// <param name="body">What it does.</param>
    public CrashTest<T> Step(string name, Action<T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        _steps.Add((name, body));
        return this;
    }

    /// <summary>
    /// What of the state counts, as a value with equality. After a crash it must be what it was after the acknowledged operations, or with the
    /// unfinished one applied too; recovering again must not change it. The values come from the workload's own run.
    /// </summary>
    public CrashTest<T> Observe(Func<T, object?> observe)
    {
        _oracle.Observe = observe;
        return this;
    }

    /// <summary>What must hold after every recovery.</summary>
    public CrashTest<T> Check(Action<T> check)
    {
        _oracle.Check += check;
        return this;
    }

    /// <summary>Life goes on: what must work after every recovery. When it has, the memory is recovered and checked again.</summary>
    public CrashTest<T> Then(Action<T> life)
    {
        _oracle.Then += life;
        return this;
    }

    /// <summary>After every recovery, everything that is allocated must be reachable.</summary>
    /// <param name="allocated">What the allocator holds.</param>
    /// <param name="reachable">What the program can find.</param>
    public CrashTest<T> NoLeaks(Func<T, IEnumerable<long>> allocated, Func<T, IEnumerable<long>> reachable)
    {
        _oracle.Allocated = allocated;
        _oracle.Reachable = reachable;
        return this;
    }

    /// <summary>Crashes recovery too: each recovery that stores anything is explored like a workload of its own.</summary>
    /// <param name="imagesPerPoint">Images at each crash point of a recovery.</param>
    /// <param name="every">Only every so many images.</param>
    public CrashTest<T> CrashRecovery(int imagesPerPoint = 16, int every = 1)
    {
        _oracle.RecoveryImages = imagesPerPoint;
        _oracle.RecoveryEvery = Math.Max(1, every);
        return this;
    }

    /// <summary>
    /// Media errors: at each of so many places of the finished memory a line goes bad. Recovery may throw a <see cref="PmemException"/>; it must
    /// read doubtful ranges with checked reads, because any other access kills the process. When it succeeds, <paramref name="rest"/> reads
    /// what is not affected.
    /// </summary>
    /// <param name="places">Lines that go bad, one at a time, spread over those that hold data.</param>
    /// <param name="rest">Reads the rest; gets the first bad byte and the length.</param>
    public CrashTest<T> Poison(int places = 64, Action<T, long, long>? rest = null)
    {
        _oracle.PoisonPlaces = places;
        _oracle.PoisonRest = rest;
        return this;
    }

    /// <summary>The least severity of lint findings that fails the test; errors by default.</summary>
    public CrashTest<T> FailOnLint(LintSeverity severity)
    {
        _failing = severity;
        return this;
    }

    /// <summary>Does without source lines, for workloads of millions of events.</summary>
    public CrashTest<T> WithoutSourceLines()
    {
        _captureStacks = false;
        return this;
    }

    /// <summary>Tries only the image of a replay line, as a failure printed it.</summary>
    public CrashTest<T> Replay(string line)
    {
        _replay = line;
        return this;
    }

    /// <summary>Runs the workload and returns its trace, without exploring it.</summary>
    public Trace Record() => Record(out _);

    /// <summary>The test's name.</summary>
    public string Name => _name;

    internal Trace RecordForMutation()
    {
        _captureStacks = true;
        return Record(out _);
    }

    internal void Judge(CrashState state) => _oracle.Judge(state);

    /// <summary>Runs the test.</summary>
    /// <param name="options">How far to explore; <see cref="DefaultOptions"/> when null.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="CrashTestException">It failed.</exception>
    /// <exception cref="InvalidOperationException">Tracing is off in this process.</exception>
    public CrashReport Run(ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        CrashReport report = Explore(options, cancellation);
        report.ThrowIfFailed();
        return report;
    }

    /// <summary>Runs the test and returns the report, failed or not.</summary>
    /// <param name="options">How far to explore; <see cref="DefaultOptions"/> when null.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="InvalidOperationException">Tracing is off in this process.</exception>
    public CrashReport Explore(ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= DefaultOptions;
        Trace trace = Record(out long untraced);
        if (untraced >= 0)
        {
            throw new CrashTestException(
                $"{_name}: the byte at 0x{untraced:x} changed without a store that was seen, so that the images would be wrong. "
                + "If a transaction should have covered it, Snapshot it there; else name the range with DirectStores, or store with the members of PersistentMap.");
        }

        IReadOnlyList<LintFinding> lints = _captureStacks ? [.. TraceLinter.Lint(trace), .. RecoveryReads.Lint(trace, map => _oracle.Open(map))] : TraceLinter.Lint(trace);
        if (FindReplay(trace) is { } single)
        {
            CrashFailure? replayed = CrashExplorer.Replay(trace, single, _oracle.Judge);
            return CrashReport.Create(_name, trace, lints, _failing, new ExplorationResult(1, 1, false, replayed), _oracle, isReplay: true);
        }

        ExplorationResult result = CrashExplorer.Explore(trace, _oracle.Judge, options, cancellation);
        if (result.Failure is null && _oracle.PoisonPlaces > 0)
            result = result with { Failure = _oracle.FindPoisonFailure(trace, options.Seed, cancellation) };
        return CrashReport.Create(_name, trace, lints, _failing, result, _oracle, isReplay: false);
    }

    private Trace Record(out long untraced)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(_size, _granularity);
        T subject = _create(map);
        _prepare?.Invoke(subject);
        _oracle.BeginObservation(subject, [.. _steps.Select(s => s.Name)]);
        using var recorder = new TraceRecorder(map, _captureStacks, [.. _raw]);
        foreach ((string name, Action<T> body) in _steps)
        {
            PersistenceTrace.Note(map, TraceNote.OperationBegin, text: name);
            body(subject);
            PersistenceTrace.Note(map, TraceNote.OperationEnd, text: name);
            _oracle.AddObservation(subject);
        }

        Trace trace = recorder.Stop();
        untraced = recorder.FindUntracedStore();
        return trace;
    }

    private CrashImage? FindReplay(Trace trace)
    {
        string? line = _replay ?? Environment.GetEnvironmentVariable(CrashTest.ReplayVariable);
        if (string.IsNullOrWhiteSpace(line))
            return null;
        string[] parts = line.Trim().Split(':', 2);
        if (parts.Length != 2)
            throw new FormatException($"'{line}' is no replay line: expected the trace's number, a colon, and the image");
        if (string.Equals(parts[0], $"{trace.Fingerprint:x16}", StringComparison.OrdinalIgnoreCase))
            return CrashImage.Parse(parts[1]);
        return _replay is null
            ? null // meant for another test of this process
            : throw new CrashTestException($"{_name}: the replay line is of trace {parts[0]}, this run made trace {trace.Fingerprint:x16}: the program changed, or its runs differ; 'pmem crash replay TRACE {parts[1]} --out FILE' makes the image from the trace that was saved");
    }
}
