using Pmem.Logs.Layout;
using Pmem.Pools;

namespace Pmem.Logs;

/// <summary>
/// A persistent append-only log of bytes, byte-compatible with libpmemlog pools of layout 1: append, read, follow, rewind.
/// </summary>
/// <remarks>
/// <para>An append is atomic: its bytes are copied behind the end and made durable, then the write offset moves over them with one 8-byte
/// store, which is made durable too. A crash before that store leaves the old log, a crash after it the new one; bytes behind the write offset
/// do not exist. So there is nothing to recover at open.</para>
/// <para>All members may be used from many threads. Appends are made one after the other; reading goes on meanwhile, and sees a byte only
/// once it is durable, so what a reader acted on is never taken back by a power failure. Only <see cref="Rewind"/> and <see cref="Dispose"/>
/// wait for readers. The log has no records: who appends decides what its bytes mean. Positions are in bytes from the log's first byte.</para>
/// </remarks>
public sealed partial class PersistentLog : IDisposable
{
    /// <summary>Smallest pool in bytes (PMDK <c>PMEMLOG_MIN_POOL</c>).</summary>
    public const long MinimumPoolSize = 2L << 20;

    private readonly PoolFile _pool;
    private readonly PersistentMap _map;

    // What readers hold so that the bytes under them stay: rewinding and closing take it exclusively, appending does not take it at all.
    private readonly ReaderWriterLockSlim _content = new(LockRecursionPolicy.NoRecursion);
    private readonly long _capacity;
    private readonly CopyHints _copy;

    private AppendGate _gate;

    // The durable length; written inside the gate, behind the persist of the write offset.
    private long _length;
    private long _generation;
    private volatile LogState _state;

    // Completed and dropped at the next append, rewind or close; null while nobody waits. Inside the gate.
    private TaskCompletionSource? _change;
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PersistentLog(PoolFile pool)
    {
        _pool = pool;
        _map = pool.Map;
        _capacity = pool.Size - LogDescriptor.DataOffset;
        _length = (long)_map.ReadUInt64(LogDescriptor.WriteOffsetField) - LogDescriptor.DataOffset;

        _state = pool.IsReadOnly ? LogState.ReadOnly : LogState.Writable;

        // Page granularity flushes whole pages through the kernel, so pieces are flushed together; else each flushes as it is copied.
        _copy = _map.Granularity == StoreGranularity.Page ? CopyHints.NoFlush : CopyHints.NoDrain;
    }

    /// <summary>The map that holds the log.</summary>
    public PersistentMap Map => _map;

    /// <summary>The pool file's header.</summary>
    public PoolHeader Header => _pool.Header;

    /// <summary>The pool's path, or null for a log in memory.</summary>
    public string? Path => _pool.Path;

    /// <summary>Whether an unknown ro_compat feature of the pool forbids appending.</summary>
    public bool IsReadOnly => _pool.IsReadOnly;

    /// <summary>Bytes that the log can hold (PMDK <c>pmemlog_nbyte</c>).</summary>
    public long Capacity => _capacity;

    /// <summary>Bytes that the log holds durably: the position of the next append (PMDK <c>pmemlog_tell</c>).</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Bytes that can still be appended.</summary>
    public long FreeBytes => _capacity - Length;

    /// <summary>How often this open log was rewound.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>Creates a pool file of <paramref name="size"/> bytes (at least 2 MiB; 0 takes an existing, empty file, or the parts of a pool set file) and opens it. Durable at return (PMDK <c>pmemlog_create</c>).</summary>
    /// <exception cref="IOException">The file exists.</exception>
    /// <exception cref="PmemException">The file cannot be created; the message says why.</exception>
    public static PersistentLog Create(string path, long size, PersistentLogOptions? options = null)
    {
        options ??= new PersistentLogOptions();
        PoolFile pool = PoolFile.Create(
            path,
            PoolKind.Log,
            size,
            new PoolCreateOptions { Mode = options.Mode, Sparse = options.Sparse, ForceGranularity = options.ForceGranularity });
        try
        {
            PersistentLog log = Format(pool);
            pool.CompleteCreation();
            return log;
        }
        catch
        {
            pool.CancelCreation();
            throw;
        }
    }

    /// <summary>Makes a log in a map of at least 2 MiB, without a file; the log owns the map.</summary>
    public static PersistentLog Create(PersistentMap map) => Format(PoolFile.Format(map, PoolKind.Log));

    /// <summary>Opens a log (PMDK <c>pmemlog_open</c>). A log that was not closed needs no recovery.</summary>
    /// <exception cref="PmemFormatException">The pool is not valid: says where, what was expected and what is there.</exception>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    public static PersistentLog Open(string path, PersistentLogOptions? options = null)
    {
        options ??= new PersistentLogOptions();
        PoolFile pool = PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { CopyOnWrite = options.CopyOnWrite, ForceGranularity = options.ForceGranularity });
        try
        {
            return Attach(pool);
        }
        catch
        {
            // Closed, not abandoned: a failed open must not leave the pool marked as in use.
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Opens the log in a map, which the log then owns (on failure the caller keeps it).</summary>
    /// <exception cref="PmemFormatException">The pool is not valid: says where, what was expected and what is there.</exception>
    public static PersistentLog Open(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return Attach(PoolFile.Attach(map, PoolKind.Log));
    }

    /// <summary>
    /// Closes the log: waits for appends and readers, makes the shutdown state clean, unlocks the file. Tails end. Must not be called while
    /// walking the log on the same thread.
    /// </summary>
    /// <exception cref="LockRecursionException">The calling thread is inside <see cref="Walk(int, LogChunkVisitor)"/>.</exception>
    public void Dispose()
    {
        _content.EnterWriteLock();
        _gate.Enter();
        TaskCompletionSource? waiting;
        try
        {
            LogState state = _state;
            if (state == LogState.Closed)
                return;
            _state = LogState.Closed;
            waiting = TakeWaiting();

            // A log that broke stays dirty: its write offset may not be what is in memory.
            if (state == LogState.Unsure)
                _pool.Abandon();
            else
                _pool.Dispose();
        }
        finally
        {
            _gate.Exit();
            _content.ExitWriteLock();
        }

        waiting?.SetResult();
        _closing.SetResult();
    }

    internal bool IsClosed => _state == LogState.Closed;

    private static PersistentLog Format(PoolFile pool)
    {
        pool.Map.Store(LogDescriptor.Offset, LogDescriptor.Empty(pool.Size));
        pool.Map.Persist(LogDescriptor.Offset, LogDescriptor.Size);
        return new PersistentLog(pool);
    }

    private static PersistentLog Attach(PoolFile pool)
    {
        List<PmemFormatException> problems = pool.Map.Read<LogDescriptor>(LogDescriptor.Offset).FindProblems(pool.Size);
        return problems.Count > 0 ? throw problems[0] : new PersistentLog(pool);
    }

    /// <summary>What may be done with the log.</summary>
    private enum LogState
    {
        Writable,

        /// <summary>The header has ro_compat features that nobody here knows.</summary>
        ReadOnly,

        /// <summary>The write offset is being stored; if it stays so, nobody knows which one is on media.</summary>
        Unsure,

        Closed,
    }

    private TaskCompletionSource? TakeWaiting()
    {
        TaskCompletionSource? waiting = _change;
        _change = null;
        return waiting;
    }
}
