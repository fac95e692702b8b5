using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects;

/// <content>The root object: where a program starts to look for everything else.</content>
public sealed unsafe partial class ObjectStore
{
    // The size up to which the root may be used without the lock; -1 before the first use.
    private long _readyRootSize = -1;

    /// <summary>
    /// The root object (PMDK <c>pmemobj_root_construct</c>): made zeroed when there is none, grown (new bytes zeroed) when it is smaller than
    /// <paramref name="size"/>; it can move when it grows. Durable at return; a crash leaves the old root or the new one.
    /// </summary>
    /// <param name="size">Bytes wanted; 0 returns what is there.</param>
    /// <param name="constructor">Called when the root is made or grown.</param>
    /// <exception cref="ArgumentOutOfRangeException">Size 0 and there is no root, or a size beyond <see cref="MaximumObjectSize"/>.</exception>
    public ObjectId GetRoot(long size, ObjectConstructor? constructor = null)
    {
        // The usual case without the lock: the size is noted after the words that say it were applied, so the offset read behind it is no older.
        if (size <= Volatile.Read(ref _readyRootSize) && RootOffset is var present and not 0)
            return new ObjectId(PoolUuidLow, (ulong)present);
        lock (_rootLock)
        {
            long offset = RootOffset;
            if (offset != 0 && RootSize >= size)
            {
                Volatile.Write(ref _readyRootSize, RootSize);
                return new ObjectId(PoolUuidLow, (ulong)offset);
            }

            DemandSize(size);

            Lane lane = EnterLane();
            try
            {
                Span<PersistentAction> actions = stackalloc PersistentAction[2];
                int count = MakeRoot(offset, size, constructor, actions);
                lane.External.Set(PoolDescriptor.RootSizeField, (ulong)size);
                lane.External.Set(PoolDescriptor.RootOffsetField, (ulong)actions[0].UserOffset);
                Heap.Publish(lane.External, actions[..count]);
                Volatile.Write(ref _readyRootSize, size);
                return new ObjectId(PoolUuidLow, (ulong)RootOffset);
            }
            finally
            {
                ExitLane();
            }
        }
    }

    /// <summary>A reference to the root seen as <typeparamref name="T"/>, made zeroed or grown when needed. Do not keep it across a growth of the root.</summary>
    public ref T Root<T>()
        where T : unmanaged => ref _map.GetRef<T>((long)GetRoot(sizeof(T)).Offset);

    private int MakeRoot(long old, long size, ObjectConstructor? constructor, Span<PersistentAction> actions)
    {
        long kept = 0;
        int count = 1;
        if (old == 0)
        {
            PrepareNew(size, typeNumber: 0, AllocationOptions.Zero, constructor, ObjectFlags.Internal, out actions[0]);
            return count;
        }

        kept = Math.Min(RootSize, Heap.UsableSize(old));
        Heap.DeferFree(old, out actions[1]);
        if (!Heap.TryReserve(size, typeNumber: 0, ObjectFlags.Internal, zero: false, out actions[0]))
            throw OutOfSpace(size);
        long fresh = actions[0].UserOffset;
        _map.Move(fresh, old, kept, CopyHints.NoDrain);
        _map.Fill(fresh + kept, 0, actions[0].UsableSize - kept, CopyHints.NoDrain);
        if (constructor is not null)
        {
            bool built = false;
            try
            {
                int length = (int)Math.Min(int.MaxValue, actions[0].UsableSize);
                built = constructor(this, _map.GetSpan(fresh, length));
                _map.Flush(fresh, Math.Min(size, length));
            }
            finally
            {
                if (!built)
                    Heap.Cancel(actions[..1]);
            }

            if (!built)
                throw new OperationCanceledException("the root's constructor cancelled its growth");
        }

        return 2;
    }
}
