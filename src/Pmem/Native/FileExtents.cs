using System.Buffers.Binary;

namespace Pmem.Native;

/// <summary>A piece of a file and where it lies on the disk.</summary>
/// <param name="Logical">Offset in the file.</param>
/// <param name="Physical">Offset on the disk.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct FileExtent(long Logical, long Physical, long Length)
{
    private const int HeaderSize = 32;
    private const int EntrySize = 56;
    private const int EntriesAtOnce = 64;
    private const uint SyncFirst = 1;
    private const uint LastExtent = 1;
    private const nuint Request = 0xC020660B; // FS_IOC_FIEMAP

    /// <summary>All pieces of a file in order (the ioctl FIEMAP).</summary>
    /// <exception cref="PmemException">The file cannot be opened, or the file system does not tell.</exception>
    public static unsafe IReadOnlyList<FileExtent> Of(string path)
    {
        int fd = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            throw Failure("open", path);
        try
        {
            var extents = new List<FileExtent>();
            byte[] request = new byte[HeaderSize + (EntriesAtOnce * EntrySize)];
            for (long from = 0; ;)
            {
                Array.Clear(request);
                BinaryPrimitives.WriteInt64LittleEndian(request, from);
                BinaryPrimitives.WriteInt64LittleEndian(request.AsSpan(8), long.MaxValue - from);
                BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(16), SyncFirst);
                BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(24), EntriesAtOnce);
                fixed (byte* argument = request)
                {
                    // SAFETY: the buffer has room for the header and as many entries as it asks for.
                    if (Libc.Control(fd, Request, argument) != 0)
                        throw Failure("find the blocks of", path);
                }

                int count = Math.Min(BinaryPrimitives.ReadInt32LittleEndian(request.AsSpan(20)), EntriesAtOnce);
                if (count <= 0)
                    return extents;
                uint flags = 0;
                for (int i = 0; i < count; i++)
                {
                    ReadOnlySpan<byte> entry = request.AsSpan(HeaderSize + (i * EntrySize), EntrySize);
                    extents.Add(new FileExtent(BinaryPrimitives.ReadInt64LittleEndian(entry), BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..])));
                    flags = BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]);
                }

                long next = extents[^1].Logical + extents[^1].Length;
                if ((flags & LastExtent) != 0 || next <= from)
                    return extents;
                from = next;
            }
        }
        finally
        {
            _ = Libc.Close(fd);
        }
    }

    private static PmemException Failure(string what, string path)
    {
        (int number, string text) = Libc.LastError();
        return new PmemException($"cannot {what} {path}: {text} (errno {number})");
    }
}
