using System.Runtime.InteropServices;

namespace Pmem.Native;

/// <summary>
/// Several files or devices mapped back to back into one reserved range of addresses. The reservation may be longer than the parts: the rest
/// faults until parts are appended to it.
/// </summary>
internal sealed unsafe class LinuxPartsRegion : MappedRegion
{
    private const long PageSize = 4096;

    private readonly long _reservation;
    private readonly List<Part> _parts = [];
    private readonly Dictionary<string, int> _sharing = new(StringComparer.Ordinal); // by path: flags of mmap
    private long _mapped;

    private sealed record Part(int Fd, string Path, long Start, long Length, bool IsPmem, string? DeepFlushPath)
    {
        /// <summary>Where in the device a private copy of it is from; null for what is mapped.</summary>
        public long? CopiedFrom { get; init; }
    }

    private LinuxPartsRegion(long reservation, long alignment)
    {
        _reservation = reservation;
        Address = LinuxRegion.Reserve(reservation, alignment);
    }

    /// <summary>Maps the parts; on failure nothing stays mapped, locked or created.</summary>
    public static LinuxPartsRegion Map(IReadOnlyList<PersistentMapPart> parts, long reservation, PersistentMapOptions options)
    {
        long total = 0;
        foreach (PersistentMapPart part in parts)
            total += part.Length;
        var region = new LinuxPartsRegion(Math.Max(reservation, total), parts.Max(part => DaxDevice.TryFind(part.Path)?.Alignment ?? 0));
        try
        {
            foreach (PersistentMapPart part in parts)
                region.Add(part, options);
            region.IsPmem = region._parts[0].IsPmem;
            if (options.Length > 0 && options.Length < region.Length)
                region.Length = options.Length;
            return region;
        }
        catch
        {
            for (int i = 0; i < region._parts.Count; i++)
            {
                if (parts[i].Create)
                    File.Delete(parts[i].Path);
            }

            region.Release();
            throw;
        }
    }

    /// <summary>Maps one more part behind the others; on failure the region is as before, and a created file is gone.</summary>
    public void Append(PersistentMapPart part, PersistentMapOptions options) => Add(part, options);

    /// <summary>Maps the first bytes of a part's file once more, by itself.</summary>
    public LinuxRegion MapStart(int part, long length, MapAccess access) => LinuxRegion.MapBorrowed(_parts[part].Fd, _parts[part].Path, length, access, _parts[part].CopiedFrom is not null);

    /// <summary>Path of a part.</summary>
    public string PathOf(int part) => _parts[part].Path;

    /// <inheritdoc/>
    public override void Discard()
    {
        foreach (Part part in _parts)
        {
            if (part.CopiedFrom is { } offset)
                DeviceCopy.Fill(part.Fd, part.Path, offset, Address + part.Start, part.Length);
            else
                LinuxRegion.Discard(Address + part.Start, part.Length);
        }
    }

    /// <inheritdoc/>
    public override void Sync(byte* address, long length)
    {
        byte* first = (byte*)((nint)address & -(nint)PageSize);
        if (Libc.Sync(first, (nuint)(address + length - first), Libc.SyncNow) == 0)
            return;
        (int number, string text) = Libc.LastError();
        throw new PmemException($"msync of {length} bytes failed: {text} (errno {number}); the data may not be durable, check the disks of the pool's parts");
    }

    /// <inheritdoc/>
    public override void DeepFlush(byte* address, long length)
    {
        long start = address - Address;
        foreach (Part part in _parts)
        {
            long from = Math.Max(start, part.Start);
            long to = Math.Min(start + length, part.Start + part.Length);
            if (from >= to)
                continue;
            if (part.DeepFlushPath is null)
                Sync(Address + from, to - from);
            else
                FlushQueues(part.DeepFlushPath);
        }
    }

    /// <inheritdoc/>
    public override bool TryReadSlowly(long offset, Span<byte> destination) => LinuxRegion.TryReadOwnPages(Address + offset, destination);

    /// <inheritdoc/>
    public override void Release()
    {
        _ = Libc.Unmap(Address, (nuint)LinuxRegion.RoundUp(_reservation, PageSize));
        foreach (Part part in _parts)
        {
            _ = Libc.Lock(part.Fd, Libc.Unlock);
            _ = Libc.Close(part.Fd);
        }

        _parts.Clear();
    }

    private void Add(PersistentMapPart part, PersistentMapOptions options)
    {
        if (part.Length <= 0 || part.Length % PageSize != 0 || part.Offset % PageSize != 0)
            throw new PmemException($"cannot map {part.Length} bytes of {part.Path} from {part.Offset}: both must be multiples of {PageSize}");
        if (part.Length > _reservation - _mapped)
            throw new PmemException($"cannot map {part.Path}: {_reservation} bytes of address space are reserved, and {_mapped} of them taken");
        (int fd, DaxDevice? device) = MapSources.OpenPart(part, options);
        try
        {
            byte* address = Address + _mapped;
            bool copies = options.Access == MapAccess.CopyOnWrite && device is not null;
            bool isPmem = MapFixed(fd, part, address, options.Access, device) || (device is not null && !copies);
            if (_parts.Count > 0 && isPmem != _parts[0].IsPmem)
                throw new PmemException($"{part.Path} is {(isPmem ? string.Empty : "not ")}persistent memory, but {_parts[0].Path} is{(isPmem ? " not" : string.Empty)}: the parts of a replica must be the same");
            _parts.Add(new Part(fd, part.Path, _mapped, part.Length, isPmem, copies ? null : device?.DeepFlushPath) { CopiedFrom = copies ? part.Offset : null });
        }
        catch
        {
            _ = Libc.Close(fd);
            if (part.Create)
                File.Delete(part.Path);
            throw;
        }

        _mapped += part.Length;
        Length = _mapped;
    }

    private bool MapFixed(int fd, PersistentMapPart part, byte* address, MapAccess access, DaxDevice? device)
    {
        if (access == MapAccess.CopyOnWrite && device is not null)
        {
            DeviceCopy.Fill(fd, part.Path, part.Offset, address, part.Length);
            return false;
        }

        if (!_sharing.TryGetValue(part.Path, out int sharing))
            _sharing.Add(part.Path, sharing = LinuxRegion.FindSharing(fd, part.Path, part.Offset, part.Length, access));
        bool isMapped = Libc.Map(address, (nuint)part.Length, LinuxRegion.ProtectionOf(access), sharing | Libc.MapFixed, fd, part.Offset) != Libc.MapFailed;
        return isMapped ? LinuxRegion.IsSynchronous(sharing) : throw Failure(part);
    }

    private static PmemException Failure(PersistentMapPart part)
    {
        (int number, string text) = (Marshal.GetLastPInvokeError(), Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        return new PmemException($"cannot map {part.Path} ({part.Length} bytes from {part.Offset}): {text} (errno {number})");
    }
}
