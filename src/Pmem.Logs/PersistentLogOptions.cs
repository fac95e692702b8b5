namespace Pmem.Logs;

/// <summary>How a log is created or opened.</summary>
public sealed record PersistentLogOptions
{
    /// <summary>Permission bits of a created pool, set as the last step of creation.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;

    /// <summary>Do not allocate the blocks of a created file.</summary>
    public bool Sparse { get; init; }

    /// <summary>Open on a private copy, without locking: appends never reach the file.</summary>
    public bool CopyOnWrite { get; init; }

    /// <summary>Overrides the detected granularity of the map.</summary>
    public StoreGranularity? ForceGranularity { get; init; }
}
