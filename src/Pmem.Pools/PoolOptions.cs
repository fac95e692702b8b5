namespace Pmem.Pools;

/// <summary>How a pool file is created.</summary>
public sealed record PoolCreateOptions
{
    /// <summary>Permission bits, set as the last step of creation.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;

    /// <summary>Features that a reader may ignore.</summary>
    public CompatFeatures Compat { get; init; } = PoolFeatures.DefaultCompat;

    /// <summary>Features that a reader must know.</summary>
    public IncompatFeatures Incompat { get; init; } = PoolFeatures.DefaultIncompat;

    /// <summary>Overrides the detected granularity of the map.</summary>
    public StoreGranularity? ForceGranularity { get; init; }

    /// <summary>Do not allocate the file's blocks.</summary>
    public bool Sparse { get; init; }

    /// <summary>Who knows bad blocks, which no existing file may have.</summary>
    public BadBlockSource BadBlocks { get; init; } = BadBlockSource.Kernel;
}

/// <summary>How a pool file is opened.</summary>
public sealed record PoolOpenOptions
{
    /// <summary>Open on a private copy, without locking: nothing reaches the file.</summary>
    public bool CopyOnWrite { get; init; }

    /// <summary>Who knows bad blocks. A pool that has some is not opened if it says that they are to be checked (feature CHECK_BAD_BLOCKS), nor on a private copy.</summary>
    public BadBlockSource BadBlocks { get; init; } = BadBlockSource.Kernel;

    /// <summary>Overrides the detected granularity of the map.</summary>
    public StoreGranularity? ForceGranularity { get; init; }
}
