using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Checking;

/// <summary>A log that is linked where it must not be, or that is longer than its object.</summary>
/// <param name="Head">The lane's log.</param>
/// <param name="Field">The link to cut, or the capacity to correct.</param>
/// <param name="Right">0, or the capacity that fits.</param>
/// <param name="Problem">What is wrong.</param>
internal readonly record struct LogLinkFault(long Head, long Field, long Right, PoolProblem Problem);

/// <summary>An object that the store made for itself, and that is neither the root nor any lane's log.</summary>
/// <param name="Offset">Its user data.</param>
/// <param name="IsLog">Whether it holds a log header that fits it, so that it was a log extension.</param>
/// <param name="Problem">What is wrong.</param>
internal readonly record struct LostObject(long Offset, bool IsLog, PoolProblem Problem);

/// <summary>
/// Compares the logs that lanes lead to with the objects that hold logs: each log has an object of its own, each such object one lane. A log in free
/// space, in somebody's object, or in two lanes is space that is used twice, and recovery would free what is not its own. An object that no lane
/// leads to is lost.
/// </summary>
/// <remarks>Links are judged when redo logs are finished, and before undo logs are, since that frees logs.</remarks>
internal sealed class LogSpace
{
    private readonly PersistentMap _map;
    private readonly PersistentHeap _heap;
    private readonly PoolBounds _bounds;
    private readonly long _root;
    private readonly HashSet<long> _owned = [];

    public LogSpace(PersistentMap map, PoolBounds bounds)
    {
        _map = map;
        _bounds = bounds;
        _root = (long)Math.Min(map.ReadUInt64(PoolDescriptor.RootOffsetField), long.MaxValue);
        _heap = new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
    }

    /// <summary>Finishes what redo logs hold, as recovery would; what they hold must be valid.</summary>
    public void FinishRedo()
    {
        for (int i = 0; i < _bounds.LaneCount; i++)
        {
            long lane = _bounds.LaneOffset(i);
            RedoRecovery.Recover(_map, lane + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, _bounds);
            RedoRecovery.Recover(_map, lane + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, _bounds);
        }
    }

    /// <summary>Links that must be cut.</summary>
    public IEnumerable<LogLinkFault> FindWrongLinks()
    {
        foreach (long head in LaneChains.Heads(_bounds))
        {
            if (Follow(head) is { } fault)
                yield return fault;
        }
    }

    /// <summary>Objects of the store that are neither the root nor a lane's; of a recovered pool, in which everything else is sound.</summary>
    public List<LostObject> FindLost(ObjectStore store)
    {
        _ = FindWrongLinks().Count();
        return [.. store.EnumerateObjects().Where(found => found.IsInternal && found.Offset != _root && !_owned.Contains(found.Offset)).Select(Judge)];
    }

    private LogLinkFault? Follow(long head)
    {
        long field = head + UlogHeader.NextPosition;
        foreach (UlogLink link in new UlogChain(_map, head, _bounds))
        {
            if (FindFault(link) is { } found)
                return new LogLinkFault(head, field, 0, new PoolProblem(field, "log link", "a log of its own in an object of the store", $"0x{link.ObjectOffset:x}: {found}"));
            if (FindRoom(link) is var room && room < link.Capacity)
            {
                long at = link.LogOffset + UlogHeader.CapacityPosition;
                return new LogLinkFault(head, room > 0 ? at : field, Math.Max(0, room), new PoolProblem(at, "log capacity", $"at most {room} bytes, which its object has", $"{link.Capacity}"));
            }

            field = link.LogOffset + UlogHeader.NextPosition;
        }

        return null;
    }

    private string? FindFault(UlogLink link)
    {
        long found = _heap.FindObjectAt(link.ObjectOffset);
        if (found == 0)
            return _heap.DescribePlace(link.ObjectOffset);
        if (link.UserOwned)
            return null; // the program's memory, from where on it liked
        if (found != link.ObjectOffset)
            return $"the middle of the object at 0x{found:x}";
        if (found == _root)
            return "the root object";
        if ((_heap.ObjectFlags(found) & ObjectFlags.Internal) == 0)
            return $"an object of the program (type {_heap.TypeNumber(found)})";
        return _owned.Add(found) ? null : "a log that another lane uses too";
    }

    /// <summary>Data bytes that a log can have in its object.</summary>
    private long FindRoom(UlogLink link)
    {
        long found = _heap.FindObjectAt(link.ObjectOffset);
        return (found + _heap.UsableSize(found) - link.LogOffset - UlogHeader.Size) & -UlogHeader.Size;
    }

    private LostObject Judge(StoreObject found)
    {
        long log = (found.Offset + UlogHeader.Size - 1) & -UlogHeader.Size;
        long room = found.Offset + found.UsableSize - log - UlogHeader.Size;
        ulong capacity = room < 0 ? 0 : _map.ReadUInt64(log + UlogHeader.CapacityPosition);

        // A log takes all of its object but for what alignment costs, at both ends.
        bool isLog = found.TypeNumber == 0 && capacity != 0 && capacity % UlogHeader.Size == 0 && (long)capacity <= room && (long)capacity > room - (3 * UlogHeader.Size);
        string what = isLog ? "a log extension" : "no log";
        return new LostObject(found.Offset, isLog, new PoolProblem(found.Offset, "lost object of the store", "the root, or a log that a lane leads to", $"{what}; {found.UsableSize} bytes that nobody uses"));
    }
}
