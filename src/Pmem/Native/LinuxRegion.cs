namespace Pmem.Native;

/// <summary>Pages mapped with mmap: a file, a device-DAX node, or anonymous memory.</summary>
internal sealed unsafe class LinuxRegion : MappedRegion
{
    private const long PageSize = 4096;
    private const long LargePage = 2L << 20;
    private const long HugePage = 1L << 30;

    private readonly int _fd;
    private readonly bool _isFile;
    private readonly (int Fd, string Path, long Offset)? _copied; // of which device this is a copy

    private LinuxRegion(int owned, (int Fd, string Path, long Offset) copied, byte* address, long length)
        : this(owned, isFile: false, address, length, isPmem: false, deepFlushPath: null) => _copied = copied;

    private LinuxRegion(int fd, bool isFile, byte* address, long length, bool isPmem, string? deepFlushPath)
    {
        _fd = fd;
        _isFile = isFile;
        Address = address;
        Length = length;
        IsPmem = isPmem;
        DeepFlushPath = deepFlushPath;
    }

    /// <summary>Maps a range of an open file or device and takes over the descriptor.</summary>
    public static LinuxRegion Map(int fd, string path, long offset, long length, MapAccess access, DaxDevice? device)
    {
        if (access == MapAccess.CopyOnWrite && device is not null)
            return CopyDevice(fd, fd, path, offset, Reserve(length, device.Alignment), length);
        int sharing = FindSharing(fd, path, offset, length, access);
        byte* reserved = Reserve(length, device?.Alignment ?? 0);
        byte* address = Libc.Map(reserved, (nuint)length, ProtectionOf(access), sharing | Libc.MapFixed, fd, offset);
        if (address == Libc.MapFailed)
            throw Failure(path, reserved, length);
        return new LinuxRegion(fd, isFile: true, address, length, IsSynchronous(sharing) || device is not null, device?.DeepFlushPath);
    }

    /// <summary>
    /// The sharing flags of mmap with which a range can be mapped: MAP_SYNC if the file system grants it. They are tried where nothing is mapped, for a MAP_FIXED map
    /// that a file system refuses has taken away the reservation by then, and another thread may get its addresses.
    /// </summary>
    /// <exception cref="PmemException">It cannot be mapped at all.</exception>
    internal static int FindSharing(int fd, string path, long offset, long length, MapAccess access)
    {
        const int Synchronous = Libc.MapSharedValidate | Libc.MapSync;
        int plain = access == MapAccess.CopyOnWrite ? Libc.MapPrivate | Libc.MapNoReserve : Libc.MapShared;
        if (access != MapAccess.CopyOnWrite && CanMap(Synchronous))
            return Synchronous;

        // Kernels and file systems without MAP_SYNC say EINVAL or EOPNOTSUPP. Anything else is a real error.
        bool isRefused = access != MapAccess.CopyOnWrite && Libc.LastError().Number is not (Libc.ErrorInvalid or Libc.ErrorNotSupported);
        return !isRefused && CanMap(plain) ? plain : throw Failure(path, null, length);

        bool CanMap(int sharing)
        {
            byte* tried = Libc.Map(null, (nuint)length, ProtectionOf(access), sharing, fd, offset);
            return tried != Libc.MapFailed && Libc.Unmap(tried, (nuint)length) == 0;
        }
    }

    /// <summary>Whether what was mapped with these flags is persistent memory.</summary>
    internal static bool IsSynchronous(int sharing) => (sharing & Libc.MapSync) != 0;

    /// <summary>The protection flags of mmap.</summary>
    internal static int ProtectionOf(MapAccess access) => access == MapAccess.ReadOnly ? Libc.ProtRead : Libc.ProtRead | Libc.ProtWrite;

    private static LinuxRegion CopyDevice(int owned, int fd, string path, long offset, byte* address, long length)
    {
        try
        {
            DeviceCopy.Fill(fd, path, offset, address, length);
            return new LinuxRegion(owned, (fd, path, offset), address, length);
        }
        catch
        {
            _ = Libc.Unmap(address, (nuint)length);
            throw;
        }
    }

    /// <summary>Maps the first bytes of a file that another region holds open, whose descriptor stays with that region.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="path">What messages call it.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="access">What the map may be used for.</param>
    /// <param name="copies">Whether it is a device that cannot be mapped so, and is copied.</param>
    public static LinuxRegion MapBorrowed(int fd, string path, long length, MapAccess access, bool copies)
    {
        if (copies)
            return CopyDevice(-1, fd, path, 0, Reserve(length), length);
        LinuxRegion mapped = Map(fd, path, 0, length, access, device: null);
        return new LinuxRegion(-1, isFile: true, mapped.Address, length, mapped.IsPmem, deepFlushPath: null);
    }

    /// <summary>Maps zeroed memory.</summary>
    public static LinuxRegion MapAnonymous(long length)
    {
        byte* hint = Reserve(length);
        const int Flags = Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve | Libc.MapFixed;
        byte* address = Libc.Map(hint, (nuint)length, Libc.ProtRead | Libc.ProtWrite, Flags, -1, 0);
        return address == Libc.MapFailed
            ? throw Failure("anonymous memory", hint, length)
            : new LinuxRegion(-1, isFile: false, address, length, isPmem: false, deepFlushPath: null);
    }

    /// <inheritdoc/>
    public override void Sync(byte* address, long length)
    {
        if (!_isFile)
            return;
        byte* first = (byte*)((nint)address & -(nint)PageSize);
        if (Libc.Sync(first, (nuint)(address + length - first), Libc.SyncNow) == 0)
            return;
        (int number, string text) = Libc.LastError();
        throw new PmemException($"msync of {length} bytes failed: {text} (errno {number}); the data may not be durable, check the disk");
    }

    /// <inheritdoc/>
    public override bool TryReadSlowly(long offset, Span<byte> destination) => TryReadOwnPages(Address + offset, destination);

    /// <summary>Reads pages of this process that may not be readable.</summary>
    internal static bool TryReadOwnPages(byte* source, Span<byte> destination)
    {
        // The kernel copies from our own pages: it sees private changes and devices too, and an unreadable page ends the copy, not the process.
        fixed (byte* buffer = destination)
        {
            for (int done = 0; done < destination.Length;)
            {
                var local = new Libc.MemoryRange { Address = buffer + done, Length = (nuint)(destination.Length - done) };
                var remote = new Libc.MemoryRange { Address = source + done, Length = (nuint)(destination.Length - done) };
                nint got = Libc.ReadProcess(Environment.ProcessId, &local, 1, &remote, 1, 0);
                if (got <= 0)
                    return false;
                done += (int)got;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override void Discard()
    {
        if (_copied is { } device)
            DeviceCopy.Fill(device.Fd, device.Path, device.Offset, Address, Length);
        else
            Discard(Address, Length);
    }

    /// <summary>Drops the pages of a range: private ones show their file again.</summary>
    internal static void Discard(byte* address, long length)
    {
        if (Libc.Advise(address, (nuint)RoundUp(length, PageSize), Libc.AdviseDontNeed) == 0)
            return;
        (int number, string text) = Libc.LastError();
        throw new PmemException($"cannot discard the changes of a private map: {text} (errno {number})");
    }

    /// <inheritdoc/>
    public override void Release()
    {
        _ = Libc.Unmap(Address, (nuint)RoundUp(Length, PageSize));
        if (_fd < 0)
            return;

        // A process that is being started right now may hold a copy of the descriptor until it runs: closing ours would not free the lock.
        _ = Libc.Lock(_fd, Libc.Unlock);
        _ = Libc.Close(_fd);
    }

    /// <summary>
    /// Reserves addresses so that the map starts at a multiple of 2 MiB (1 GiB for maps of 2 GiB and more): large pages become possible, and
    /// offsets aligned in a pool are aligned in memory. Devices may ask for more.
    /// </summary>
    internal static byte* Reserve(long length, long deviceAlignment = 0)
    {
        long alignment = Math.Max(length >= 2 * HugePage ? HugePage : LargePage, deviceAlignment);
        long rounded = RoundUp(length, PageSize);
        long total = rounded + alignment;
        const int Flags = Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve;
        byte* start = Libc.Map(null, (nuint)total, Libc.ProtNone, Flags, -1, 0);
        if (start == Libc.MapFailed)
        {
            (int number, string text) = Libc.LastError();
            throw new PmemException($"cannot reserve {total} bytes of address space: {text} (errno {number})");
        }

        byte* aligned = (byte*)RoundUp((long)start, alignment);
        long before = aligned - start;
        if (before > 0)
            _ = Libc.Unmap(start, (nuint)before);
        if (total - before > rounded)
            _ = Libc.Unmap(aligned + rounded, (nuint)(total - before - rounded));
        return aligned;
    }

    private static PmemException Failure(string path, byte* reserved, long length)
    {
        (int number, string text) = Libc.LastError();
        if (reserved is not null)
            _ = Libc.Unmap(reserved, (nuint)RoundUp(length, PageSize));
        string remedy = number == Libc.ErrorAccess ? "; open it read-only, or change its permissions" : string.Empty;
        return new PmemException($"cannot map {path} ({length} bytes): {text} (errno {number}){remedy}");
    }

    internal static long RoundUp(long value, long alignment) => (value + alignment - 1) & -alignment;
}
