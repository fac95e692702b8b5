using Pmem.Pools.Checking;
using Pmem.Tracing;

namespace Pmem.Pools;

/// <summary>What a resize did.</summary>
/// <param name="OldSize">Bytes of the file before.</param>
/// <param name="NewSize">Bytes of it now.</param>
public readonly record struct PoolResize(long OldSize, long NewSize);

/// <summary>Makes the file of a closed pool longer or shorter; the file is locked meanwhile, as by an open pool.</summary>
public static class PoolFileSize
{
    private const long Piece = 1L << 30;

    /// <summary>
    /// Lengthens a file with zeros whose space is reserved, so that no later store can fail for want of it. A crash leaves a longer file, which no
    /// kind of pool minds as long as its own sizes say less. Durable at return.
    /// </summary>
    /// <exception cref="OutOfSpaceException">The file system has not the room; the file is as long as before.</exception>
    /// <exception cref="IOException">Somebody has it open; the file is as long as before.</exception>
    public static void Lengthen(string path, long size, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None);
        long old = file.Length;
        PoolSpace.Demand([(path, size - old)]);
        try
        {
            // Emulated where the file system cannot do it, which takes a while.
            for (long at = old; at < size; at += Piece)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new PoolProgress("lengthening the file", at - old, size - old));
                FileSpace.Reserve(file.SafeFileHandle, at, Math.Min(Piece, size - at));
                PersistenceTrace.Mark("file longer");
            }

            file.Flush(flushToDisk: true);
        }
        catch
        {
            file.SetLength(old);
            throw;
        }
    }

    /// <summary>Cuts a file; durable at return.</summary>
    /// <exception cref="IOException">Somebody has it open.</exception>
    public static void Shorten(string path, long size)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None);
        file.SetLength(size);
        PersistenceTrace.Mark("file cut");
        file.Flush(flushToDisk: true);
    }
}
