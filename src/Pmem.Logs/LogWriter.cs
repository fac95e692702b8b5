using System.Buffers;

namespace Pmem.Logs;

/// <summary>
/// Collects bytes in ordinary memory, from whatever writes to an <see cref="IBufferWriter{T}"/> (JSON, serializers, pipes), and appends them to
/// the log as one. Its buffer is reused, so a warm writer allocates nothing.
/// </summary>
/// <remarks>Not thread-safe; any number of writers may work on one log, and none holds it up before <see cref="Commit"/>.</remarks>
public sealed class LogWriter : IBufferWriter<byte>, IDisposable
{
    private const int SmallestBuffer = 256;

    private readonly PersistentLog _log;
    private byte[] _buffer = [];
    private int _count;
    private bool _disposed;

    internal LogWriter(PersistentLog log) => _log = log;

    /// <summary>Bytes that were written and not yet committed.</summary>
    public int WrittenCount => _count;

    /// <summary>The bytes that were written and not yet committed.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _buffer.AsSpan(0, _count);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">More than the buffer that was given out.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _count);
        _count += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_count);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_count);
    }

    /// <summary>Appends everything that was written since the last commit as one, and returns its position. Durable at return.</summary>
    /// <exception cref="OutOfSpaceException">It does not fit; it stays written, so that it can be committed after a rewind.</exception>
    public long Commit()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long position = _log.Append(WrittenSpan);
        _count = 0;
        return position;
    }

    /// <summary>Forgets what was written since the last commit.</summary>
    public void Clear() => _count = 0;

    /// <summary>Gives the buffer back; what was not committed is forgotten.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Replace([], 0);
    }

    private void Reserve(int sizeHint)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int wanted = Math.Max(sizeHint, 1);
        if (_buffer.Length - _count >= wanted)
            return;
        long room = Math.Max((long)_count + wanted, Math.Min(Array.MaxLength, Math.Max(SmallestBuffer, _buffer.Length * 2L)));
        if (room > Array.MaxLength)
            throw new OutOfSpaceException($"an append of more than {Array.MaxLength} bytes cannot be collected; commit what was written before");
        Replace(ArrayPool<byte>.Shared.Rent((int)room), _count);
    }

    private void Replace(byte[] buffer, int keep)
    {
        _buffer.AsSpan(0, keep).CopyTo(buffer);
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = buffer;
        _count = keep;
    }
}
