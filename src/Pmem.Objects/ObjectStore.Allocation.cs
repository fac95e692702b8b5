using System.Text;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects;

/// <content>
/// Atomic allocation: each call is durable when it returns, or has not happened. Where the id goes to the pool, id and allocation become
/// durable in one redo operation, so no crash leaks the object or leaves a dangling id.
/// </content>
public sealed unsafe partial class ObjectStore
{
    /// <summary>
    /// Allocates an object atomically (PMDK <c>pmemobj_alloc</c>). The object leaks if the process dies before the id is stored durably;
    /// see the overload with a destination.
    /// </summary>
    /// <param name="size">Bytes wanted, 1 to <see cref="MaximumObjectSize"/>.</param>
    /// <param name="typeNumber">Any number that tells the program what it is; see <see cref="GetTypeNumber"/>.</param>
    /// <param name="options">Whether to zero it.</param>
    /// <param name="constructor">Fills the object before it becomes visible; what it stores is made durable for it.</param>
    /// <exception cref="OutOfSpaceException">No free space of that size.</exception>
    /// <exception cref="OperationCanceledException">The constructor returned false.</exception>
    public ObjectId Allocate(long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None, ObjectConstructor? constructor = null)
    {
        DemandSize(size);
        Lane lane = EnterLane();
        try
        {
            PrepareNew(size, typeNumber, options, constructor, ObjectFlags.None, out PersistentAction action);
            Heap.Publish(lane.External, ref action);
            return new ObjectId(PoolUuidLow, (ulong)action.UserOffset);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>
    /// Allocates an object and stores its id in <paramref name="destination"/>; when that lies in the pool, both become durable together. On
    /// failure the destination is unchanged.
    /// </summary>
    /// <inheritdoc cref="Allocate(long, ulong, AllocationOptions, ObjectConstructor?)"/>
    public void Allocate(ref ObjectId destination, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None, ObjectConstructor? constructor = null)
    {
        if (!TryGetOffset(ref destination, out long at))
        {
            destination = Allocate(size, typeNumber, options, constructor);
            return;
        }

        DemandSize(size);
        DemandAligned(at);
        Lane lane = EnterLane();
        try
        {
            PrepareNew(size, typeNumber, options, constructor, ObjectFlags.None, out PersistentAction action);
            AddIdEntries(lane.External, at, (ulong)action.UserOffset);
            Heap.Publish(lane.External, ref action);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>
    /// Resizes an object, which may move (PMDK <c>pmemobj_realloc</c>): contents are kept up to the smaller size, new bytes are zero with
    /// <see cref="AllocationOptions.Zero"/>. Size 0 frees; a null id allocates. When the destination lies in the pool it changes in the same step.
    /// </summary>
    public void Reallocate(ref ObjectId destination, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None)
    {
        if (destination.IsNull)
        {
            if (size != 0)
                Allocate(ref destination, size, typeNumber, options);
            return;
        }

        if (size == 0)
        {
            Free(ref destination);
            return;
        }

        DemandSize(size);
        bool inPool = TryGetOffset(ref destination, out long at);
        if (inPool)
            DemandAligned(at);
        long old = DemandObject(destination);
        long oldUsable = Heap.UsableSize(old);
        Lane lane = EnterLane();
        try
        {
            if (oldUsable == size)
                return;

            Span<PersistentAction> actions = stackalloc PersistentAction[2];
            Heap.DeferFree(old, out actions[1]);
            if (!Heap.TryReserve(size, typeNumber, ObjectFlags.None, zero: false, out actions[0]))
                throw OutOfSpace(size);
            long fresh = actions[0].UserOffset;
            long copied = Math.Min(oldUsable, actions[0].UsableSize);
            _map.Move(fresh, old, copied, CopyHints.NoDrain);
            if ((options & AllocationOptions.Zero) != 0 && actions[0].UsableSize > copied)
                _map.Fill(fresh + copied, 0, actions[0].UsableSize - copied, CopyHints.NoDrain);
            if (inPool)
                AddIdEntries(lane.External, at, (ulong)fresh);
            Heap.Publish(lane.External, actions);
            if (!inPool)
                destination = new ObjectId(PoolUuidLow, (ulong)fresh);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>
    /// Frees an object and nulls the id (PMDK <c>pmemobj_free</c>); when the id lies in the pool, both become durable together. A null id is ignored.
    /// </summary>
    /// <exception cref="ArgumentException">The id is not that of an allocated object of this store: freed before, say.</exception>
    public void Free(ref ObjectId id)
    {
        if (id.IsNull)
            return;
        if (!TryGetOffset(ref id, out long at))
        {
            Free(id);
            id = default;
            return;
        }

        DemandAligned(at);
        PersistentAction action = PrepareFree(id);
        Lane lane = EnterLane();
        try
        {
            lane.External.Set(at, 0);
            lane.External.Set(at + sizeof(ulong), 0);
            Heap.Publish(lane.External, ref action);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>Frees an object; durable at return. A null id is ignored.</summary>
    /// <exception cref="ArgumentException">The id is not that of an allocated object of this store: freed before, say.</exception>
    public void Free(ObjectId id)
    {
        if (id.IsNull)
            return;
        PersistentAction action = PrepareFree(id);
        Lane lane = EnterLane();
        try
        {
            Heap.Publish(lane.External, ref action);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>Allocates a copy of a string as UTF-8 with a closing NUL (PMDK <c>pmemobj_strdup</c>).</summary>
    public void DuplicateString(ref ObjectId destination, ReadOnlySpan<char> text, ulong typeNumber = 0)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        Allocate(ref destination, bytes.Length, typeNumber, AllocationOptions.None, (store, content) =>
        {
            store.Map.Copy(store.DemandOffset(in content[0]), bytes, CopyHints.NoDrain);
            return true;
        });
    }

    /// <summary>The string that <see cref="DuplicateString"/> stored.</summary>
    public string ReadString(ObjectId id)
    {
        ReadOnlySpan<byte> bytes = GetSpan(id);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Reserves an object in DRAM only (PMDK <c>pmemobj_reserve</c>): it exists once <see cref="Publish"/> made the action durable.</summary>
    /// <exception cref="OutOfSpaceException">No free space of that size.</exception>
    public ObjectId Reserve(long size, ulong typeNumber, AllocationOptions options, out PersistentAction action)
    {
        DemandSize(size);
        if (!Heap.TryReserve(size, typeNumber, ObjectFlags.None, (options & AllocationOptions.Zero) != 0, out action))
            throw OutOfSpace(size);
        return new ObjectId(PoolUuidLow, (ulong)action.UserOffset);
    }

    /// <summary>Prepares the free of an object, done by <see cref="Publish"/> (PMDK <c>pmemobj_defer_free</c>).</summary>
    public void DeferFree(ObjectId id, out PersistentAction action) => action = PrepareFree(id);

    /// <summary>Prepares an 8-byte store to the pool, done by <see cref="Publish"/> (PMDK <c>pmemobj_set_value</c>).</summary>
    /// <exception cref="ArgumentException">The destination is not an aligned word of this store's heap.</exception>
    public void SetValue(ref ulong destination, ulong value, out PersistentAction action)
    {
        long offset = DemandOffset(ref destination);
        if ((offset & 7) != 0 || !Bounds.IsInHeap(offset, sizeof(ulong)))
            throw new ArgumentException($"0x{offset:x} is not an aligned word of an object", nameof(destination));
        action = PersistentHeap.SetValue(offset, value);
    }

    /// <summary>Makes all actions durable together or not at all (PMDK <c>pmemobj_publish</c>).</summary>
    public void Publish(Span<PersistentAction> actions)
    {
        if (actions.IsEmpty)
            return;
        Lane lane = EnterLane();
        try
        {
            lane.External.Reserve(actions.Length);
            if (actions.Length == 1)
                Heap.Publish(lane.External, ref actions[0]);
            else
                Heap.Publish(lane.External, actions);
        }
        finally
        {
            ExitLane();
        }
    }

    /// <summary>Gives up the actions (PMDK <c>pmemobj_cancel</c>): reserved space is free again, nothing reaches the pool.</summary>
    public void Cancel(Span<PersistentAction> actions) => Heap.Cancel(actions);

    private void PrepareNew(long size, ulong typeNumber, AllocationOptions options, ObjectConstructor? constructor, ushort flags, out PersistentAction action)
    {
        if (!Heap.TryReserve(size, typeNumber, flags, (options & AllocationOptions.Zero) != 0, out action))
            throw OutOfSpace(size);
        if (constructor is null)
            return;

        bool built = false;
        try
        {
            int length = (int)Math.Min(int.MaxValue, action.UsableSize);
            built = constructor(this, _map.GetSpan(action.UserOffset, length));
            _map.Flush(action.UserOffset, Math.Min(size, length));
        }
        finally
        {
            if (!built)
                Heap.Cancel(new Span<PersistentAction>(ref action));
        }

        if (!built)
            throw new OperationCanceledException("the object's constructor cancelled the allocation");
    }

    private PersistentAction PrepareFree(ObjectId id)
    {
        if (id.PoolUuidLow != PoolUuidLow || !Heap.TryDeferFree((long)id.Offset, out PersistentAction action))
            DemandObject(id, out action);
        return action;
    }

    /// <summary>Says what is wrong with an id, or prepares its free after all.</summary>
    private void DemandObject(ObjectId id, out PersistentAction action) => Heap.DeferFree(DemandObject(id), out action);

    /// <summary>Before anything is reserved or logged: redo entries change whole words.</summary>
    private static void DemandAligned(long destination)
    {
        if ((destination & 7) != 0)
            throw new ArgumentException($"the id at 0x{destination:x} is not 8-byte aligned", nameof(destination));
    }

    private void AddIdEntries(RedoLog redo, long destination, ulong offset)
    {
        if (_map.ReadUInt64(destination) != PoolUuidLow)
            redo.Set(destination, PoolUuidLow);
        redo.Set(destination + sizeof(ulong), offset);
    }
}
