using System.Collections.Concurrent;
using System.Diagnostics;
using Pmem.CrashTesting.Model;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// One exploration. Workers take crash points in order, each with a walker of its own, and share the set of images seen. When a check fails,
/// points behind it are dropped and those before it are finished, so that the failure reported is the earliest whatever the timing.
/// </summary>
internal sealed class ExplorationRun : IDisposable
{
    private readonly record struct CrashPoint(int Event, bool IsKill);

    private readonly Trace _trace;
    private readonly Action<CrashState> _check;
    private readonly ExplorationOptions _options;
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _cancellation;
    private readonly CrashKind _kind;
    private readonly List<CrashPoint> _points = [];
    private readonly ConcurrentDictionary<(ImageHash Hash, int Demands), byte> _seen = new();
    private readonly ConcurrentDictionary<(ImageHash Hash, int Demands), Exception> _failing = new();
    private readonly Lock _gate = new();
    private int _next;
    private int _done;
    private int _images;
    private long _duplicates;
    private double _legal;
    private bool _sampled;
    private bool _outOfTime;
    private int _failedPoint = int.MaxValue;
    private CrashFailure? _failure;
    private Exception? _broken;

    private readonly ImageBuffer? _buffer;
    private readonly IReadOnlySet<(ImageHash Hash, int Demands)>? _known;

    /// <param name="trace">What was recorded.</param>
    /// <param name="check">Judges an image.</param>
    /// <param name="options">How far to explore.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <param name="buffer">Where the initial image is, to explore on the calling thread and in that buffer; null for buffers of its own.</param>
    /// <param name="known">Images, as <see cref="Seen"/> of another run from the same initial image names them, that need no judging.</param>
    public ExplorationRun(
        Trace trace, Action<CrashState> check, ExplorationOptions options, CancellationToken cancellation, ImageBuffer? buffer = null, IReadOnlySet<(ImageHash Hash, int Demands)>? known = null)
    {
        _buffer = buffer;
        _known = known;
        _trace = trace;
        _check = check;
        _options = options;
        _cancellation = cancellation;
        _kind = options.AdrFails ? CrashKind.PowerLossWithoutAdr : CrashKind.PowerLoss;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    }

    /// <summary>The images that were judged.</summary>
    public IReadOnlySet<(ImageHash Hash, int Demands)> Seen => _seen.Keys.ToHashSet();

    public ExplorationResult Execute()
    {
        _cancellation.ThrowIfCancellationRequested();
        long start = Stopwatch.GetTimestamp();
        FindPoints();
        if (_buffer is not null)
        {
            new Worker(this).Run();
            return Result(start);
        }

        int count = Math.Clamp(_options.Parallelism == 0 ? Environment.ProcessorCount : _options.Parallelism, 1, Math.Max(1, _points.Count));
        var workers = new Worker[count];
        for (int i = 0; i < count; i++)
            workers[i] = new Worker(this);
        Watch(workers, start);
        if (_failure is { Cause: not TimeoutException } && count > 1 && !_options.Lazy)
            NameFirstFailure();
        return Result(start);
    }

    private ExplorationResult Result(long start)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_broken is not null)
            throw new InvalidOperationException($"the exploration itself failed: {_broken.Message}", _broken);
        return new ExplorationResult(_points.Count(p => !p.IsKill), _images, !_sampled && !_outOfTime && _failure is null, _failure)
        {
            Duplicates = _duplicates,
            LegalImages = _legal,
            Elapsed = Stopwatch.GetElapsedTime(start),
            IsOutOfTime = _outOfTime,
        };
    }

    public void Dispose() => _stop.Dispose();

    private void FindPoints()
    {
        // Contents do not matter here, only whether something is pending.
        var model = new PersistencyModel(long.MaxValue, static (_, content) => content.Clear(), _trace.Granularity, _kind);
        for (int i = 0; i <= _trace.Events.Count; i++)
        {
            if (i > 0 && i >= _options.FirstPoint && _options.ProcessKills && _trace.Events[i - 1].Kind == TraceEventKind.Store)
                _points.Add(new CrashPoint(i, IsKill: true));
            TraceEvent? item = i < _trace.Events.Count ? _trace.Events[i] : null;
            if (_options.PowerLoss && i >= _options.FirstPoint && (item is null || IsBoundary(item) || model.Folds(item)))
                _points.Add(new CrashPoint(i, IsKill: false));
            if (item is not null)
                model.Apply(item);
        }
    }

    private void NameFirstFailure()
    {
        using var walker = new ImageWalker(_trace, _kind);
        var first = new FirstFailure(_failing);
        foreach (CrashPoint point in _points)
        {
            if (point.Event > _failedPoint)
                return;
            walker.MoveTo(point.Event);
            Visit(walker, point.IsKill, first, out _, out _);
            if (first.Found is not null)
            {
                _failure = first.Found;
                return;
            }
        }
    }

    /// <summary>Shows every image of the point where the walker is, or a sample of them.</summary>
    internal void Visit(ImageWalker walker, bool isKill, IImageVisitor visitor, out double legal, out bool complete)
    {
        legal = 1;
        complete = true;
        if (isKill)
        {
            walker.ChooseAll(everything: true);
            visitor.Visit(walker, isPowerLoss: false);
            return;
        }

        foreach (PendingLine line in walker.Lines)
            legal *= line.Choices;
        if (_options.Lazy)
            complete = LazyImage.Explore(walker, visitor, _options.ImagesPerPoint);
        else if (legal <= _options.ImagesPerPoint)
            complete = ImageEnumeration.All(walker, visitor);
        else
            complete = ImageEnumeration.Sample(walker, visitor, _options.ImagesPerPoint, ((ulong)(uint)_options.Seed << 32) ^ (uint)walker.Point);
    }

    // What is demanded of an image changes there, even where nothing becomes durable.
    private static bool IsBoundary(TraceEvent item) =>
        item.Kind == TraceEventKind.Mark || item is { Kind: TraceEventKind.Note, Note: TraceNote.OperationBegin or TraceNote.OperationEnd };

    /// <summary>Waits for the workers: sees to hanging checks, progress, and the budget.</summary>
    private void Watch(Worker[] workers, long start)
    {
        long lastProgress = start;
        foreach (Worker worker in workers)
            worker.Start();
        while (true)
        {
            bool all = true;
            foreach (Worker worker in workers)
                all &= worker.Join(TimeSpan.FromMilliseconds(all ? 20 : 0));
            if (all)
                break;
            if (_options.TimeBudget is { } budget && Stopwatch.GetElapsedTime(start) > budget)
            {
                _outOfTime = true;
                _stop.Cancel();
            }

            foreach (Worker worker in workers)
            {
                if (worker.Hangs(_options.TimePerImage) is not { } image)
                    continue;

                // The thread cannot be ended; it stays behind, in the background, with its image.
                lock (_gate)
                    Fail(image.Point, new CrashFailure(image, new TimeoutException($"recovery and check did not end within {_options.TimePerImage.TotalSeconds:0.#} seconds")));
                _stop.Cancel();
                return;
            }

            if (_options.Progress is { } progress && Stopwatch.GetElapsedTime(lastProgress) > TimeSpan.FromMilliseconds(200))
            {
                lastProgress = Stopwatch.GetTimestamp();
                progress.Report(new ExplorationProgress(Volatile.Read(ref _done), _points.Count, Volatile.Read(ref _images)));
            }
        }

        _options.Progress?.Report(new ExplorationProgress(_done, _points.Count, _images));
    }

    private void Fail(int point, CrashFailure failure)
    {
        // Of two at one point, the one whose name sorts first.
        if (point > _failedPoint || (point == _failedPoint && string.CompareOrdinal(failure.Image.ToReplay(), _failure!.Image.ToReplay()) >= 0))
            return;
        _failedPoint = point;
        _failure = failure;
    }

    /// <summary>One thread of an exploration.</summary>
    private sealed class Worker(ExplorationRun run) : IImageVisitor
    {
        private readonly Lock _gate = new();
        private Thread? _thread;
        private CrashImage? _current;
        private long _since;

        public void Start()
        {
            _thread = new Thread(Run, 16 << 20) { IsBackground = true, Name = "crash exploration" };
            _thread.Start();
        }

        public bool Join(TimeSpan time) => _thread!.Join(time);

        /// <summary>The image whose check has taken longer than allowed, or null.</summary>
        public CrashImage? Hangs(TimeSpan limit)
        {
            lock (_gate)
                return _current is not null && !Debugger.IsAttached && Stopwatch.GetElapsedTime(_since) > limit ? _current : null;
        }

        public bool Visit(ImageWalker walker, bool isPowerLoss)
        {
            if (run._stop.IsCancellationRequested)
                return false;
            if (run._known is { } known && known.Contains((walker.Hash, walker.Demands)))
                return true;
            if (!run._seen.TryAdd((walker.Hash, walker.Demands), 0))
            {
                Interlocked.Increment(ref run._duplicates);
                return true;
            }

            CrashImage image = walker.Name(isPowerLoss);
            return Judge(walker, image, static (check, state) => check(state));
        }

        public bool VisitLazily(ImageWalker walker, LazyImage lazy)
        {
            if (run._stop.IsCancellationRequested)
                return false;
            return Judge(walker, walker.Name(isPowerLoss: true), (check, state) => lazy.Run(check, state));
        }

        private bool Judge(ImageWalker walker, CrashImage image, Action<Action<CrashState>, CrashState> how)
        {
            Interlocked.Increment(ref run._images);
            lock (_gate)
            {
                _current = image;
                _since = Stopwatch.GetTimestamp();
            }

            walker.Buffer.Reset();
            try
            {
                how(run._check, new CrashState(walker.Buffer, image));
                return true;
            }
            catch (LazyFailureException e)
            {
                lock (run._gate)
                    run.Fail(e.Image.Point, new CrashFailure(e.Image, e.InnerException!));
                return false;
            }
            catch (OperationCanceledException) when (run._stop.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception e)
            {
                run._failing.TryAdd((walker.Hash, walker.Demands), e);
                lock (run._gate)
                    run.Fail(image.Point, new CrashFailure(image, e));
                return false;
            }
            finally
            {
                lock (_gate)
                    _current = null;
            }
        }

        public void Run()
        {
            try
            {
                using ImageWalker walker = run._buffer is null ? new ImageWalker(run._trace, run._kind) : new ImageWalker(run._trace, run._kind, run._buffer);
                while (!run._stop.IsCancellationRequested)
                {
                    int index = Interlocked.Increment(ref run._next) - 1;
                    if (index >= run._points.Count || run._points[index].Event > Volatile.Read(ref run._failedPoint))
                        return;
                    CrashPoint point = run._points[index];
                    walker.MoveTo(point.Event);
                    run.Visit(walker, point.IsKill, this, out double legal, out bool complete);
                    lock (run._gate)
                    {
                        run._legal += legal;
                        run._sampled |= !complete;
                    }

                    Interlocked.Increment(ref run._done);
                }
            }
            catch (Exception e)
            {
                lock (run._gate)
                    run._broken ??= e;
                run._stop.Cancel();
            }
        }
    }
}

/// <summary>Is shown each image.</summary>
internal interface IImageVisitor
{
    /// <summary>Judges the image that the walker shows; false when no more are wanted.</summary>
    bool Visit(ImageWalker walker, bool isPowerLoss);

    /// <summary>Judges the guaranteed image, of which lines are decided while it is read; false when no more are wanted.</summary>
    bool VisitLazily(ImageWalker walker, LazyImage lazy);
}
