namespace Pmem.CrashTesting.Exploration;

/// <summary>The images of one crash point: all of them, or a sample.</summary>
internal static class ImageEnumeration
{
    /// <summary>Every combination; one line changes from one to the next, mostly. Returns whether it got to the end.</summary>
    public static bool All(ImageWalker walker, IImageVisitor visitor)
    {
        walker.ChooseAll(everything: false);
        do
        {
            if (!visitor.Visit(walker, isPowerLoss: true))
                return false;
        }
        while (Next(walker));
        return true;
    }

    /// <summary>
    /// Nothing, everything, each line alone early, each line alone late (every ordering of two lines is among these), each line alone torn or in
    /// between; then random ones. Where the budget is too small for all of them, the seed decides which.
    /// </summary>
    public static bool Sample(ImageWalker walker, IImageVisitor visitor, int budget, ulong seed)
    {
        var random = new SeededRandom(seed);
        int[] order = random.Shuffle(walker.Lines.Count);
        walker.ChooseAll(everything: false);
        if (!visitor.Visit(walker, isPowerLoss: true))
            return false;
        walker.ChooseAll(everything: true);
        if (!visitor.Visit(walker, isPowerLoss: true))
            return false;
        budget -= 2;
        foreach (int line in order)
        {
            if (budget < 2)
                break;
            budget -= 2;
            if (!VisitAlone(walker, visitor, line, everythingElse: false, walker.Lines[line].Everything)
                || !VisitAlone(walker, visitor, line, everythingElse: true, 0))
            {
                return false;
            }
        }

        // A third of the rest for single lines in between, the remainder for anything.
        int between = budget / 3;
        for (int i = 0; between > 0 && i < order.Length * 4; i++)
        {
            int line = order[i % order.Length];
            long choices = walker.Lines[line].Choices;
            if (choices <= 2)
                continue;
            between--;
            budget--;
            if (!VisitAlone(walker, visitor, line, everythingElse: i % 2 == 0, random.Below(choices)))
                return false;
        }

        for (; budget > 0; budget--)
        {
            for (int line = 0; line < walker.Lines.Count; line++)
            {
                long dice = random.Below(10);
                walker.Choose(line, dice < 4 ? 0 : dice < 8 ? walker.Lines[line].Everything : random.Below(walker.Lines[line].Choices));
            }

            if (!visitor.Visit(walker, isPowerLoss: true))
                return false;
        }

        return false;
    }

    private static bool VisitAlone(ImageWalker walker, IImageVisitor visitor, int line, bool everythingElse, long choice)
    {
        walker.ChooseAll(everythingElse);
        walker.Choose(line, choice);
        return visitor.Visit(walker, isPowerLoss: true);
    }

    private static bool Next(ImageWalker walker)
    {
        for (int i = 0; i < walker.Lines.Count; i++)
        {
            if (walker[i] + 1 < walker.Lines[i].Choices)
            {
                walker.Choose(i, walker[i] + 1);
                return true;
            }

            walker.Choose(i, 0);
        }

        return false;
    }
}

/// <summary>Random numbers that are the same everywhere for the same seed (SplitMix64).</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    public long Below(long bound) => (long)(Next() % (ulong)bound);

    /// <summary>0 to <paramref name="count"/> - 1 in a random order.</summary>
    public int[] Shuffle(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int j = (int)Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
