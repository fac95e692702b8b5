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
/// A handle to a transaction of the calling thread. Dispose without <see cref="Commit"/> aborts. A value type, so that a warm transaction
/// allocates nothing; a stale handle is detected and throws <see cref="TransactionException"/>.
/// </summary>
public readonly unsafe struct Transaction : IDisposable
{
    /// <summary>The store.</summary>
    public ObjectStore Store => throw new NotSupportedException();

    /// <summary>Where the transaction is.</summary>
    public TransactionStage Stage => throw new NotSupportedException();

    /// <summary>Something the program attaches to the outermost transaction; null at its begin.</summary>
    public object? UserData { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Saves a range in the undo log before it is changed. Durable at return, so the range may be changed at once.</summary>
    public void Snapshot(long offset, long length) => throw new NotSupportedException();

    /// <summary>Saves several ranges under one fence: cheaper than one call each.</summary>
    public void Snapshot(ReadOnlySpan<PoolRange> ranges) => throw new NotSupportedException();

    /// <summary>Saves a field.</summary>
    public void Snapshot<T>(ref T field)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>Saves a whole object.</summary>
    public void Snapshot(ObjectId id) => throw new NotSupportedException();

    /// <summary>Registers a range for flushing at commit without saving it (new data, or data that need not be restored).</summary>
    public void AddWithoutSnapshot(long offset, long length) => throw new NotSupportedException();

    /// <summary>Saves a field and stores a new value into it.</summary>
    public void Set<T>(ref T field, T value)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>Allocates an object that exists if the transaction commits.</summary>
    public ObjectId Allocate(long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None) => throw new NotSupportedException();

    /// <summary>Allocates a zeroed <typeparamref name="T"/>.</summary>
    public ObjectRef<T> New<T>(ulong typeNumber = 0)
        where T : unmanaged => throw new NotSupportedException();

    /// <summary>Resizes an object; the old one stays if the transaction aborts.</summary>
    public ObjectId Reallocate(ObjectId id, long size, ulong typeNumber = 0, AllocationOptions options = AllocationOptions.None) => throw new NotSupportedException();

    /// <summary>Allocates a copy of a string as UTF-8 with a closing NUL.</summary>
    public ObjectId DuplicateString(ReadOnlySpan<char> text, ulong typeNumber = 0) => throw new NotSupportedException();

    /// <summary>Frees an object if the transaction commits.</summary>
    public void Free(ObjectId id) => throw new NotSupportedException();

    /// <summary>Adds actions prepared with <see cref="ObjectStore.Reserve"/> and its siblings; they happen if the transaction commits.</summary>
    public void Publish(ReadOnlySpan<PersistentAction> actions) => throw new NotSupportedException();

    /// <summary>Takes a lock now and holds it to the end of the outermost transaction.</summary>
    public void Lock(ref PersistentMutex mutex) => throw new NotSupportedException();

    /// <summary>Calls back when the outermost transaction enters a stage.</summary>
    public void OnStage(Action<TransactionStage> callback) => throw new NotSupportedException();

    /// <summary>Makes everything durable (outermost level), or ends a nested level.</summary>
    public void Commit() => throw new NotSupportedException();

    /// <summary>Restores everything and throws <see cref="TransactionAbortedException"/> with the cause through all levels.</summary>
    public void Abort(Exception? cause = null) => throw new NotSupportedException();

    /// <summary>Ends the level: aborts when it was not committed.</summary>
    public void Dispose() => throw new NotSupportedException();
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

/// <summary>A transaction was aborted; the cause is the inner exception.</summary>
public sealed class TransactionAbortedException : TransactionException
{
    /// <summary>Creates the exception.</summary>
    public TransactionAbortedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>Something prepared in DRAM that <see cref="ObjectStore.Publish"/> makes durable.</summary>
public struct PersistentAction
{
    internal ulong Word;
}

/// <summary>A mutex that lives in the pool, 64 bytes (PMDK <c>PMEMmutex</c>): its state is volatile and reset at each open.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 64)]
public struct PersistentMutex
{
    internal ulong RunId;
}
