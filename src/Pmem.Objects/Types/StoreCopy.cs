using Pmem.Objects.Checking;
using Pmem.Objects.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Types;

/// <summary>
/// Copies what a store holds to a new one, object by object: each gets a place anew, so the holes between them are gone, and every link is set to the new
/// place. The new store is made under another name and gets its own when it is whole, so a copy that was interrupted is none.
/// </summary>
internal sealed unsafe class StoreCopy(ObjectStore source, ObjectTypes types, bool leaveUnreachable) : ILinkVisitor
{
    private readonly Dictionary<long, long> _places = [];
    private readonly SortedSet<ulong> _undescribed = [];
    private ObjectStore? _target;
    private long _links;

    /// <summary>Throws <see cref="PmemException"/> when not every link is known and right; returns how many objects nothing leads to.</summary>
    public long Validate()
    {
        var faults = new List<PoolProblem>();
        StoreObject[] unreachable = [.. LinkSurvey.Run(source, types, fault => faults.Add(fault.Problem), this)];
        if (_undescribed.Count > 0)
            throw new PmemException($"objects can be moved only when all links are known: type {string.Join(", ", _undescribed.Take(10))} {(_undescribed.Count == 1 ? "is" : "are")} not described (the root counts as type 0)");
        if (faults.Count > 0)
            throw new PmemException($"{faults.Count} link(s) are wrong, the first at 0x{faults[0].Offset:x}: {faults[0].What}: expected {faults[0].Expected}, found {faults[0].Found}; mend them first");
        if (unreachable.Length > 0 && !leaveUnreachable)
            throw new PmemException($"nothing leads to {unreachable.Length} object(s), the first at 0x{unreachable[0].Offset:x} (type {unreachable[0].TypeNumber}): correct the description, or leave such objects out");
        foreach (long user in _places.Keys)
        {
            if (source.Heap.AlignmentOf(user) is var alignment and not 0)
                throw new PmemException($"the object at 0x{user:x} is aligned to {alignment} by a class of the program's own, which a new place would not be");
        }

        return unreachable.Length;
    }

    /// <summary>Fills a new, empty store. Durable at return.</summary>
    public StoreCopyResult Run(ObjectStore target, long leftOut, Action<string, long, long> report)
    {
        _target = target;
        long done = 0;
        long root = source.RootOffset;

        // In heap order, so that what was allocated together stays together.
        foreach (long old in _places.Keys.Order().ToList())
        {
            report("copying objects", done++, _places.Count);
            long length = old == root ? source.RootSize : source.Heap.UsableSize(old);
            ObjectId place = old == root ? target.GetRoot(length) : target.Allocate(length, source.Heap.TypeNumber(old));
            _places[old] = (long)place.Offset;
            target.Map.Copy((long)place.Offset, source.Map.Pointer + old, length, CopyHints.NoDrain);
        }

        _ = LinkSurvey.Run(source, types, _ => { }, this);

        // Locks know in which run they were taken: none of the new pool's may be one of those.
        target.Map.StoreUInt64(PoolDescriptor.RunIdField, Math.Max(source.RunId, target.RunId));
        target.Map.Flush(PoolDescriptor.RunIdField, sizeof(ulong));
        target.Map.Drain();
        return new StoreCopyResult(_places.Count - (root == 0 ? 0 : 1), _links, leftOut, UsedChunks(source), UsedChunks(target));
    }

    /// <inheritdoc/>
    public void VisitObject(long user, bool isDescribed)
    {
        if (_target is not null)
            return;
        _places.Add(user, 0);
        if (!isDescribed)
            _undescribed.Add(source.Heap.TypeNumber(user));
    }

    /// <inheritdoc/>
    public void VisitLink(long user, long at, LinkKind kind, long target)
    {
        if (_target is not { } store)
            return;
        long place = _places[user] + (at - user);
        long field = kind == LinkKind.Id ? sizeof(ulong) : 0;
        long behind = (long)source.Map.ReadUInt64(at + field) - target;
        if (kind == LinkKind.Id)
            store.Map.StoreUInt64(place, store.PoolUuidLow);
        store.Map.StoreUInt64(place + field, (ulong)(_places[target] + behind));
        store.Map.Flush(place, field + sizeof(ulong));
        _links++;
    }

    private static long UsedChunks(ObjectStore store)
    {
        HeapStatistics statistics = store.GetHeapStatistics();
        long chunks = 0;
        for (int zone = 0; zone < statistics.Zones; zone++)
            chunks += Math.Min(HeapLayout.ChunksPerZone, HeapLayout.ZoneChunks(store.HeapSize, zone));
        return chunks - statistics.FreeChunks;
    }
}
