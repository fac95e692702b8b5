using System.Runtime.CompilerServices;
using Pmem.Native;
using Pmem.Tracing;

namespace Pmem;

/// <summary>
/// A range of persistent memory mapped into this process: the one place where stores, flushes and fences are issued.
/// </summary>
/// <remarks>
/// <para>How data becomes durable is decided once, when the map is made (see <see cref="Granularity"/>), and is the same for the caller
/// everywhere: store, <see cref="Flush"/>, <see cref="Drain"/>. Offsets and lengths are in bytes from the start of the map.</para>
/// <para>All members may be used from many threads; a drain waits for the flushes of its own thread. Spans, references and pointers are
/// valid until <see cref="Dispose"/>; windows from <see cref="GetMemory"/> fail cleanly afterwards. A plain read of a range whose media went
/// bad, or that was cut off the file, kills the process: read doubtful ranges with <see cref="TryRead"/>.</para>
/// </remarks>
public sealed unsafe partial class PersistentMap : IDisposable
{
    private readonly MappedRegion _region;
    private long _length; // 0 once disposed, so that every access is refused
    private readonly StoreGranularity _granularity;

    // What the short paths compare with: the granularity, or none of them once replicas have to follow.
    private StoreGranularity _direct;
    private PersistentMap[] _replicas = [];
    private byte* _base;

    // The map's own hold, and one for each pinned window.
    private int _holds = 1;
    private int _disposed;

    private readonly bool _isPrivate;

    private PersistentMap(MappedRegion region, StoreGranularity granularity, bool readOnly, string? path, bool isPrivate = false)
    {
        _isPrivate = isPrivate;
        _region = region;
        _base = region.Address;
        _length = region.Length;
        _granularity = _direct = granularity;
        IsReadOnly = readOnly;
        Path = path;
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Mapped(this);
    }

    /// <summary>The first byte. Writing through it bypasses tracing and flushes nothing; valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (PersistenceTrace.IsEnabled)
                Observed(0, _length);
            return _base;
        }
    }

    /// <summary>Length in bytes; 0 once disposed.</summary>
    public long Length => _length;

    /// <summary>The unit in which stores become durable.</summary>
    public StoreGranularity Granularity => _granularity;

    /// <summary>Where stores are safe when power fails.</summary>
    public PersistenceDomain Domain => _granularity switch
    {
        StoreGranularity.Byte => PersistenceDomain.CpuCache,
        StoreGranularity.CacheLine => PersistenceDomain.MemoryController,
        _ => PersistenceDomain.PageCache,
    };

    /// <summary>Whether the memory behind is persistent memory as the kernel says (MAP_SYNC, device DAX, a DAX volume), whatever was forced.</summary>
    public bool IsPmem => _region.IsPmem;

    /// <summary>Whether stores fault.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Whether changes are this map's alone and never reach the file (<see cref="MapAccess.CopyOnWrite"/>).</summary>
    public bool IsCopyOnWrite => _isPrivate;

    /// <summary>Path of the mapped file, or null for an anonymous map.</summary>
    public string? Path { get; }

    /// <summary>The modules that hold the memory, as <see cref="PersistentMapOptions.Modules"/> named them; null when the system is to be asked.</summary>
    public IReadOnlyList<MapModule>? Modules { get; private init; }

    /// <summary>Maps an existing file or device-DAX node.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">It cannot be opened, locked or mapped; the message says why and what to do.</exception>
    public static PersistentMap Open(string path, PersistentMapOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= PersistentMapOptions.Default;
        DemandRange(options);
        MappedRegion region = OperatingSystem.IsWindows() ? MapSources.OpenWindows(path, options) : MapSources.OpenLinux(path, options);
        return Create(region, path, options);
    }

    /// <summary>Whether the path names a device-DAX node, which has a size although its file length is 0.</summary>
    public static bool IsDeviceDax(string path) => OperatingSystem.IsLinux() && DaxDevice.TryFind(path) is not null;

    /// <summary>What offsets and lengths of maps of a device-DAX node are multiples of, in bytes; null for what is none.</summary>
    public static long? DeviceAlignmentOf(string path) => OperatingSystem.IsLinux() ? DaxDevice.TryFind(path)?.Alignment : null;

    /// <summary>Bytes that a map of a whole file or device-DAX node has; 0 for other devices.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">The system does not tell.</exception>
    public static long LengthOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return OperatingSystem.IsLinux() && DaxDevice.TryFind(path) is { } device ? device.Length : LinkedFile.LengthOf(path);
    }

    /// <summary>
    /// Creates a file of <paramref name="length"/> bytes, which must not exist, and maps it. Its content is zero. The file itself is durable
    /// once the directory is; a crash before may leave it or not.
    /// </summary>
    /// <exception cref="IOException">The file exists.</exception>
    /// <exception cref="PmemException">It cannot be created, sized, locked or mapped; nothing is left behind.</exception>
    public static PersistentMap Create(string path, long length, PersistentMapOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        options ??= PersistentMapOptions.Default;
        DemandRange(options);
        if (options.Access != MapAccess.ReadWrite)
            throw new ArgumentException("a file is created to be written: Access must be ReadWrite", nameof(options));
        MappedRegion region = OperatingSystem.IsWindows()
            ? MapSources.CreateWindows(path, length, options)
            : MapSources.CreateLinux(path, length, options);
        return Create(region, path, options);
    }

    /// <summary>Maps zeroed memory without a file: it behaves like persistent memory of the wanted granularity, but lasts only as long as the process.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="granularity">What the memory pretends to be.</param>
    /// <param name="modules">The modules of the memory that this is a copy of; null for none.</param>
    public static PersistentMap CreateAnonymous(long length, StoreGranularity granularity = StoreGranularity.CacheLine, IReadOnlyList<MapModule>? modules = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        MappedRegion region = OperatingSystem.IsWindows() ? MapSources.AnonymousWindows(length) : LinuxRegion.MapAnonymous(length);
        return new PersistentMap(region, PersistenceDetection.Decide(isPrivate: true, isPmem: false, granularity), readOnly: false, path: null) { Modules = modules };
    }

    /// <summary>
    /// Unmaps. Spans, references and the pointer must not be used afterwards; <see cref="GetMemory"/> windows throw
    /// <see cref="ObjectDisposedException"/> instead. While a window is pinned the pages stay. Flushes nothing: unflushed stores are as
    /// durable as the platform happens to make them.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        if (PersistenceTrace.IsEnabled)
            PersistenceTrace.Unmapping(this);
        _length = 0;
        Unpin();
    }

    internal bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>Keeps the pages until <see cref="Unpin"/>; false when the map is disposed.</summary>
    internal bool TryPin()
    {
        while (true)
        {
            int holds = Volatile.Read(ref _holds);
            if (holds == 0 || IsDisposed)
                return false;
            if (Interlocked.CompareExchange(ref _holds, holds + 1, holds) == holds)
                return true;
        }
    }

    /// <summary>Gives up a hold; the last one unmaps.</summary>
    internal void Unpin()
    {
        if (Interlocked.Decrement(ref _holds) > 0)
            return;
        _base = null;
        _region.Release();
    }

    private static PersistentMap Create(MappedRegion region, string path, PersistentMapOptions options)
    {
        bool isPrivate = options.Access == MapAccess.CopyOnWrite;
        StoreGranularity granularity = PersistenceDetection.Decide(isPrivate, region.IsPmem, options.ForceGranularity);
        return new PersistentMap(region, granularity, options.Access == MapAccess.ReadOnly, path, isPrivate) { Modules = options.Modules };
    }

    private static void DemandRange(PersistentMapOptions options)
    {
        if (options.Offset < 0 || options.Length < 0)
            throw new ArgumentOutOfRangeException(nameof(options), "offset and length of a map are not negative");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* At(long offset, long length)
    {
        if ((ulong)offset > (ulong)_length || (ulong)length > (ulong)(_length - offset))
            ThrowRange(offset, length);
        return _base + offset;
    }

    private void ThrowRange(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        throw new ArgumentOutOfRangeException(nameof(offset), $"range 0x{offset:x}+{length} is outside the map of {_length} bytes{(Path is null ? string.Empty : $" ({Path})")}");
    }
}
