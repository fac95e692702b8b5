namespace Pmem.CrashTesting;

/// <summary>How far to explore.</summary>
public sealed record ExplorationOptions
{
    /// <summary>Crash points with at most so many images are explored exhaustively; the others are sampled with as many.</summary>
    public int ImagesPerPoint { get; init; } = 512;

    /// <summary>Seed of the samples.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Also try what the death of the process leaves after every single event.</summary>
    public bool ProcessKills { get; init; } = true;
}

/// <summary>An image that a crash can leave.</summary>
/// <param name="Point">Number of events before the crash.</param>
/// <param name="Choices">What survived: pairs of line offset and choice, for lines with more than the guaranteed content; empty for a process kill.</param>
/// <param name="Acknowledged">Names of the marks before the crash.</param>
/// <param name="IsPowerLoss">Power loss, or only the death of the process.</param>
public sealed record CrashImage(int Point, IReadOnlyList<(long Line, long Choice)> Choices, IReadOnlyList<string> Acknowledged, bool IsPowerLoss)
{
    /// <summary>One line that names the image; <see cref="CrashExplorer.Explore"/> with the same trace makes it again.</summary>
    public override string ToString() =>
        IsPowerLoss ? $"power loss before event {Point}: {string.Join(' ', Choices.Select(c => $"0x{c.Line:x}={c.Choice}"))}" : $"process killed after event {Point}";
}

/// <summary>An image on which the check failed.</summary>
/// <param name="Image">The image.</param>
/// <param name="Cause">What the check threw.</param>
public sealed record CrashFailure(CrashImage Image, Exception Cause);

/// <summary>What an exploration did.</summary>
/// <param name="Points">Crash points.</param>
/// <param name="Images">Different images that were checked.</param>
/// <param name="Exhaustive">Whether no crash point had to be sampled.</param>
/// <param name="Failure">The first failure, or null.</param>
public sealed record ExplorationResult(int Points, int Images, bool Exhaustive, CrashFailure? Failure)
{
    /// <summary>Throws when an image failed.</summary>
    public void ThrowIfFailed()
    {
        if (Failure is { } failure)
            throw new InvalidOperationException($"{failure.Image}: {failure.Cause.Message}", failure.Cause);
    }
}

/// <summary>
/// Tries the memory images that a crash can leave: at each point where an event is about to make something durable, and at the end, every
/// combination of line contents that <see cref="PersistencyModel"/> allows, or a seeded sample that holds all pairwise orderings.
/// </summary>
public static class CrashExplorer
{
    /// <summary>Explores a trace; stops at the first image on which <paramref name="check"/> throws.</summary>
    /// <param name="trace">What was recorded.</param>
    /// <param name="check">Recovers a copy of an image and judges the result.</param>
    /// <param name="options">How far to explore.</param>
    /// <param name="cancellation">Stops early.</param>
    public static ExplorationResult Explore(Trace trace, CrashCheck check, ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        var run = new Exploration(trace, check, options ?? new ExplorationOptions(), cancellation);
        return run.Execute();
    }

    private sealed class Exploration(Trace trace, CrashCheck check, ExplorationOptions options, CancellationToken cancellation)
    {
        private readonly PersistencyModel _model = new(trace.Initial, trace.Granularity);
        private readonly HashSet<(ImageHash, int)> _seen = [];
        private readonly List<string> _acknowledged = [];
        private readonly byte[] _image = new byte[trace.Initial.Length];
        private ImageHash _hash;
        private int _points;
        private int _images;
        private bool _exhaustive = true;
        private CrashFailure? _failure;

        public ExplorationResult Execute()
        {
            byte[] visible = [.. trace.Initial];
            for (int i = 0; i <= trace.Events.Count && _failure is null; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                TraceEvent? item = i < trace.Events.Count ? trace.Events[i] : null;
                if (item is null || item.Kind == TraceEventKind.Mark || _model.Folds(item))
                    ExplorePoint(i);
                if (item is null)
                    break;
                _model.Apply(item);
                if (item.Kind == TraceEventKind.Mark)
                    _acknowledged.Add(item.Name!);
                if (item.Kind == TraceEventKind.Store)
                {
                    item.Bytes.CopyTo(visible, item.Offset);
                    if (options.ProcessKills && _failure is null)
                        TryKill(i + 1, visible);
                }
            }

            return new ExplorationResult(_points, _images, _exhaustive, _failure);
        }

        private void TryKill(int point, byte[] visible) =>
            Try(visible, ImageHash.Compute(visible), new CrashImage(point, [], [.. _acknowledged], IsPowerLoss: false));

        private void ExplorePoint(int point)
        {
            _points++;
            _model.Guaranteed.CopyTo(_image);
            _hash = ImageHash.Compute(_image);
            PendingLine[] lines = [.. _model.Pending];
            long total = 1;
            foreach (PendingLine line in lines)
                total = total > options.ImagesPerPoint || line.Choices > options.ImagesPerPoint ? long.MaxValue / 2 : total * line.Choices;
            long[] choices = new long[lines.Length];
            if (total <= options.ImagesPerPoint)
            {
                do
                {
                    TryChoices(point, lines, choices);
                }
                while (_failure is null && Next(lines, choices));
                return;
            }

            _exhaustive = false;
            Sample(point, lines, choices);
        }

        private static bool Next(PendingLine[] lines, long[] choices)
        {
            for (int i = 0; i < lines.Length; i++)
            {
                if (++choices[i] < lines[i].Choices)
                    return true;
                choices[i] = 0;
            }

            return false;
        }

        private void Sample(int point, PendingLine[] lines, long[] choices)
        {
            // Nothing, everything, each line alone early, each line alone late: every ordering of two lines is among these.
            int budget = options.ImagesPerPoint;
            FillAll(lines, choices, late: false);
            TryChoices(point, lines, choices);
            FillAll(lines, choices, late: true);
            TryChoices(point, lines, choices);
            for (int i = 0; i < lines.Length && budget > 2 && _failure is null; i++, budget -= 2)
            {
                FillAll(lines, choices, late: false);
                choices[i] = lines[i].Choices - 1;
                TryChoices(point, lines, choices);
                FillAll(lines, choices, late: true);
                choices[i] = 0;
                TryChoices(point, lines, choices);
            }

            var random = new Random(unchecked((options.Seed * (int)0x9E3779B1) ^ point));
            for (; budget > 0 && _failure is null; budget--)
            {
                for (int i = 0; i < lines.Length; i++)
                {
                    int dice = random.Next(10);
                    choices[i] = dice < 4 ? 0 : dice < 8 ? lines[i].Choices - 1 : random.NextInt64(lines[i].Choices);
                }

                TryChoices(point, lines, choices);
            }
        }

        private static void FillAll(PendingLine[] lines, long[] choices, bool late)
        {
            for (int i = 0; i < lines.Length; i++)
                choices[i] = late ? lines[i].Choices - 1 : 0;
        }

        private void TryChoices(int point, PendingLine[] lines, long[] choices)
        {
            if (_failure is not null)
                return;
            // Only the chosen lines differ from the guaranteed image; they are put back afterwards.
            var named = new List<(long, long)>();
            ImageHash hash = _hash;
            for (int i = 0; i < lines.Length; i++)
            {
                if (choices[i] == 0)
                    continue;
                Span<byte> line = Line(lines[i]);
                hash = hash.Without(lines[i].Offset, line);
                lines[i].Compose(choices[i], line);
                hash = hash.With(lines[i].Offset, line);
                named.Add((lines[i].Offset, choices[i]));
            }

            Try(_image, hash, new CrashImage(point, named, [.. _acknowledged], IsPowerLoss: true));
            for (int i = 0; i < lines.Length; i++)
            {
                if (choices[i] != 0)
                    _model.Guaranteed.Slice((int)lines[i].Offset, Line(lines[i]).Length).CopyTo(Line(lines[i]));
            }
        }

        private Span<byte> Line(PendingLine line) => _image.AsSpan((int)line.Offset, (int)Math.Min(PersistencyModel.LineSize, _image.Length - line.Offset));

        private void Try(ReadOnlySpan<byte> bytes, ImageHash hash, CrashImage image)
        {
            if (!_seen.Add((hash, image.Acknowledged.Count)))
                return;
            _images++;
            try
            {
                check(bytes, image);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _failure = new CrashFailure(image, e);
            }
        }
    }
}

/// <summary>Recovers an image and throws when the result is not what it must be.</summary>
/// <param name="image">The bytes; valid during the call.</param>
/// <param name="crash">Which crash left them.</param>
public delegate void CrashCheck(ReadOnlySpan<byte> image, CrashImage crash);
