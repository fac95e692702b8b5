using Microsoft.Win32.SafeHandles;
using Pmem.Tracing;

namespace Pmem.Native;

/// <summary>Pages that a system call mapped: their address, and how to write them back and let them go.</summary>
internal abstract unsafe class MappedRegion
{
    /// <summary>First byte.</summary>
    public byte* Address { get; protected init; }

    /// <summary>Length in bytes as the program asked for it.</summary>
    public long Length { get; protected set; }

    /// <summary>Whether the kernel keeps file metadata durable with every store (MAP_SYNC), or the source is device DAX.</summary>
    public bool IsPmem { get; protected set; }

    /// <summary>Where to tell the region to flush its write queues, for device DAX.</summary>
    public string? DeepFlushPath { get; protected init; }

    /// <summary>Pushes a range, whose cache lines are flushed, down to media: through the file system, or the write queues of a device's region.</summary>
    public virtual void DeepFlush(byte* address, long length)
    {
        if (DeepFlushPath is null)
            Sync(address, length);
        else
            FlushQueues(DeepFlushPath);
    }

    /// <summary>Writes the pages of a range back through the file system; throws <see cref="PmemException"/> on failure.</summary>
    public abstract void Sync(byte* address, long length);

    /// <summary>Reads where the guarded copy is not to be had: slowly, through the system; false when a byte cannot be read.</summary>
    public abstract bool TryReadSlowly(long offset, Span<byte> destination);

    /// <summary>Forgets the changes of a private map; throws <see cref="PmemException"/> on failure.</summary>
    public abstract void Discard();

    /// <summary>Unmaps and closes.</summary>
    public abstract void Release();

    /// <summary>Asks a region to flush its write queues.</summary>
    protected static void FlushQueues(string path)
    {
        // "0" says that the platform needs no help; failures are not errors, as in libpmem2: not every region has the queue to flush.
        try
        {
            if (!string.Equals(File.ReadAllText(path).Trim(), "0", StringComparison.Ordinal))
                File.WriteAllText(path, "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            PersistenceTrace.Mark($"deep flush of {path} failed: {e.Message}");
        }
    }
}

/// <summary>A Win32 view of a file.</summary>
internal sealed unsafe class WindowsRegion : MappedRegion
{
    // Views begin at multiples of this, and may have any length.
    private const long Granularity = 64 << 10;

    private readonly SafeFileHandle _file;
    private readonly nint _mapping;
    private readonly long _offset;
    private readonly uint _view;

    private WindowsRegion(SafeFileHandle file, nint mapping, byte* start, long offset, long length, uint view, bool isPmem)
    {
        _view = view;
        _file = file;
        _mapping = mapping;
        _offset = offset;
        Address = start + Lead;
        Length = length;
        IsPmem = isPmem;
    }

    private long Lead => _offset % Granularity;

    private byte* ViewStart => Address - Lead;

    private long ViewOffset => _offset - Lead;

    /// <summary>Maps a range of an open file. The view begins at the multiple of 64 KiB before it.</summary>
    public static WindowsRegion Map(SafeFileHandle file, string path, long offset, long length, MapAccess access)
    {
        (uint protection, uint view) = access switch
        {
            MapAccess.ReadOnly => (Kernel32.PageReadOnly, Kernel32.FileMapRead),
            MapAccess.CopyOnWrite => (Kernel32.PageWriteCopy, Kernel32.FileMapCopy),
            _ => (Kernel32.PageReadWrite, Kernel32.FileMapRead | Kernel32.FileMapWrite),
        };
        nint mapping = Kernel32.CreateFileMapping(file, 0, protection, 0, 0, 0);
        if (mapping == 0)
            throw Failure("create a mapping of", path);
        long first = offset - (offset % Granularity);
        byte* start = Kernel32.MapViewOfFile(mapping, view, (uint)(first >> 32), (uint)first, (nuint)(length + offset - first));
        if (start is null)
        {
            PmemException failure = Failure("map", path);
            _ = Kernel32.CloseHandle(mapping);
            throw failure;
        }

        uint flags = 0;
        bool dax = Kernel32.GetVolumeInformationByHandle(file, null, 0, null, null, &flags, null, 0) && (flags & Kernel32.FileDaxVolume) != 0;
        return new WindowsRegion(file, mapping, start, offset, length, view, dax);
    }

    /// <inheritdoc/>
    public override void Sync(byte* address, long length)
    {
        if (!Kernel32.FlushViewOfFile(address, (nuint)length))
            throw Failure("write back pages of", "the map");

        // FlushViewOfFile starts the writes; the file's buffers and metadata need the second call.
        if (!Kernel32.FlushFileBuffers(_file))
            throw Failure("flush the buffers of", "the mapped file");
    }

    /// <inheritdoc/>
    public override bool TryReadSlowly(long offset, Span<byte> destination)
    {
        try
        {
            return RandomAccess.Read(_file, destination, _offset + offset) == destination.Length;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public override void Discard()
    {
        // A new view at the same address; between the two calls nobody may use the map, as its contract says.
        byte* start = ViewStart;
        _ = Kernel32.UnmapViewOfFile(start);
        if (Kernel32.MapViewOfFileAt(_mapping, _view, (uint)(ViewOffset >> 32), (uint)ViewOffset, (nuint)(Length + Lead), start) != start)
            throw Failure("map again", "the file");
    }

    /// <inheritdoc/>
    public override void Release()
    {
        _ = Kernel32.UnmapViewOfFile(ViewStart);
        _ = Kernel32.CloseHandle(_mapping);
        _file.Dispose();
    }

    private static PmemException Failure(string what, string path)
    {
        (int number, string text) = Libc.LastError();
        return new PmemException($"cannot {what} {path}: {text} (error {number})");
    }
}
