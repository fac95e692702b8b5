using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Checking;

/// <summary>The logs behind those of all lanes.</summary>
internal static class LaneChains
{
    /// <summary>Pool offsets of every lane's logs, lane by lane.</summary>
    public static IEnumerable<long> Heads(PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            yield return bounds.LaneOffset(i) + LaneLayout.InternalPosition;
            yield return bounds.LaneOffset(i) + LaneLayout.ExternalPosition;
            yield return bounds.LaneOffset(i) + LaneLayout.UndoPosition;
        }
    }

    /// <summary>Every log that a lane's log leads to. Throws on a chain that goes astray.</summary>
    public static IEnumerable<UlogLink> All(PersistentMap map, PoolBounds bounds)
    {
        foreach (long head in Heads(bounds))
        {
            foreach (UlogLink link in new UlogChain(map, head, bounds))
                yield return link;
        }
    }
}
