namespace Pmem.Objects;

/// <summary>How a store is created or opened.</summary>
public sealed record ObjectStoreOptions
{
    /// <summary>The defaults.</summary>
    public static ObjectStoreOptions Default { get; } = new();

    /// <summary>Permission bits of a created pool, set as the last step of creation.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead;

    /// <summary>Open on a private copy: recovery and changes never reach the file.</summary>
    public bool CopyOnWrite { get; init; }

    /// <summary>Lanes used at run time, 1 to 1024; 0 takes <c>PMEMOBJ_NLANES</c> or 1024.</summary>
    public int Lanes { get; init; }

    /// <summary>Arenas; 0 means one per processor.</summary>
    public int Arenas { get; init; }

    /// <summary>
    /// Bytes by which a store in a pool set of folders grows when it is full; 0 never. PMDK <c>heap.size.granularity</c>, and the same 128 MiB
    /// unless said otherwise.
    /// </summary>
    public long GrowthSize { get; init; } = 128L << 20;

    /// <summary>Overrides the detected granularity of the map.</summary>
    public StoreGranularity? ForceGranularity { get; init; }
}
