namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// Names a failure as one worker alone would have named it. Equal images are judged once, by whichever worker comes first, and so at a point
/// that differs from run to run; this looks for the first point, and the first choice there, that shows an image that failed.
/// </summary>
internal sealed class FirstFailure(IReadOnlyDictionary<(ImageHash Hash, int Demands), Exception> failing) : IImageVisitor
{
    public CrashFailure? Found { get; private set; }

    public bool Visit(ImageWalker walker, bool isPowerLoss)
    {
        if (!failing.TryGetValue((walker.Hash, walker.Demands), out Exception? cause))
            return true;
        Found = new CrashFailure(walker.Name(isPowerLoss), cause);
        return false;
    }

    // Lazily explored images are not compared with each other, so that there is nothing to find.
    public bool VisitLazily(ImageWalker walker, LazyImage lazy) => true;
}
