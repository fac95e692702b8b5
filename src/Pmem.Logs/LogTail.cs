using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace Pmem.Logs;

/// <summary>
/// Follows a log while it grows, as the reading end of a channel: await <see cref="WaitToReadAsync"/> or enumerate
/// <see cref="ChannelReader{T}.ReadAllAsync"/>.
/// </summary>
/// <remarks>
/// Items are pieces of at most the chunk size; an append may come in several of them, and several appends in one. Bytes are durable before
/// they are seen. Waiting costs the log nothing until something is appended. When the log is rewound, the tail goes on at position 0 of what is
/// appended then. Threads may share a tail: each byte goes to one of them. When the log is closed the tail ends, whatever it has read.
/// </remarks>
public sealed class LogTail : ChannelReader<ReadOnlyMemory<byte>>
{
    private readonly PersistentLog _log;
    private readonly int _chunkSize;
    private readonly Lock _reading = new();
    private long _generation;
    private long _position;

    internal LogTail(PersistentLog log, long position, int chunkSize)
    {
        _log = log;
        _position = position;
        _chunkSize = chunkSize;
        _generation = log.Generation;
    }

    /// <summary>Position of the next byte that is read, in bytes from the log's first byte.</summary>
    public long Position
    {
        get
        {
            lock (_reading)
                return _position;
        }
    }

    /// <summary>Completes when the log is closed.</summary>
    public override Task Completion => _log.Closed;

    /// <inheritdoc/>
    public override bool CanCount => true;

    /// <summary>How many items could be read now.</summary>
    public override int Count
    {
        get
        {
            lock (_reading)
                return (int)Math.Min(int.MaxValue, (_log.Unread(_generation, _position) + _chunkSize - 1) / _chunkSize);
        }
    }

    /// <summary>Takes the next piece, copied, if there is one.</summary>
    /// <param name="item">At most the chunk size of bytes.</param>
    /// <exception cref="MediaErrorException">Bytes cannot be read: poison, or the file was truncated.</exception>
    public override bool TryRead([MaybeNullWhen(false)] out ReadOnlyMemory<byte> item)
    {
        lock (_reading)
        {
            item = default;
            int length = (int)Math.Min(_chunkSize, _log.Unread(_generation, _position));
            if (length == 0)
                return false;
            byte[] piece = new byte[length];

            // A rewind may have come between, so there can be fewer bytes now, never more than were asked for.
            int count = _log.Follow(ref _generation, ref _position, piece);
            item = piece.AsMemory(0, count);
            return count > 0;
        }
    }

    /// <summary>Takes the next bytes into a buffer of the caller, without allocating.</summary>
    /// <param name="destination">Where they go.</param>
    /// <param name="count">How many there were.</param>
    /// <returns>Whether there were any.</returns>
    public bool TryRead(Span<byte> destination, out int count)
    {
        lock (_reading)
        {
            count = _log.Follow(ref _generation, ref _position, destination);
            return count > 0;
        }
    }

    /// <summary>Waits until there is something to read (true) or the log is closed (false).</summary>
    /// <param name="cancellationToken">Stops waiting; nothing is lost by it.</param>
    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled<bool>(cancellationToken);
        return MustWait(out Task? change) ? Wait(change, cancellationToken) : ValueTask.FromResult(!_log.IsClosed);
    }

    private async ValueTask<bool> Wait(Task change, CancellationToken cancellationToken)
    {
        for (Task? next = change; next is not null; MustWait(out next))
            await next.WaitAsync(cancellationToken).ConfigureAwait(false);
        return !_log.IsClosed;
    }

    private bool MustWait([NotNullWhen(true)] out Task? change)
    {
        lock (_reading)
            return _log.MustWait(_generation, _position, out change);
    }
}
