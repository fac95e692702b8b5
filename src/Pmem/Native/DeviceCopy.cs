using System.Globalization;

namespace Pmem.Native;

/// <summary>
/// Private maps of device DAX. The kernel has none (PMDK refuses them), and looking at a pool without changing it needs one; so the device is copied into memory
/// of this process. Pages of zeros, which are most of a young pool, take none.
/// </summary>
internal static unsafe class DeviceCopy
{
    private const int PageSize = 4096;
    private const int PageTableShare = 8; // of the memory that is free, this part is left alone

    /// <summary>Puts a fresh copy of a range of a device at an address that is reserved for it; what was mapped there is gone.</summary>
    /// <exception cref="MediaErrorException">The device cannot be read somewhere.</exception>
    /// <exception cref="PmemException">It cannot be mapped, or is larger than the memory that is free.</exception>
    public static void Fill(int fd, string path, long offset, byte* address, long length)
    {
        DemandMemory(path, length, AvailableMemory());
        if (Libc.Map(address, (nuint)length, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve | Libc.MapFixed, -1, 0) == Libc.MapFailed)
            throw Failure(path, length);
        byte* hint = LinuxRegion.Reserve(length);
        byte* source = Libc.Map(hint, (nuint)length, Libc.ProtRead, Libc.MapShared | Libc.MapFixed, fd, offset);
        if (source == Libc.MapFailed)
        {
            PmemException failure = Failure(path, length);
            _ = Libc.Unmap(hint, (nuint)length);
            throw failure;
        }

        try
        {
            CopyPages(source, address, length);
        }
        finally
        {
            _ = Libc.Unmap(source, (nuint)length);
        }
    }

    /// <summary>Copies the pages that are not all zeros to memory that is.</summary>
    internal static void CopyPages(byte* source, byte* destination, long length)
    {
        byte[] page = new byte[PageSize];
        for (long done = 0; done < length; done += PageSize)
        {
            Span<byte> part = page.AsSpan(0, (int)Math.Min(PageSize, length - done));
            if (!TryRead(source + done, part))
                throw new MediaErrorException(done, part.Length);

            // SAFETY: both ranges have this length, and the destination is this process's own.
            if (part.ContainsAnyExcept((byte)0))
                part.CopyTo(new Span<byte>(destination + done, part.Length));
        }
    }

    /// <summary>Throws when a copy does not fit: better than a machine that begins to kill processes.</summary>
    internal static void DemandMemory(string path, long length, long available)
    {
        if (length > available - (available / PageTableShare))
            throw new PmemException($"{path} is device DAX, which cannot be mapped privately, and a copy of its {length} bytes does not fit into the {available} bytes of free memory: copy it to a file first (pmem io copy), or open it read-write");
    }

    private static bool TryRead(byte* source, Span<byte> destination)
    {
        if (!SafeCopy.IsSupported)
            return LinuxRegion.TryReadOwnPages(source, destination);
        fixed (byte* to = destination)
            return SafeCopy.Copy(to, source, destination.Length) == 0;
    }

    private static long AvailableMemory()
    {
        const string Path = "/proc/meminfo";
        const string Name = "MemAvailable:";
        foreach (string line in File.Exists(Path) ? File.ReadLines(Path) : [])
        {
            // "MemAvailable:   12345678 kB"
            if (line.StartsWith(Name, StringComparison.Ordinal) && long.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes))
                return kibibytes * 1024;
        }

        return GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    private static PmemException Failure(string path, long length)
    {
        (int number, string text) = Libc.LastError();
        return new PmemException($"cannot copy {path} ({length} bytes) into memory: {text} (errno {number})");
    }
}
