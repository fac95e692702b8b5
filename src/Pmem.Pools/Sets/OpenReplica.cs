namespace Pmem.Pools.Sets;

/// <summary>
/// A replica that is mapped: the range of addresses that the pool lives in, and the headers of the parts behind the first, which are not in
/// that range. The first part's header holds the shutdown state of the whole replica.
/// </summary>
internal sealed class OpenReplica : IDisposable
{
    private readonly List<PersistentMap> _partHeaders = [];
    private readonly List<string?> _partPaths;
    private readonly List<long> _partStarts = [0];
    private bool _dirtySet;

    private OpenReplica(PersistentMap map, List<string?> partPaths)
    {
        Map = map;
        _partPaths = partPaths;
    }

    /// <summary>The replica's bytes from the first part's header on.</summary>
    public PersistentMap Map { get; }

    /// <summary>Parts that have a header.</summary>
    public int HeaderCount => 1 + _partHeaders.Count;

    /// <summary>A map that somebody else made, as a replica of one part.</summary>
    public static OpenReplica Of(PersistentMap map) => new(map, [map.Path]);

    /// <summary>Maps the parts of a replica.</summary>
    /// <param name="layout">The set.</param>
    /// <param name="index">Which replica.</param>
    /// <param name="create">Which parts to create; the others exist.</param>
    /// <param name="options">How to map.</param>
    public static OpenReplica Open(SetLayout layout, int index, Func<PartLayout, bool> create, PersistentMapOptions options)
    {
        ReplicaLayout replica = layout.Replicas[index];
        if (layout.File is not null)
            PoolParts.Demand(layout, index, create);
        PersistentMap map = layout.File is null ? OpenSingle(replica.Parts[0], create, options) : OpenParts(layout, replica, create, options);
        var open = new OpenReplica(map, [.. replica.Parts.Select(part => part.Path)]);
        try
        {
            for (int i = 1; i < replica.Parts.Count; i++)
            {
                open._partStarts.Add(replica.PartStart(i, layout.SingleHeader));
                if (!layout.SingleHeader)
                    open._partHeaders.Add(map.OpenPartStart(i, PoolHeader.Size));
            }

            return open;
        }
        catch
        {
            open.Dispose();
            foreach (PartLayout part in replica.Parts.Where(create))
                File.Delete(part.Path);
            throw;
        }
    }

    /// <summary>The map whose first page is a part's header.</summary>
    public PersistentMap HeaderMap(int part) => part == 0 ? Map : _partHeaders[part - 1];

    public PoolHeader ReadHeader(int part) => HeaderMap(part).Read<PoolHeader>(0);

    /// <summary>Where a byte of the replica lies: in which part, and where in its file.</summary>
    public (int Part, string? Path, long Offset) Locate(long offset)
    {
        int part = _partStarts.FindLastIndex(start => start <= offset);
        long dataOffset = part == 0 || _partHeaders.Count == 0 ? 0 : PoolHeader.Size;
        return (part, _partPaths[part], offset - _partStarts[part] + dataOffset);
    }

    /// <summary>Adds a part at the end; it has no header.</summary>
    public void Append(SetLayout layout, PartLayout part)
    {
        long start = Map.Length;
        Map.Append(PartOf(part, index: 1, layout.SingleHeader, create: true));
        _partPaths.Add(part.Path);
        _partStarts.Add(start);
    }

    /// <summary>What the modules below the parts say now.</summary>
    public ShutdownState CurrentShutdownState()
    {
        if (Map.Modules is not null)
            return ShutdownDevices.Current(Map);
        ShutdownState sum = default;
        foreach (string? path in _partPaths)
        {
            ShutdownState part = ShutdownDevices.Current(path);
            sum.UnsafeShutdownCount += part.UnsafeShutdownCount;
            sum.DeviceId += part.DeviceId;
        }

        return sum;
    }

    /// <summary>Records that the replica is in use by these modules. Durable down to media at return.</summary>
    public void MarkDirty(ShutdownState current)
    {
        current.Dirty = 1;
        current.Checksum = current.ComputeChecksum();
        Store(current);
        _dirtySet = true;
    }

    /// <summary>Records, when <see cref="MarkDirty"/> was called, that the replica was closed.</summary>
    public void MarkClean()
    {
        if (!_dirtySet)
            return;

        // What was stored must reach media, in every part, before the state says that it did.
        foreach (long start in _partStarts)
        {
            if (start < Map.Length)
                Map.DeepFlush(start, ShutdownState.Size);
        }

        ShutdownState state = Map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition);
        state.Dirty = 0;
        state.Checksum = state.ComputeChecksum();
        Store(state);
        _dirtySet = false;
    }

    /// <summary>Unmaps and unlocks.</summary>
    public void Dispose()
    {
        foreach (PersistentMap header in _partHeaders)
            header.Dispose();
        Map.Dispose();
    }

    private static PersistentMap OpenSingle(PartLayout part, Func<PartLayout, bool> create, PersistentMapOptions options) =>
        create(part) ? PersistentMap.Create(part.Path, part.FileSize & -PoolFile.PageSize, options) : PersistentMap.Open(part.Path, options);

    private static PersistentMap OpenParts(SetLayout layout, ReplicaLayout replica, Func<PartLayout, bool> create, PersistentMapOptions options)
    {
        var parts = new List<PersistentMapPart>(replica.Parts.Count);
        for (int i = 0; i < replica.Parts.Count; i++)
            parts.Add(PartOf(replica.Parts[i], i, layout.SingleHeader, create(replica.Parts[i])));
        return PersistentMap.OpenParts(parts, replica.Reservation(layout.SingleHeader), options with { Length = layout.PoolSize });
    }

    private static PersistentMapPart PartOf(PartLayout part, int index, bool singleHeader, bool create) => new(part.Path)
    {
        Offset = PartLayout.DataOffset(index, singleHeader),
        Length = part.MappedLength(index, singleHeader),
        FileLength = part.FileSize,
        Create = create,
    };

    private void Store(in ShutdownState state)
    {
        Map.Store(PoolHeader.ShutdownStatePosition, state);
        if (Map.Granularity == StoreGranularity.Page)
            Map.Sync(PoolHeader.ShutdownStatePosition, ShutdownState.Size);
        else
            Map.DeepFlush(PoolHeader.ShutdownStatePosition, ShutdownState.Size);
    }
}
