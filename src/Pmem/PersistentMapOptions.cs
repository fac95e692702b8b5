namespace Pmem;

/// <summary>What a map may be used for.</summary>
public enum MapAccess
{
    /// <summary>Reading and writing; stores reach the file.</summary>
    ReadWrite,

    /// <summary>Reading only; a store faults.</summary>
    ReadOnly,

    /// <summary>Reading and writing a private copy; nothing reaches the file.</summary>
    CopyOnWrite,
}

/// <summary>How a file, device or anonymous range is mapped.</summary>
public sealed record PersistentMapOptions
{
    /// <summary>The default: read-write, whole file, granularity detected.</summary>
    public static PersistentMapOptions Default { get; } = new();

    /// <summary>What the map may be used for.</summary>
    public MapAccess Access { get; init; } = MapAccess.ReadWrite;

    /// <summary>First byte of the file to map; a multiple of the source's alignment.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes to map; 0 maps to the end of the file.</summary>
    public long Length { get; init; }

    /// <summary>Overrides the detected granularity, as <c>PMEM2_FORCE_GRANULARITY</c> does; null detects.</summary>
    public StoreGranularity? ForceGranularity { get; init; }

    /// <summary>Permission bits of a created file (default 0644); a pool is created with 0 and gets its bits last.</summary>
    public UnixFileMode CreateMode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Do not allocate blocks when a file is created (ftruncate instead of fallocate).</summary>
    public bool Sparse { get; init; }

    /// <summary>The modules that hold the memory, in the order of their interleave set, where the system does not know them (virtual ones); null asks the system.</summary>
    public IReadOnlyList<MapModule>? Modules { get; init; }

    /// <summary>Take an exclusive advisory lock (<c>flock</c>) on the file; held until the map is disposed.</summary>
    public bool Lock { get; init; }
}
