using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Objects.Types;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Checking;

/// <summary>Something wrong with the links of an object.</summary>
/// <param name="Problem">What.</param>
/// <param name="LinkOffset">Pool offset of the link that dangles; 0 when it is not one link that is wrong.</param>
/// <param name="Kind">How that link is stored.</param>
internal readonly record struct LinkFault(PoolProblem Problem, long LinkOffset, LinkKind Kind);

/// <summary>Is told what a survey finds in order.</summary>
internal interface ILinkVisitor
{
    /// <summary>An object that something leads to.</summary>
    /// <param name="user">Its user data.</param>
    /// <param name="isDescribed">Whether its type is described.</param>
    void VisitObject(long user, bool isDescribed);

    /// <summary>A link of a described object to an object of the same pool.</summary>
    /// <param name="user">User data of the object that holds it.</param>
    /// <param name="at">Pool offset of the link.</param>
    /// <param name="kind">How it is stored.</param>
    /// <param name="target">User data of the object it leads to, or into.</param>
    void VisitLink(long user, long at, LinkKind kind, long target);
}

/// <summary>
/// Follows every link from the root, as a description of the program's types tells, and finds links that lead nowhere and objects that nothing leads to.
/// </summary>
/// <remarks>
/// For pools whose structures are sound and that are recovered. Reads only. An explicit stack, and a bit for each unit: cycles end, depth costs nothing.
/// What a described link says is judged; a word of an object without description is taken for a link when it could be one, and never judged.
/// </remarks>
internal sealed class LinkSurvey
{
    private readonly PersistentMap _map;
    private readonly PersistentHeap _heap;
    private readonly PoolBounds _bounds;
    private readonly ulong _poolUuidLow;
    private readonly ObjectTypes _types;
    private readonly PersistentHeap.ObjectSet _reached;
    private readonly Stack<long> _pending = new();
    private readonly Action<LinkFault> _report;
    private readonly ILinkVisitor? _visitor;
    private readonly long _root;

    private LinkSurvey(ObjectStore store, ObjectTypes types, Action<LinkFault> report, ILinkVisitor? visitor)
    {
        _map = store.Map;
        _bounds = store.Bounds;
        _heap = new PersistentHeap(_map, _bounds.HeapOffset, _bounds.HeapSize, arenas: 1);
        _poolUuidLow = store.PoolUuidLow;
        _root = store.RootOffset;
        _types = types;
        _reached = new PersistentHeap.ObjectSet(_heap);
        _report = report;
        _visitor = visitor;
    }

    /// <summary>Follows all links; tells each fault once. Gives the objects of the program that nothing leads to, in heap order.</summary>
    /// <param name="store">An open store, which nobody changes.</param>
    /// <param name="types">Where links are.</param>
    /// <param name="report">Told what is wrong.</param>
    /// <param name="visitor">Told what is right.</param>
    public static IEnumerable<StoreObject> Run(ObjectStore store, ObjectTypes types, Action<LinkFault> report, ILinkVisitor? visitor = null)
    {
        types.DemandLayout(store.Layout);
        var survey = new LinkSurvey(store, types, report, visitor);
        survey.Follow(store);
        return store.EnumerateObjects().Where(found => !found.IsInternal && !survey._reached.Contains(found.Offset));
    }

    /// <summary>The problem that an object has to which nothing leads.</summary>
    public static PoolProblem Unreachable(StoreObject found) =>
        new(found.Offset, "unreachable object", "a link to it from an object that the root leads to", $"none; type {found.TypeNumber}, {found.UsableSize} bytes");

    private void Follow(ObjectStore store)
    {
        Reach(_root);
        foreach (StoreObject found in store.EnumerateObjects())
        {
            if (!found.IsInternal && _types.Types.TryGetValue(found.TypeNumber, out ObjectType? type) && type.FoundByWalking)
                Reach(found.Offset);
        }

        // Buffers that the program lent to a transaction are in use, whoever else knows them.
        foreach (UlogLink link in LaneChains.All(_map, _bounds))
        {
            if (link.UserOwned)
                Reach(_heap.FindObjectAt(link.ObjectOffset));
        }

        while (_pending.TryPop(out long user))
            Visit(user);
    }

    private void Reach(long user)
    {
        if (user != 0 && _reached.Add(user))
            _pending.Push(user);
    }

    private void Visit(long user)
    {
        long size = user == _root ? (long)_map.ReadUInt64(PoolDescriptor.RootSizeField) : _heap.UsableSize(user);
        ObjectType? type = user == _root ? _types.Root : _types.Types.GetValueOrDefault(_heap.TypeNumber(user));
        _visitor?.VisitObject(user, type is not null);
        if (type is null)
        {
            ReachAnything(user, size);
            return;
        }

        foreach (LinkField field in type.Links)
        {
            long count = CountOf(type, field, user, size);
            for (long i = 0; i < count; i++)
                VisitLink(type, field, user, user + field.Offset + (i * field.Step));
        }
    }

    /// <summary>An object that nobody described: whatever a word of it could mean is kept.</summary>
    private void ReachAnything(long user, long size)
    {
        for (long at = user; at + sizeof(ulong) <= user + size; at += sizeof(ulong))
        {
            ulong word = _map.ReadUInt64(at);
            if (word >= (ulong)_bounds.HeapOffset && word < (ulong)_bounds.HeapEnd)
                Reach(_heap.FindObjectAt((long)word));
        }
    }

    /// <summary>How many links there are, as far as they lie in the object.</summary>
    private long CountOf(ObjectType type, LinkField field, long user, long size)
    {
        long room = size < field.Offset + field.Size ? 0 : 1 + ((size - field.Offset - field.Size) / field.Step);
        if (field.CountOffset is { } position)
        {
            if (position + field.CountSize > size)
            {
                Report(user, $"size of {type.Name}", $"{position + field.CountSize} bytes or more, for the count of {field.Name}", $"{size}");
                return 0;
            }

            ulong count = field.CountSize switch
            {
                sizeof(byte) => _map.Read<byte>(user + position),
                sizeof(ushort) => _map.Read<ushort>(user + position),
                sizeof(uint) => _map.Read<uint>(user + position),
                _ => _map.Read<ulong>(user + position),
            };
            if (count <= (ulong)room)
                return (long)count;
            Report(user + position, $"count of {type.Name}.{field.Name}", $"at most {room}, which fit into the object", $"{count}");
            return room;
        }

        if (field.Count is not { } fixedCount || fixedCount <= room)
            return Math.Min(field.Count ?? room, room);
        Report(user, $"size of {type.Name}", $"{field.Offset + ((fixedCount - 1) * field.Step) + field.Size} bytes or more, for {field.Name}", $"{size}");
        return room;
    }

    private void VisitLink(ObjectType type, LinkField field, long user, long at)
    {
        ulong offset = _map.ReadUInt64(field.Kind == LinkKind.Id ? at + sizeof(ulong) : at);
        if (offset == 0)
            return;
        string what = $"link {type.Name}.{field.Name}";
        if (field.Kind == LinkKind.Id && _map.ReadUInt64(at) is var pool && pool != _poolUuidLow)
        {
            if (!field.OtherPools || pool == 0)
                Dangle(at, field, what, $"null or pool 0x{_poolUuidLow:x16}", $"pool 0x{pool:x16}, offset 0x{offset:x}");
            return;
        }

        long target = offset <= long.MaxValue ? _heap.FindObjectAt((long)offset) : 0;
        if (target == 0)
        {
            Dangle(at, field, what, "null or an object", $"0x{offset:x}: {_heap.DescribePlace((long)Math.Min(offset, long.MaxValue))}");
            return;
        }

        if (target != _root && (_heap.ObjectFlags(target) & ObjectFlags.Internal) != 0)
        {
            Dangle(at, field, what, "null or an object of the program", $"0x{offset:x}: a log of the store");
            return;
        }

        // Kept even if the link is wrong: an object that something points into is not free for the taking.
        Reach(target);
        if (target != (long)offset && !field.Interior)
            Dangle(at, field, what, "null or the start of an object", $"0x{offset:x}: {offset - (ulong)target} bytes into the object at 0x{target:x} (type {_heap.TypeNumber(target)}, {_heap.UsableSize(target)} bytes): one of the two uses space that is not its own");
        else if (field.Target is { } expected && (_heap.TypeNumber(target) is var found && found != expected))
            Report(at, what, $"null or an object of type {expected}", $"0x{offset:x}: an object of type {found}");
        else
            _visitor?.VisitLink(user, at, field.Kind, target);
    }

    private void Dangle(long at, LinkField field, string what, string expected, string found) =>
        _report(new LinkFault(new PoolProblem(at, what, expected, found), at, field.Kind));

    private void Report(long at, string what, string expected, string found) => _report(new LinkFault(new PoolProblem(at, what, expected, found), 0, default));
}
