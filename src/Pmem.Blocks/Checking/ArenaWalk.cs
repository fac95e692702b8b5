using Pmem.Pools.Checking;

namespace Pmem.Blocks.Checking;

/// <summary>
/// Tells how far the walk over an arena's map is, as a place in the namespace: how many arenas follow, and how large their maps are, is not known
/// before they are reached, but the size of the namespace is. So the number never goes back from one arena to the next.
/// </summary>
/// <param name="Activity">What is being done.</param>
/// <param name="Start">Offset of the arena in the namespace.</param>
/// <param name="Length">Bytes of the arena.</param>
/// <param name="Total">Bytes of the namespace.</param>
/// <param name="Options">Who is told, and who may stop it.</param>
internal readonly record struct ArenaWalk(string Activity, long Start, long Length, long Total, BttCheckOptions Options)
{
    /// <summary>Looks whether to go on, and tells that a part of the map was read.</summary>
    public void Step(long done, long of)
    {
        Options.Cancellation.ThrowIfCancellationRequested();
        Options.Progress?.Report(new PoolProgress(Activity, Start + (long)((Int128)Length * done / of), Total));
    }
}
