using Pmem.Pools;

namespace Pmem.Objects;

/// <summary>Options of allocation; the bits that PMDK calls <c>POBJ_FLAG_*</c>.</summary>
[Flags]
public enum AllocationOptions
{
    /// <summary>Plain: the content is undefined.</summary>
    None = 0,

    /// <summary>The object's bytes are zero and durable.</summary>
    Zero = 1,

    /// <summary>In a transaction: do not flush the object at commit; the caller does.</summary>
    NoFlush = 2,
}

/// <summary>Fills a new object before it becomes visible; the object is durable when the constructor returns. Returning false cancels the allocation.</summary>
/// <param name="store">The store.</param>
/// <param name="content">The object's usable bytes.</param>
public delegate bool ObjectConstructor(ObjectStore store, Span<byte> content);

/// <summary>A persistent object store, byte-compatible with libpmemobj pools of layout 6.</summary>
public sealed unsafe partial class ObjectStore : IDisposable
{
    /// <summary>Creates a pool file of <paramref name="size"/> bytes (at least 8 MiB) with the layout name and opens it. Durable at return.</summary>
    public static ObjectStore Create(string path, string layout, long size, ObjectStoreOptions? options = null) => throw new NotSupportedException();

    /// <summary>Opens a pool file, recovering it when it was not closed. <paramref name="layout"/> null accepts any layout.</summary>
    public static ObjectStore Open(string path, string? layout = null, ObjectStoreOptions? options = null) => throw new NotSupportedException();

    /// <summary>Makes a store in a map whose first 4096 bytes are zero, without a file; the store owns the map.</summary>
    public static ObjectStore Create(PersistentMap map, string layout, ObjectStoreOptions? options = null) => throw new NotSupportedException();

    /// <summary>Opens and recovers the store in a map (an image in memory, say); the store owns the map.</summary>
    public static ObjectStore Open(PersistentMap map, string? layout = null, ObjectStoreOptions? options = null) => throw new NotSupportedException();

    /// <summary>Checks everything in a pool file without changing a byte; pending recovery is applied to a private copy first.</summary>
    public static StoreCheckResult Check(string path) => throw new NotSupportedException();

    /// <summary>The map that holds the store.</summary>
    public PersistentMap Map => throw new NotSupportedException();

    /// <summary>The pool file's header.</summary>
    public PoolHeader Header => throw new NotSupportedException();

    /// <summary>The layout name, at most 1023 bytes of UTF-8.</summary>
    public string Layout => throw new NotSupportedException();

    /// <summary>The pool-set uuid folded to 8 bytes, as in every <see cref="ObjectId"/> of this store.</summary>
    public ulong PoolUuidLow => throw new NotSupportedException();

    /// <summary>The run id: even, two more at each open.</summary>
    public ulong RunId => throw new NotSupportedException();

    /// <summary>Bytes that the caller asked for the root object; 0 when there is none.</summary>
    public long RootSize => throw new NotSupportedException();

    /// <summary>The root object, made (zeroed) or grown when needed; its identity can change when it grows. Durable at return.</summary>
    public ObjectId GetRoot(long size, ObjectConstructor? constructor = null) => throw new NotSupportedException();

    /// <summary>A reference to the root seen as <typeparamref name="T"/>, made or grown when needed.</summary>
    public ref T Root<T>()
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>Allocates an object atomically. The object is lost (leaked) if the caller crashes before storing the id; see the overload with a destination.</summary>
    public ObjectId Allocate(long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None, ObjectConstructor? constructor = null) => throw new NotSupportedException();

    /// <summary>Allocates an object and stores its id in <paramref name="destination"/>; when that lies in the pool, both become durable together.</summary>
    public void Allocate(ref ObjectId destination, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None, ObjectConstructor? constructor = null) => throw new NotSupportedException();

    /// <summary>Resizes an object (contents kept, may move); new bytes are zero with <see cref="AllocationOptions.Zero"/>. Size 0 frees.</summary>
    public void Reallocate(ref ObjectId destination, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None) => throw new NotSupportedException();

    /// <summary>Frees an object and nulls the id; when the id lies in the pool, both become durable together. A null id is ignored.</summary>
    public void Free(ref ObjectId id) => throw new NotSupportedException();

    /// <summary>Frees an object.</summary>
    public void Free(ObjectId id) => throw new NotSupportedException();

    /// <summary>Allocates a copy of a string as UTF-8 with a closing NUL (PMDK <c>pmemobj_strdup</c>).</summary>
    public void DuplicateString(ref ObjectId destination, ReadOnlySpan<char> text, ulong typeNumber = 0) => throw new NotSupportedException();

    /// <summary>Reserves an object in DRAM only: it exists once <see cref="Publish"/> made the action durable.</summary>
    public ObjectId Reserve(long size, ulong typeNumber, AllocationOptions options, out PersistentAction action) => throw new NotSupportedException();

    /// <summary>Prepares the free of an object, done by <see cref="Publish"/>.</summary>
    public void DeferFree(ObjectId id, out PersistentAction action) => throw new NotSupportedException();

    /// <summary>Prepares an 8-byte store to the pool, done by <see cref="Publish"/>.</summary>
    public void SetValue(ref ulong destination, ulong value, out PersistentAction action) => throw new NotSupportedException();

    /// <summary>Makes all actions durable together or not at all.</summary>
    public void Publish(Span<PersistentAction> actions) => throw new NotSupportedException();

    /// <summary>Gives up the actions.</summary>
    public void Cancel(Span<PersistentAction> actions) => throw new NotSupportedException();

    /// <summary>The type number an object was allocated with.</summary>
    public ulong GetTypeNumber(ObjectId id) => throw new NotSupportedException();

    /// <summary>Usable bytes of an object, at least what was asked; 0 for null.</summary>
    public long GetUsableSize(ObjectId id) => throw new NotSupportedException();

    /// <summary>First object in heap order, or null; internal objects and the root are skipped.</summary>
    public ObjectId First() => throw new NotSupportedException();

    /// <summary>Next object in heap order, or null.</summary>
    public ObjectId Next(ObjectId id) => throw new NotSupportedException();

    /// <summary>Whether the reference points into this store's memory; gives its pool offset.</summary>
    public bool TryGetOffset<T>(ref readonly T reference, out long offset)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>The object's first bytes as <typeparamref name="T"/>.</summary>
    public ref T Get<T>(ObjectId id)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>The object's first bytes as <typeparamref name="T"/>.</summary>
    public ref T Get<T>(ObjectRef<T> reference)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>The object's usable bytes (at most 2 GiB of them).</summary>
    public Span<byte> GetSpan(ObjectId id) => throw new NotSupportedException();

    /// <summary>Makes a value in the pool durable.</summary>
    public void Persist<T>(ref readonly T reference)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>Begins a transaction on this thread, or a nested one when the thread has one already.</summary>
    public Transaction BeginTransaction() => throw new NotSupportedException();

    /// <summary>Runs the body in a transaction: commits when it returns, aborts and rethrows when it throws.</summary>
    public void Run(Action<Transaction> body) => throw new NotSupportedException();

    /// <summary>Closes the store: everything committed is durable, the shutdown state is clean.</summary>
    public void Dispose() => throw new NotSupportedException();
}
