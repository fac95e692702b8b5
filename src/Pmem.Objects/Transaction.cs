using Pmem.Objects.Transactions;

namespace Pmem.Objects;

/// <summary>Where a transaction is; the stages of libpmemobj.</summary>
public enum TransactionStage
{
    /// <summary>No transaction.</summary>
    None = 0,

    /// <summary>Open: work is being done.</summary>
    Work = 1,

    /// <summary>Committed: everything is durable.</summary>
    OnCommit = 2,

    /// <summary>Aborted: everything is as before.</summary>
    OnAbort = 3,

    /// <summary>After either, before the outermost level ends.</summary>
    Finally = 4,
}

/// <summary>A range of the pool.</summary>
/// <param name="Offset">Offset in bytes from the start of the pool.</param>
/// <param name="Length">Length in bytes.</param>
public readonly record struct PoolRange(long Offset, long Length);

/// <summary>
/// A transaction of the calling thread: what is snapshotted, allocated and freed in it happens completely or not at all, whatever crashes.
/// </summary>
/// <remarks>
/// <para><c>using var tx = store.BeginTransaction(); …; tx.Commit();</c>: dispose without commit aborts. Transactions nest; everything is
/// decided at the outermost level, and an abort inside aborts all.</para>
/// <para>A handle is a value, so that a warm transaction allocates nothing; copies mean the same level. A handle of a level that has ended, or used
/// on another thread, throws <see cref="TransactionException"/>; after an abort the operations throw <see cref="TransactionAbortedException"/>.</para>
/// </remarks>
public readonly unsafe struct Transaction : IDisposable, IEquatable<Transaction>
{
    private readonly TransactionContext _context;
    private readonly ulong _serial;
    private readonly int _level;

    internal Transaction(TransactionContext context, int level, ulong serial)
    {
        _context = context;
        _level = level;
        _serial = serial;
    }

    /// <summary>The store.</summary>
    public ObjectStore Store => _context.Store;

    /// <summary>Where the transaction is; <see cref="TransactionStage.None"/> when this level has ended.</summary>
    public TransactionStage Stage => _context is not null && _context.IsOpen(_level, _serial) ? _context.Stage : TransactionStage.None;

    /// <summary>Something the program attaches to the outermost transaction; null at its begin (PMDK <c>pmemobj_tx_set_user_data</c>).</summary>
    public object? UserData
    {
        get => Demanded().UserData;
        set => Demanded().UserData = value;
    }

    /// <summary>
    /// Saves a range in the undo log before it is changed (PMDK <c>pmemobj_tx_add_range</c>). Durable at return, so the range may be changed at
    /// once; it is flushed at commit. Parts that are saved already cost nothing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not in the heap.</exception>
    /// <exception cref="OutOfSpaceException">The log cannot grow; the transaction can only abort.</exception>
    public void Snapshot(long offset, long length) => Demanded().Snapshot(offset, length);

    /// <summary>Saves several ranges; one wait for durability instead of one for each, which is most of what a snapshot costs.</summary>
    public void Snapshot(ReadOnlySpan<PoolRange> ranges) => Demanded().Snapshot(ranges);

    /// <summary>Saves a field, or a whole structure.</summary>
    /// <exception cref="ArgumentException">The reference does not point into the store.</exception>
    public void Snapshot<T>(ref T field)
        where T : unmanaged => Demanded().Snapshot(_context.Store.DemandOffset(ref field), sizeof(T));

    /// <summary>Saves all usable bytes of an object.</summary>
    public void Snapshot(ObjectId id)
    {
        TransactionContext context = Demanded();
        long offset = context.Store.DemandObject(id);
        context.Snapshot(offset, context.Store.Heap.UsableSize(offset));
    }

    /// <summary>Has a range flushed at commit without saving it: for data that need not be restored (PMDK <c>POBJ_XADD_NO_SNAPSHOT</c>).</summary>
    public void AddWithoutSnapshot(long offset, long length) => Demanded().AddWithoutSnapshot(offset, length);

    /// <summary>Saves a field and stores a new value into it (PMDK <c>TX_SET</c>).</summary>
    public void Set<T>(ref T field, T value)
        where T : unmanaged
    {
        TransactionContext context = Demanded();
        long offset = context.Store.DemandOffset(ref field);
        context.Snapshot(offset, sizeof(T));
        context.Store.Map.Store(offset, value);
    }

    /// <summary>Allocates an object that exists if the transaction commits (PMDK <c>pmemobj_tx_alloc</c>). It need not be snapshotted to be filled.</summary>
    /// <exception cref="OutOfSpaceException">No free space of that size; the transaction can only abort.</exception>
    public ObjectId Allocate(long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None) =>
        Demanded().Allocate(size, typeNumber, options);

    /// <summary>Allocates a zeroed <typeparamref name="T"/> (PMDK <c>TX_ZNEW</c>).</summary>
    /// <exception cref="OutOfSpaceException">No free space of that size; the transaction can only abort.</exception>
    public ObjectRef<T> New<T>(ulong typeNumber = 0)
        where T : unmanaged => new(Demanded().Allocate(sizeof(T), typeNumber, AllocationOptions.Zero).Offset);

    /// <summary>Resizes an object, which moves; the old one stays if the transaction aborts (PMDK <c>pmemobj_tx_realloc</c>).</summary>
    /// <exception cref="OutOfSpaceException">No free space of that size; the transaction can only abort.</exception>
    public ObjectId Reallocate(ObjectId id, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None) =>
        Demanded().Reallocate(id, size, typeNumber, options);

    /// <summary>Allocates a copy of a string as UTF-8 with a closing NUL (PMDK <c>pmemobj_tx_strdup</c>).</summary>
    public ObjectId DuplicateString(ReadOnlySpan<char> text, ulong typeNumber = 0)
    {
        TransactionContext context = Demanded();
        byte[] bytes = new byte[System.Text.Encoding.UTF8.GetByteCount(text) + 1];
        System.Text.Encoding.UTF8.GetBytes(text, bytes);
        ObjectId id = context.Allocate(bytes.Length, typeNumber, AllocationOptions.None);
        context.Store.Map.Copy((long)id.Offset, bytes, CopyHints.NoFlush);
        return id;
    }

    /// <summary>Frees an object if the transaction commits (PMDK <c>pmemobj_tx_free</c>). A null id is ignored.</summary>
    /// <exception cref="TransactionException">The object is freed twice, or is none.</exception>
    public void Free(ObjectId id) => Demanded().Free(id);

    /// <summary>Frees an object if the transaction commits.</summary>
    public void Free<T>(ObjectRef<T> reference)
        where T : unmanaged => Demanded().Free(reference.IsNull ? default : new ObjectId(_context.Store.PoolUuidLow, reference.Offset));

    /// <summary>
    /// Takes over actions prepared with <see cref="ObjectStore.Reserve"/> and its siblings; they happen if the transaction commits (PMDK
    /// <c>pmemobj_tx_publish</c>).
    /// </summary>
    public void Publish(Span<PersistentAction> actions) => Demanded().Publish(actions);

    /// <summary>Takes a lock now and holds it to the end of the outermost transaction (PMDK <c>pmemobj_tx_lock</c>).</summary>
    public void Lock(ref PersistentMutex mutex) => Demanded().Lock(_context.Store.DemandOffset(ref mutex));

    /// <summary>
    /// Calls back when the outermost transaction enters a stage: <see cref="TransactionStage.Work"/> before the commit begins (an exception there
    /// aborts), then <see cref="TransactionStage.OnCommit"/> or <see cref="TransactionStage.OnAbort"/>, then <see cref="TransactionStage.Finally"/>.
    /// </summary>
    public void OnStage(Action<TransactionStage> callback) => Demanded().OnStage(callback);

    /// <summary>Makes everything durable (outermost level), or ends a nested level.</summary>
    /// <exception cref="TransactionAbortedException">A nested level was aborted.</exception>
    public void Commit() => Demanded().Commit(_level, _serial);

    /// <summary>Gives the transaction up: throws, and everything is as before when the outermost level is disposed.</summary>
    /// <exception cref="TransactionAbortedException">Always; its inner exception is the cause.</exception>
    public void Abort(Exception? cause = null) => Demanded().Abort(_level, _serial, cause);

    /// <summary>Ends the level: aborts when it was not committed.</summary>
    public void Dispose() => _context?.Dispose(_level, _serial);

    /// <inheritdoc/>
    public bool Equals(Transaction other) => ReferenceEquals(_context, other._context) && _level == other._level && _serial == other._serial;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Transaction other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_context, _level, _serial);

    /// <summary>Whether two handles mean the same level.</summary>
    public static bool operator ==(Transaction left, Transaction right) => left.Equals(right);

    /// <summary>Whether two handles mean different levels.</summary>
    public static bool operator !=(Transaction left, Transaction right) => !left.Equals(right);

    private TransactionContext Demanded()
    {
        TransactionContext context = _context ?? throw new TransactionException("no transaction: take the handle from BeginTransaction");
        context.Demand(_level, _serial);
        return context;
    }
}

/// <summary>A transaction was misused, or cannot go on.</summary>
public class TransactionException : PmemException
{
    /// <summary>Creates the exception.</summary>
    public TransactionException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A transaction was aborted; the cause, if one was given, is the inner exception.</summary>
public sealed class TransactionAbortedException : TransactionException
{
    /// <summary>Creates the exception.</summary>
    public TransactionAbortedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
