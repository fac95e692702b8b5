using Pmem.Objects.Heap;

namespace Pmem.Objects;

/// <summary>An allocated object as the heap sees it.</summary>
/// <param name="Offset">Pool offset of the user data.</param>
/// <param name="UsableSize">Usable bytes.</param>
/// <param name="TypeNumber">The number it was allocated with.</param>
/// <param name="IsInternal">Whether the store made it for itself: the root object, log extensions.</param>
public readonly record struct StoreObject(long Offset, long UsableSize, ulong TypeNumber, bool IsInternal);

/// <content>Walking the objects.</content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>The type number an object was allocated with; 0 for objects without a header.</summary>
    public ulong GetTypeNumber(ObjectId id) => Heap.TypeNumber(DemandObject(id));

    /// <summary>Usable bytes of an object, at least what was asked; 0 for null (PMDK <c>pmemobj_alloc_usable_size</c>).</summary>
    public long GetUsableSize(ObjectId id) => id.IsNull ? 0 : Heap.UsableSize(DemandObject(id));

    /// <summary>First object in heap order, or null; internal objects and the root are skipped (PMDK <c>pmemobj_first</c>).</summary>
    public ObjectId First() => SkipInternal(Heap.FirstObject());

    /// <summary>Next object in heap order, or null (PMDK <c>pmemobj_next</c>).</summary>
    public ObjectId Next(ObjectId id) => SkipInternal(Heap.NextObject(DemandObject(id)));

    /// <summary>Every allocated object in heap order, the root and internal ones included. Not a snapshot: other threads' changes may or may not show.</summary>
    public IEnumerable<StoreObject> EnumerateObjects()
    {
        for (long offset = Heap.FirstObject(); offset != 0; offset = Heap.NextObject(offset))
        {
            yield return new StoreObject(
                offset, Heap.UsableSize(offset), Heap.TypeNumber(offset), (Heap.ObjectFlags(offset) & Pmem.Objects.Layout.ObjectFlags.Internal) != 0);
        }
    }

    private ObjectId SkipInternal(long offset)
    {
        while (offset != 0 && (Heap.ObjectFlags(offset) & Pmem.Objects.Layout.ObjectFlags.Internal) != 0)
            offset = Heap.NextObject(offset);
        return offset == 0 ? ObjectId.Null : new ObjectId(PoolUuidLow, (ulong)offset);
    }
}
