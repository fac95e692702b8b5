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
    private const int Block = 1 << 20;

    /// <summary>
    /// Lengthens a file with zeros that are written, so that the space is there when it is used. A crash leaves a longer file, which no kind of
    /// pool minds as long as its own sizes say less.
    /// </summary>
    /// <exception cref="IOException">Somebody has it open, or the disk is full; the file is as long as before.</exception>
    public static void Lengthen(string path, long size, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None);
        long old = file.Length;
        byte[] zeros = new byte[Block];
        try
        {
            for (file.Position = old; file.Position < size;)
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(new PoolProgress("lengthening the file", file.Position - old, size - old));
                file.Write(zeros, 0, (int)Math.Min(zeros.Length, size - file.Position));
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
