using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting;

/// <summary>
/// Tries the memory images that a crash can leave: at each point where an event is about to make something durable, and at the end, every
/// combination of line contents that the persistency model allows, or a seeded sample that holds all pairwise orderings; and what the death
/// of the process leaves after each store. Equal images are tried once.
/// </summary>
/// <remarks>
/// The same trace, options and check give the same images and the same failure, also with several checks at once: of failures the one at the
/// earliest crash point is reported.
/// </remarks>
public static class CrashExplorer
{
    /// <summary>Explores a trace; stops at an image on which <paramref name="check"/> throws.</summary>
    /// <param name="trace">What was recorded.</param>
    /// <param name="check">Recovers a copy of an image and judges the result.</param>
    /// <param name="options">How far to explore.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ExplorationResult Explore(Trace trace, CrashCheck check, ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(check);
        if (options is { Lazy: true })
            throw new ArgumentException("a check that takes the whole image reads all of it: lazy exploration needs a check that takes a CrashState", nameof(options));
        return Explore(trace, state => check(state.Image, state.Crash), options, cancellation);
    }

    /// <summary>Explores a trace; stops at an image on which <paramref name="check"/> throws.</summary>
    /// <param name="trace">What was recorded.</param>
    /// <param name="check">Recovers what the crash left and judges the result.</param>
    /// <param name="options">How far to explore.</param>
    /// <param name="cancellation">Stops early.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ExplorationResult Explore(Trace trace, Action<CrashState> check, ExplorationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(check);
        using var run = new ExplorationRun(trace, check, options ?? new ExplorationOptions(), cancellation);
        return run.Execute();
    }

    /// <summary>Tries the one image that <paramref name="image"/> names; returns what the check threw, or null.</summary>
    /// <param name="trace">The trace it was found in.</param>
    /// <param name="image">The image, such as <see cref="CrashImage.Parse"/> returns.</param>
    /// <param name="check">Recovers what the crash left and judges the result.</param>
    /// <exception cref="ArgumentException">The trace has no such image.</exception>
    public static CrashFailure? Replay(Trace trace, CrashImage image, Action<CrashState> check)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(check);
        if (image.Point < 0 || image.Point > trace.Events.Count)
            throw new ArgumentException($"the trace has {trace.Events.Count} events, and no crash point {image.Point}", nameof(image));
        using var walker = new ImageWalker(trace, image.Kind);
        walker.MoveTo(image.Point);
        if (!walker.TryChoose(image))
            throw new ArgumentException($"the trace has no image {image.ToReplay()}: it was made by another program, or by another run of it", nameof(image));
        CrashImage named = walker.Name(image.IsPowerLoss);
        try
        {
            check(new CrashState(walker.Buffer, named));
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new CrashFailure(named, e);
        }
    }

    /// <summary>
    /// Where a program had made what it works on: events before the first moment at which the check accepts what is guaranteed to survive; 0
    /// when it accepts the initial image, -1 when it accepts none. Crashes before that moment need not leave anything.
    /// </summary>
    /// <param name="trace">The trace.</param>
    /// <param name="check">Recovers what a crash left, and throws when there is nothing to recover.</param>
    /// <param name="cancellation">Stops early.</param>
    public static int FindFirstRecoverable(Trace trace, Action<CrashState> check, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(check);
        return FirstRecoverable.Find(trace, check, cancellation);
    }

    /// <summary>The bytes of the image that <paramref name="image"/> names.</summary>
    /// <exception cref="ArgumentException">The trace has no such image.</exception>
    public static byte[] BuildImage(Trace trace, CrashImage image)
    {
        byte[] bytes = [];
        Replay(trace, image, state => bytes = state.Image.ToArray());
        return bytes;
    }
}
