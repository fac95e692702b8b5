namespace Pmem.Blocks;

/// <summary>How a block device is opened or created.</summary>
public sealed record BlockDeviceOptions
{
    /// <summary>The defaults.</summary>
    public static BlockDeviceOptions Default { get; } = new();

    /// <summary>Permission bits of a created pool, set as the last step of creation.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;

    /// <summary>Open on a private copy: recovery and changes never reach the file.</summary>
    public bool CopyOnWrite { get; init; }

    /// <summary>Nothing may be written; what an interrupted write left is taken into account when reading.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Flog entries over which a thread rotates; 0 takes twice the number of processors, as PMDK does.</summary>
    public int Lanes { get; init; }

    /// <summary>Do not allocate the blocks of a created file.</summary>
    public bool Sparse { get; init; }

    /// <summary>Overrides the detected granularity of the map.</summary>
    public StoreGranularity? ForceGranularity { get; init; }
}
