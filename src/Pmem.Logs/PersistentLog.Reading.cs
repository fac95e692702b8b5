using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics.X86;
using Pmem.Logs.Layout;

namespace Pmem.Logs;

/// <summary>Receives a piece of a log.</summary>
/// <param name="chunk">The bytes, in persistent memory; valid during the call.</param>
/// <returns>False to stop.</returns>
public delegate bool LogChunkVisitor(ReadOnlySpan<byte> chunk);

/// <summary>Receives a piece of a log, and what the caller of the walk passed along.</summary>
/// <param name="chunk">The bytes, in persistent memory; valid during the call.</param>
/// <param name="state">What the caller passed.</param>
/// <returns>False to stop.</returns>
public delegate bool LogChunkVisitor<TState>(ReadOnlySpan<byte> chunk, ref TState state);

/// <content>Reading.</content>
public sealed partial class PersistentLog
{
    /// <summary>How far ahead of the visitor the first line of a chunk is asked for.</summary>
    private const int ChunksAhead = 8;

    /// <summary>Of longer chunks the first line is too small a part to matter.</summary>
    private const int LongestPrefetched = 2048;

    // A span cannot be longer; whole pages, so that later chunks stay aligned.
    private const int LargestChunk = int.MaxValue & -4096;

    /// <summary>
    /// Shows the bytes that the log holds now, in order and without copying, in chunks of <paramref name="chunkSize"/> bytes, the last one
    /// shorter (PMDK <c>pmemlog_walk</c>). The visitor may append, but neither rewind nor close the log.
    /// </summary>
    /// <param name="chunkSize">Bytes of a chunk; 0 shows the whole log as one (one per 2 GiB). An empty log has no chunk.</param>
    /// <param name="visitor">Called for each chunk.</param>
    public void Walk(int chunkSize, LogChunkVisitor visitor)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        Walk(chunkSize, ref visitor, static (ReadOnlySpan<byte> chunk, ref LogChunkVisitor visit) => visit(chunk));
    }

    /// <summary>Shows the bytes that the log holds now, as <see cref="Walk(int, LogChunkVisitor)"/> does, without a closure.</summary>
    /// <param name="chunkSize">Bytes of a chunk; 0 shows the whole log as one (one per 2 GiB).</param>
    /// <param name="state">Passed to the visitor.</param>
    /// <param name="visitor">Called for each chunk.</param>
    public unsafe void Walk<TState>(int chunkSize, ref TState state, LogChunkVisitor<TState> visitor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(chunkSize);
        ArgumentNullException.ThrowIfNull(visitor);
        long step = chunkSize == 0 ? LargestChunk : chunkSize;
        _content.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            long length = Length;

            // SAFETY: the length lies inside the map, and the map stays as long as a reader holds the content.
            byte* first = _map.Pointer + LogDescriptor.DataOffset;
            for (long at = 0; at < length; at += step)
            {
                // Where the next chunks begin is known here, and not to the processor. A prefetch never faults.
                if (Sse.IsSupported && step <= LongestPrefetched)
                    Sse.Prefetch0(first + at + (ChunksAhead * step));
                if (!visitor(new ReadOnlySpan<byte>(first + at, (int)Math.Min(step, length - at)), ref state))
                    return;
            }
        }
        finally
        {
            _content.ExitReadLock();
        }
    }

    /// <summary>Copies bytes of the log; returns how many there were, 0 at its end.</summary>
    /// <param name="position">Position of the first, in bytes from the log's first byte.</param>
    /// <param name="destination">Where they go.</param>
    /// <exception cref="MediaErrorException">Bytes cannot be read: poison, or the file was truncated.</exception>
    public int Read(long position, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        _content.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return CopyOut(position, destination);
        }
        finally
        {
            _content.ExitReadLock();
        }
    }

    /// <summary>A seekable stream that reads the log as it is at each read; it ends where the log ends then.</summary>
    public Stream OpenRead() => new LogStream(this);

    /// <summary>
    /// Follows the log as it grows: a channel whose items are pieces of it, first what is there behind <paramref name="position"/>, then what
    /// is appended. The channel ends when the log is closed.
    /// </summary>
    /// <param name="position">Where to begin; at most <see cref="Length"/>.</param>
    /// <param name="chunkSize">Most bytes of an item.</param>
    public LogTail Tail(long position = 0, int chunkSize = 65536)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Length);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunkSize);
        return new LogTail(this, position, chunkSize);
    }

    /// <summary>Completes when the log is closed.</summary>
    internal Task Closed => _closing.Task;

    /// <summary>Reads for a tail: one that was rewound begins again. Returns 0 at the end, and when the log is closed.</summary>
    internal int Follow(ref long generation, ref long position, Span<byte> destination)
    {
        _content.EnterReadLock();
        try
        {
            if (IsClosed)
                return 0;
            Align(ref generation, ref position);
            int count = CopyOut(position, destination);
            position += count;
            return count;
        }
        finally
        {
            _content.ExitReadLock();
        }
    }

    /// <summary>Bytes that a tail has not read.</summary>
    internal long Unread(long generation, long position)
    {
        _content.EnterReadLock();
        try
        {
            Align(ref generation, ref position);
            return IsClosed ? 0 : Length - position;
        }
        finally
        {
            _content.ExitReadLock();
        }
    }

    /// <summary>Whether a tail has to wait for <paramref name="change"/>; not when there are bytes, or never will be.</summary>
    internal bool MustWait(long generation, long position, [NotNullWhen(true)] out Task? change)
    {
        change = null;
        _gate.Enter();
        try
        {
            Align(ref generation, ref position);
            if (IsClosed || position < _length)
                return false;
            change = (_change ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    private void Align(ref long generation, ref long position)
    {
        if (generation == Generation)
            return;
        generation = Generation;
        position = 0;
    }

    private int CopyOut(long position, Span<byte> destination)
    {
        int count = (int)Math.Clamp(Length - position, 0, destination.Length);
        _map.CheckedRead(LogDescriptor.DataOffset + Math.Min(position, Length), destination[..count]);
        return count;
    }
}
