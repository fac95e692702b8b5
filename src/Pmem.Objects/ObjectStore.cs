using System.Runtime.CompilerServices;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools;

namespace Pmem.Objects;

/// <summary>
/// A persistent object store, byte-compatible with libpmemobj pools of layout 6: open a file, keep objects in it, change them atomically,
/// find them whole after a crash.
/// </summary>
/// <remarks>
/// All members may be used from many threads at once. What protects the program's own objects from each other's threads is the program's
/// business, as with ordinary memory; <see cref="PersistentMutex"/> and <see cref="Transaction.Lock"/> help. References and spans into the
/// store must not be used after <see cref="Dispose"/>.
/// </remarks>
public sealed unsafe partial class ObjectStore : IDisposable
{
    /// <summary>Largest object in bytes (PMDK <c>PMEMOBJ_MAX_ALLOC_SIZE</c>).</summary>
    public const long MaximumObjectSize = 0x3FFDFFFC0;

    /// <summary>Smallest pool in bytes (PMDK <c>PMEMOBJ_MIN_POOL</c>).</summary>
    public const long MinimumPoolSize = PoolDescriptor.MinimumPoolSize;

    private static long s_serials;

    private readonly PoolFile _pool;
    private readonly PersistentMap _map;
    private readonly LaneTable _lanes;
    private readonly Lock _rootLock = new();
    private volatile bool _closed;
    private PmemException? _damage;

    private ObjectStore(PoolFile pool, PoolBounds bounds, ulong runId, ObjectStoreOptions options)
    {
        _pool = pool;
        _map = pool.Map;
        Bounds = bounds;
        RunId = runId;
        PoolUuidLow = FoldUuid(pool.Header.PoolSetUuid);
        Heap = new PersistentHeap(_map, bounds.HeapOffset, bounds.HeapSize, options.Arenas > 0 ? options.Arenas : Environment.ProcessorCount);
        _lanes = new LaneTable(this, LaneLimit(options, bounds.LaneCount));
        _growthSize = options.GrowthSize;
        if (pool.CanGrow)
            Heap.AllowGrowth(GrowHeapByItself, HeapLayout.UsableSize(pool.MaximumSize - bounds.HeapOffset));
    }

    /// <summary>The map that holds the store.</summary>
    public PersistentMap Map => _map;

    /// <summary>The header of the pool's first part.</summary>
    public PoolHeader Header => _pool.Header;

    /// <summary>Path of the pool file or pool set file, or null for a store in memory.</summary>
    public string? Path => _pool.Path;

    /// <summary>The layout name, at most 1023 bytes of UTF-8.</summary>
    public string Layout => DescriptorReader.ReadLayout(_map);

    /// <summary>The pool-set uuid folded to 8 bytes, as in every <see cref="ObjectId"/> of this store.</summary>
    public ulong PoolUuidLow { get; }

    /// <summary>The run id: even, two more at each open.</summary>
    public ulong RunId { get; }

    /// <summary>Bytes that the caller asked for the root object; 0 when there is none.</summary>
    public long RootSize => (long)_map.ReadUInt64(PoolDescriptor.RootSizeField);

    /// <summary>Pool offset of the root object, or 0.</summary>
    public long RootOffset => (long)_map.ReadUInt64(PoolDescriptor.RootOffsetField);

    /// <summary>Pool offset of the heap.</summary>
    public long HeapOffset => Bounds.HeapOffset;

    /// <summary>Bytes of the heap, its headers included.</summary>
    public long HeapSize => Bounds.HeapSize;

    /// <summary>Something the program attaches to the open store.</summary>
    public object? UserData { get; set; }

    internal PersistentHeap Heap { get; }

    internal PoolBounds Bounds { get; private set; }

    internal bool IsClosed => _closed;

    /// <summary>Distinguishes stores of this process, so that a thread never confuses a closed one with its successor.</summary>
    internal long Serial { get; } = Interlocked.Increment(ref s_serials);

    /// <summary>What the heap holds, counted by walking it; the numbers of a heap in use are approximate.</summary>
    public HeapStatistics GetHeapStatistics() => Heap.GetStatistics();

    /// <summary>Whether the reference points into this store's memory; gives its pool offset.</summary>
    public bool TryGetOffset<T>(ref readonly T reference, out long offset)
        where T : unmanaged
    {
        return _map.TryGetOffset(Unsafe.AsPointer(ref Unsafe.AsRef(in reference)), out offset);
    }

    /// <summary>The id of the object, or part of an object, that a reference points to. Throws <see cref="ArgumentException"/> when it is not in this store.</summary>
    public ObjectId GetId<T>(ref readonly T reference)
        where T : unmanaged => new(PoolUuidLow, (ulong)DemandOffset(in reference));

    /// <summary>The object's first bytes as <typeparamref name="T"/>. Writes through the reference are plain stores: snapshot before, or persist after.</summary>
    public ref T Get<T>(ObjectId id)
        where T : unmanaged
    {
        if (id.PoolUuidLow != PoolUuidLow || id.IsNull)
            ThrowForeign(id);
        return ref _map.GetRef<T>((long)id.Offset);
    }

    /// <summary>The object's first bytes as <typeparamref name="T"/>.</summary>
    public ref T Get<T>(ObjectRef<T> reference)
        where T : unmanaged
    {
        if (reference.IsNull)
            ThrowForeign(default);
        return ref _map.GetRef<T>((long)reference.Offset);
    }

    /// <summary>The object's usable bytes (at most 2 GiB of them).</summary>
    public Span<byte> GetSpan(ObjectId id)
    {
        long offset = DemandObject(id);
        return _map.GetSpan(offset, (int)Math.Min(int.MaxValue, Heap.UsableSize(offset)));
    }

    /// <summary>Makes a value in the pool durable.</summary>
    public void Persist<T>(ref readonly T reference)
        where T : unmanaged => _map.Persist(DemandOffset(in reference), sizeof(T));

    /// <summary>Makes the bytes of a span in the pool durable.</summary>
    public void Persist(ReadOnlySpan<byte> span)
    {
        if (!span.IsEmpty)
            _map.Persist(DemandOffset(in span[0]), span.Length);
    }

    /// <summary>Begins a transaction on this thread, or a nested one when the thread has one already.</summary>
    public Transaction BeginTransaction()
    {
        ThreadSlot slot = ThreadSlot.For(this);
        if (slot.Depth > 0 && slot.Held!.Transaction.Depth > 0)
            return slot.Held.Transaction.Begin();
        Lane lane = EnterLane(slot);
        return lane.Transaction.Begin();
    }

    /// <summary>Runs the body in a transaction: commits when it returns, aborts and rethrows when it throws.</summary>
    public void Run(Action<Transaction> body)
    {
        using Transaction transaction = BeginTransaction();
        body(transaction);
        transaction.Commit();
    }

    /// <summary>Runs the body in a transaction and returns its result; <paramref name="state"/> saves the closure.</summary>
    public TResult Run<TState, TResult>(TState state, Func<Transaction, TState, TResult> body)
    {
        using Transaction transaction = BeginTransaction();
        TResult result = body(transaction, state);
        transaction.Commit();
        return result;
    }

    /// <summary>Takes a mutex that lives in this store, waiting for it. Throws <see cref="LockRecursionException"/> when the thread has it.</summary>
    public void Lock(ref PersistentMutex mutex) => Transactions.PoolLock.Enter(this, DemandOffset(ref mutex));

    /// <summary>Takes a mutex that lives in this store if it is free.</summary>
    public bool TryLock(ref PersistentMutex mutex) => Transactions.PoolLock.TryEnter(this, DemandOffset(ref mutex));

    /// <summary>Gives a mutex back. Throws <see cref="SynchronizationLockException"/> when the thread does not hold it.</summary>
    public void Unlock(ref PersistentMutex mutex) => Transactions.PoolLock.Exit(this, DemandOffset(ref mutex));

    /// <summary>
    /// Closes the store: the shutdown state becomes clean and the file is unlocked. An open transaction of the calling thread is aborted; what
    /// other threads are doing is waited for.
    /// </summary>
    /// <exception cref="TransactionException">Other threads did not end what they do within ten seconds; the store stays open.</exception>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        ThreadSlot slot = ThreadSlot.For(this);
        if (slot.Held is { Transaction.Depth: > 0 } mine)
            mine.Transaction.Close();
        if (!_lanes.TryClose(TimeSpan.FromSeconds(10)))
        {
            _closed = false;
            throw new TransactionException("the store cannot be closed: other threads have transactions open; end them first");
        }

        // A store that broke stays dirty, so that the next open recovers it.
        if (_damage is null)
            _pool.Dispose();
        else
            _pool.Abandon();
    }

    /// <summary>Takes no more operations: memory and media may disagree since an operation failed behind its commit point.</summary>
    internal void MarkBroken(PmemException damage) => _damage ??= damage;

    internal static ulong FoldUuid(Guid poolSetUuid)
    {
        // The uuid in its media form: first three groups little-endian, as Guid stores them too.
        Span<byte> bytes = stackalloc byte[16];
        poolSetUuid.TryWriteBytes(bytes);
        ulong folded = 0;
        for (int i = 0; i < 8; i++)
            folded = (folded << 8) | (uint)(bytes[i] ^ bytes[8 + i]);
        return folded;
    }

    internal Lane EnterLane(ThreadSlot slot)
    {
        if (slot.Depth++ > 0)
            return slot.Held!;
        try
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (_damage is not null)
                throw new PmemException($"the store is damaged since an operation failed; close and open it again to recover: {_damage.Message}", _damage);
            return slot.Held = _lanes.Enter(slot);
        }
        catch
        {
            slot.Depth--;
            throw;
        }
    }

    internal Lane EnterLane() => EnterLane(ThreadSlot.For(this));

    internal void ExitLane()
    {
        ThreadSlot slot = ThreadSlot.For(this);
        Lane lane = slot.Held!;

        // An operation that failed half-way must not leave its entries to the next one.
        if (lane.External.Count > 0)
            lane.External.Clear();
        if (lane.Internal.Count > 0)
            lane.Internal.Clear();
        if (--slot.Depth > 0)
            return;
        slot.Held = null;
        _lanes.Exit(lane);
    }

    internal static void DemandSize(long size)
    {
        if (size is <= 0 or > MaximumObjectSize)
            throw new ArgumentOutOfRangeException(nameof(size), $"an object has 1 to {MaximumObjectSize} bytes, not {size}");
    }

    internal OutOfSpaceException OutOfSpace(long size) =>
        new($"no free space for an object of {size} bytes in the pool of {_pool.Size} bytes{(Path is null ? string.Empty : $" ({Path})")}: free objects, or make the pool larger");

    /// <summary>The pool offset of an allocated object, or an exception that says what is wrong with the id.</summary>
    internal long DemandObject(ObjectId id, bool inTransaction = false)
    {
        if (id.PoolUuidLow != PoolUuidLow || id.IsNull)
            ThrowForeign(id);
        long offset = (long)id.Offset;
        if (!Bounds.IsInHeap(offset, 1) || (!inTransaction && !Heap.IsObject(offset)))
            throw new ArgumentException($"0x{offset:x} is not an allocated object: it was freed before, or the id is wrong", nameof(id));
        return offset;
    }

    internal long DemandOffset<T>(ref readonly T reference)
        where T : unmanaged => TryGetOffset(in reference, out long offset)
            ? offset
            : throw new ArgumentException("the reference does not point into this store; take it from Get, Root or GetSpan", nameof(reference));

    private static int LaneLimit(ObjectStoreOptions options, int onMedia)
    {
        int wanted = options.Lanes;
        if (wanted == 0 && int.TryParse(Environment.GetEnvironmentVariable("PMEMOBJ_NLANES"), out int fromEnvironment))
            wanted = fromEnvironment;
        return wanted > 0 ? Math.Min(wanted, onMedia) : onMedia;
    }

    private static void ThrowForeign(ObjectId id) =>
        throw new ArgumentException(id.IsNull ? "the object id is null" : $"the object id belongs to another pool (0x{id.PoolUuidLow:x})", nameof(id));
}
