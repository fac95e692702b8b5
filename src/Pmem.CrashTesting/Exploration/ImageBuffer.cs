namespace Pmem.CrashTesting.Exploration;

/// <summary>
/// One image that is patched from crash to crash: a file in memory, a shared map through which it is patched, and a private map of the same
/// pages for recovery, whose changes are thrown away after each check. A check costs what it touches, not the size of the image.
/// </summary>
internal sealed class ImageBuffer : IDisposable
{
    private const string MemoryFolder = "/dev/shm";

    private readonly string _path;
    private readonly StoreGranularity _granularity;
    private readonly PersistentMap _shared;
    private PersistentMap? _private;
    private bool _isDirty;

    public ImageBuffer(ReadOnlySpan<byte> initial, StoreGranularity granularity)
    {
        _granularity = granularity;
        _path = Path.Combine(FolderFor(initial.Length), $"pmem-image-{Guid.NewGuid():n}");
        _shared = PersistentMap.Create(_path, initial.Length, new PersistentMapOptions { Sparse = true, ForceGranularity = StoreGranularity.CacheLine });
        const int Block = 4096;
        for (int at = 0; at < initial.Length; at += Block)
        {
            ReadOnlySpan<byte> block = initial.Slice(at, Math.Min(Block, initial.Length - at));
            if (block.ContainsAnyExcept((byte)0))
                _shared.Copy(at, block, CopyHints.NoFlush);
        }
    }

    public ReadOnlySpan<byte> Image => _shared.GetSpan(0, (int)_shared.Length);

    /// <summary>The private map, as the image is; from now on until <see cref="Patch"/> or <see cref="Reset"/> it may be changed.</summary>
    public PersistentMap Map
    {
        get
        {
            _private ??= PersistentMap.Open(_path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite, ForceGranularity = _granularity });
            _isDirty = true;
            return _private;
        }
    }

    public void Patch(long offset, ReadOnlySpan<byte> bytes) => _shared.Copy(offset, bytes, CopyHints.NoFlush);

    public void Reset()
    {
        if (!_isDirty)
            return;
        if (_private is { Length: 0 })
            _private = null; // the check disposed it
        _private?.DiscardChanges();
        _isDirty = false;
    }

    public void Dispose()
    {
        _private?.Dispose();
        _shared.Dispose();
        File.Delete(_path);
    }

    // Memory that is too small for the image must be noticed before the first store to it, which would be fatal.
    private static string FolderFor(long length)
    {
        try
        {
            if (Directory.Exists(MemoryFolder) && new DriveInfo(MemoryFolder).AvailableFreeSpace > length * 3)
                return MemoryFolder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The ordinary folder then.
        }

        return Path.GetTempPath();
    }
}
