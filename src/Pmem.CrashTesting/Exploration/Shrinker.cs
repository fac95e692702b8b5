using System.Diagnostics;

namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// Makes a failing image as ordinary as possible: every line is given everything that was stored to it, as long as the check still fails. What
/// cannot be given is what was lost; among the rest, the lines without which the check passes are what was there too early, and of those as
/// little is kept as makes the check fail.
/// </summary>
internal static class Shrinker
{
    private static readonly TimeSpan s_budget = TimeSpan.FromSeconds(10);
    private const int MaximumTries = 400;
    private const int MaximumPrefixes = 64;

    /// <param name="Image">The smallest failing image found.</param>
    /// <param name="Cause">What the check threw on it.</param>
    /// <param name="Lost">Lines that have less than everything, and must not for the check to fail.</param>
    /// <param name="Early">Lines without whose stores the check passes.</param>
    /// <param name="Passing">An image that differs as little as possible and passes; null when none was found, or none was looked for.</param>
    internal sealed record Result(CrashImage Image, Exception Cause, IReadOnlyList<long> Lost, IReadOnlyList<long> Early, CrashImage? Passing);

    /// <param name="trace">What was recorded.</param>
    /// <param name="failure">What was found.</param>
    /// <param name="check">The check; null to take the failure as it is.</param>
    public static Result Shrink(Trace trace, CrashFailure failure, Action<CrashState>? check)
    {
        // Each try of a check that hangs would take as long again, and leave a thread behind.
        if (failure.Cause is TimeoutException)
            check = null;
        if (!failure.Image.IsPowerLoss)
            return new Result(failure.Image, failure.Cause, [], [], check is null ? null : FindPassingKill(trace, failure.Image.Point, check));
        using var walker = new ImageWalker(trace, failure.Image.Kind);
        walker.MoveTo(failure.Image.Point);
        if (!walker.TryChoose(failure.Image))
            return new Result(failure.Image, failure.Cause, [], [], Passing: null);
        if (check is null)
            return AsItIs(walker, failure);
        long start = Stopwatch.GetTimestamp();
        int tries = 0;
        bool HasBudget() => tries++ < MaximumTries && Stopwatch.GetElapsedTime(start) < s_budget;
        Exception cause = Try(walker, check) ?? failure.Cause;
        var lost = new List<int>();
        for (int line = 0; line < walker.Lines.Count && HasBudget(); line++)
        {
            long before = walker[line];
            if (before == walker.Lines[line].Everything)
                continue;
            walker.Choose(line, walker.Lines[line].Everything);
            if (Try(walker, check) is { } still)
            {
                cause = still;
                continue;
            }

            // Nothing at all is a simpler story than something torn.
            walker.Choose(line, 0);
            if (before != 0)
            {
                if (Try(walker, check) is { } simpler)
                    cause = simpler;
                else
                    walker.Choose(line, before);
            }

            lost.Add(line);
        }

        var early = new List<long>();
        for (int line = 0; line < walker.Lines.Count && HasBudget(); line++)
        {
            long before = walker[line];
            if (lost.Contains(line) || before == 0)
                continue;
            walker.Choose(line, 0);
            bool isEarly = Try(walker, check) is null;
            walker.Choose(line, before);
            if (!isEarly)
                continue;
            early.Add(walker.Lines[line].Offset);
            for (long least = 1; least < Math.Min(before, MaximumPrefixes) && HasBudget(); least++)
            {
                if (walker.Lines[line].Survivors(least).ContainsValue(null))
                    continue; // torn: no simpler a story
                walker.Choose(line, least);
                if (Try(walker, check) is { } simpler)
                {
                    cause = simpler;
                    break;
                }

                walker.Choose(line, before);
            }
        }

        CrashImage image = walker.Name(isPowerLoss: true);
        CrashImage? passing = FindPassing(walker, lost, early, HasBudget, check);
        return new Result(image, cause, [.. lost.Select(l => walker.Lines[l].Offset)], early, passing);
    }

    /// <summary>The failing image with one lost line given back, or with one early line taken away.</summary>
    private static CrashImage? FindPassing(ImageWalker walker, List<int> lost, List<long> early, Func<bool> hasBudget, Action<CrashState> check)
    {
        foreach (int line in (IEnumerable<int>)[.. lost, .. early.Select(walker.IndexOf)])
        {
            if (!hasBudget())
                break;
            long before = walker[line];
            walker.Choose(line, lost.Contains(line) ? walker.Lines[line].Everything : 0);
            CrashImage? passing = Try(walker, check) is null ? walker.Name(isPowerLoss: true) : null;
            walker.Choose(line, before);
            if (passing is not null)
                return passing;
        }

        return null;
    }

    /// <summary>What the process leaves when it dies one store earlier, or one later.</summary>
    private static CrashImage? FindPassingKill(Trace trace, int point, Action<CrashState> check)
    {
        int before = point - 1;
        while (before > 0 && trace.Events[before - 1].Kind != TraceEventKind.Store)
            before--;
        int after = point;
        while (after < trace.Events.Count && trace.Events[after].Kind != TraceEventKind.Store)
            after++;
        foreach (int other in (int[])[before, after + 1])
        {
            if (other < 0 || other > trace.Events.Count)
                continue;
            var image = new CrashImage(other, [], [], IsPowerLoss: false);
            if (CrashExplorer.Replay(trace, image, check) is null)
                return image;
        }

        return null;
    }

    private static Result AsItIs(ImageWalker walker, CrashFailure failure)
    {
        var lost = new List<long>();
        var early = new List<long>();
        for (int line = 0; line < walker.Lines.Count; line++)
        {
            long choice = walker[line];
            if (choice != walker.Lines[line].Everything)
                lost.Add(walker.Lines[line].Offset);
            if (choice != 0)
                early.Add(walker.Lines[line].Offset);
        }

        return new Result(failure.Image, failure.Cause, lost, early, Passing: null);
    }

    private static Exception? Try(ImageWalker walker, Action<CrashState> check)
    {
        walker.Buffer.Reset();
        try
        {
            check(new CrashState(walker.Buffer, walker.Name(isPowerLoss: true)));
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }
}
