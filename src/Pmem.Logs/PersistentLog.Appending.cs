using System.Buffers;
using System.Runtime.CompilerServices;
using Pmem.Logs.Layout;

namespace Pmem.Logs;

/// <content>Appending and rewinding.</content>
public sealed partial class PersistentLog
{
    // Below it a flush of whole lines at the end is cheaper than a flush for each piece, or than copies past the cache.
    private const long FlushedTogether = 1024;

    /// <summary>Appends bytes, all or none of them, and returns their position. Durable at return (PMDK <c>pmemlog_append</c>).</summary>
    /// <exception cref="OutOfSpaceException">They do not fit; nothing was changed.</exception>
    /// <exception cref="PmemException">The log is read-only, or the file system could not write.</exception>
    public long Append(ReadOnlySpan<byte> data) => TryAppend(data, out long position) ? position : throw Full(data.Length);

    /// <summary>Appends bytes unless they do not fit; the twin of <see cref="Append(ReadOnlySpan{byte})"/>. Durable at return.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="position">Where they are; undefined when the result is false.</param>
    public bool TryAppend(ReadOnlySpan<byte> data, out long position)
    {
        TaskCompletionSource? waiting;
        _gate.Enter();
        try
        {
            DemandWritable();
            position = _length;
            if (data.Length > _capacity - position)
                return false;
            if (data.IsEmpty)
                return true;
            _map.Copy(LogDescriptor.DataOffset + position, data, _copy);
            waiting = Publish(position, data.Length, _copy != CopyHints.NoFlush);
        }
        finally
        {
            _gate.Exit();
        }

        waiting?.SetResult();
        return true;
    }

    /// <summary>Appends the bytes of a sequence as one, and returns their position. Durable at return.</summary>
    /// <exception cref="OutOfSpaceException">They do not fit; nothing was changed.</exception>
    public long Append(in ReadOnlySequence<byte> data) => TryAppend(in data, out long position) ? position : throw Full(data.Length);

    /// <summary>Appends the bytes of a sequence as one unless they do not fit. Durable at return.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="position">Where they are; undefined when the result is false.</param>
    public bool TryAppend(in ReadOnlySequence<byte> data, out long position)
    {
        TaskCompletionSource? waiting;
        _gate.Enter();
        try
        {
            DemandWritable();
            position = _length;
            long length = data.Length;
            if (length > _capacity - position)
                return false;
            if (length == 0)
                return true;
            CopyHints copy = PieceHints(length);
            long at = LogDescriptor.DataOffset + position;
            foreach (ReadOnlyMemory<byte> piece in data)
            {
                _map.Copy(at, piece.Span, copy);
                at += piece.Length;
            }

            waiting = Publish(position, length, copy != CopyHints.NoFlush);
        }
        finally
        {
            _gate.Exit();
        }

        waiting?.SetResult();
        return true;
    }

    /// <summary>Appends several pieces as one, and returns the position of the first. Durable at return (PMDK <c>pmemlog_appendv</c>).</summary>
    /// <exception cref="OutOfSpaceException">They do not fit together; nothing was changed.</exception>
    public long Append(ReadOnlySpan<ReadOnlyMemory<byte>> pieces) => TryAppend(pieces, out long position) ? position : throw Full(Sum(pieces));

    /// <summary>Appends several pieces as one unless they do not fit. Durable at return.</summary>
    /// <param name="pieces">The pieces, in the order in which they go into the log.</param>
    /// <param name="position">Where the first is; undefined when the result is false.</param>
    public bool TryAppend(ReadOnlySpan<ReadOnlyMemory<byte>> pieces, out long position)
    {
        TaskCompletionSource? waiting;
        _gate.Enter();
        try
        {
            DemandWritable();
            position = _length;
            long length = Sum(pieces);
            if (length > _capacity - position)
                return false;
            if (length == 0)
                return true;
            CopyHints copy = PieceHints(length);
            long at = LogDescriptor.DataOffset + position;
            foreach (ReadOnlyMemory<byte> piece in pieces)
            {
                _map.Copy(at, piece.Span, copy);
                at += piece.Length;
            }

            waiting = Publish(position, length, copy != CopyHints.NoFlush);
        }
        finally
        {
            _gate.Exit();
        }

        waiting?.SetResult();
        return true;
    }

    /// <summary>A buffer to write a larger append into, piece by piece; not thread-safe, but each thread may have one.</summary>
    public LogWriter CreateWriter() => new(this);

    /// <summary>Empties the log, waiting for readers to leave it. Durable at return (PMDK <c>pmemlog_rewind</c>). Tails begin again at position 0.</summary>
    /// <exception cref="LockRecursionException">The calling thread is inside <see cref="Walk(int, LogChunkVisitor)"/>.</exception>
    /// <exception cref="PmemException">The log is read-only, or the file system could not write.</exception>
    public void Rewind()
    {
        TaskCompletionSource? waiting;
        _content.EnterWriteLock();
        _gate.Enter();
        try
        {
            DemandWritable();
            MoveWriteOffset(0);
            _generation++;
            waiting = TakeWaiting();
        }
        finally
        {
            _gate.Exit();
            _content.ExitWriteLock();
        }

        waiting?.SetResult();
    }

    /// <summary>Small pieces share cache lines, so they are flushed together; large ones go past the cache one by one.</summary>
    private CopyHints PieceHints(long length) => length <= FlushedTogether ? CopyHints.NoFlush : _copy;

    private static long Sum(ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        long length = 0;
        foreach (ReadOnlyMemory<byte> piece in pieces)
            length += piece.Length;
        return length;
    }

    /// <summary>Makes copied bytes durable, then part of the log. Returns who waits for them.</summary>
    private TaskCompletionSource? Publish(long position, long length, bool flushed)
    {
        if (!flushed)
            _map.Flush(LogDescriptor.DataOffset + position, length);
        _map.Drain();
        MoveWriteOffset(position + length);
        return _change is null ? null : TakeWaiting();
    }

    private void MoveWriteOffset(long length)
    {
        // Should the file system fail to write it, nobody knows which offset is on media, and nobody may append behind either.
        _state = LogState.Unsure;
        _map.StoreUInt64(LogDescriptor.WriteOffsetField, (ulong)(LogDescriptor.DataOffset + length));
        _map.Persist(LogDescriptor.WriteOffsetField, sizeof(ulong));
        _state = LogState.Writable;
        Volatile.Write(ref _length, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DemandWritable()
    {
        if (_state != LogState.Writable)
            ThrowNotWritable();
    }

    private void ThrowNotWritable()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        throw new PmemException(_state == LogState.ReadOnly
            ? $"the log is read-only{Named()}: its header has ro_compat features that this library does not know"
            : $"the log could not make its write offset durable before{Named()}; close and open it again to see which one is on media");
    }

    private OutOfSpaceException Full(long length) =>
        new($"{length} bytes do not fit into the log: {FreeBytes} of its {_capacity} bytes are free{Named()}; rewind it, or make a larger pool");

    private string Named() => Path is null ? string.Empty : $" ({Path})";
}
