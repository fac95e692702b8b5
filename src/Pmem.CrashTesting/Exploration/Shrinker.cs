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
    internal sealed record Result(CrashImage Image, Exception Cause, IReadOnlyList<long> Lost, IReadOnlyList<long> Early);

    public static Result Shrink(Trace trace, CrashFailure failure, Action<CrashState> check)
    {
        if (!failure.Image.IsPowerLoss || failure.Cause is TimeoutException)
            return new Result(failure.Image, failure.Cause, [], []);
        using var walker = new ImageWalker(trace, failure.Image.Kind);
        walker.MoveTo(failure.Image.Point);
        if (!walker.TryChoose(failure.Image))
            return new Result(failure.Image, failure.Cause, [], []);
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

        return new Result(walker.Name(isPowerLoss: true), cause, [.. lost.Select(l => walker.Lines[l].Offset)], early);
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
