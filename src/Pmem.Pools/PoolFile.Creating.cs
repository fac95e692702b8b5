using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <content>Creating.</content>
public sealed partial class PoolFile
{
    /// <summary>
    /// Creates a pool with durable headers; the caller then writes the content of its kind and calls <see cref="CompleteCreation"/>.
    /// <paramref name="size"/> 0 takes the size of what is there: the parts of a pool set file (those that exist, and those that it creates), or
    /// an existing file. Existing files and devices must start with 4096 bytes of zeros.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is below the kind's minimum.</exception>
    /// <exception cref="IOException">The file exists (with a size given), or is no empty pool.</exception>
    /// <exception cref="PmemFormatException">The set file is wrong.</exception>
    /// <exception cref="PmemException">The set cannot hold such a pool, or a file cannot be created; what was created is gone again.</exception>
    public static PoolFile Create(string path, PoolKind kind, long size, PoolCreateOptions? options = null)
    {
        options ??= new PoolCreateOptions();
        if (size != 0 && size < MinimumSize(kind))
            throw new ArgumentOutOfRangeException(nameof(size), $"a pool of kind {kind} has at least {MinimumSize(kind)} bytes, not {size}");
        if (size != 0 && PersistentMap.IsDeviceDax(path))
            throw new ArgumentException($"{path} is a device, and a pool takes all of it: the size must be zero", nameof(size));
        if (size != 0)
            return Create(SetLayout.Single(path, size & -PageSize), kind, options);
        return PoolSetFile.IsPoolSet(path) ? CreateSet(path, kind, options) : Create(SetLayout.Single(path, fileSize: 0), kind, options);
    }

    /// <summary>Writes a durable header into a map, which the pool then owns.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The map is smaller than the kind's minimum.</exception>
    public static PoolFile Format(PersistentMap map, PoolKind kind, PoolCreateOptions? options = null)
    {
        if (map.Length < MinimumSize(kind))
            throw new ArgumentOutOfRangeException(nameof(map), $"a pool of kind {kind} has at least {MinimumSize(kind)} bytes, not {map.Length}");
        return Format([OpenReplica.Of(map)], layout: null, kind, options ?? new PoolCreateOptions());
    }

    /// <summary>Gives the created files their permissions: from now on the pool exists. Files that existed before keep those they had.</summary>
    public void CompleteCreation()
    {
        if (_modeWhenComplete is not { } mode || OperatingSystem.IsWindows())
            return;
        foreach (string path in _created)
            File.SetUnixFileMode(path, mode);
    }

    /// <summary>Gives up a creation that is not complete: unmaps everything and removes the files that <see cref="Create(string, PoolKind, long, PoolCreateOptions?)"/> created.</summary>
    public void CancelCreation()
    {
        Abandon();
        foreach (string path in _created)
            File.Delete(path);
    }

    private static PoolFile CreateSet(string path, PoolKind kind, PoolCreateOptions options)
    {
        return Create(LayoutToCreate(path, kind), kind, options);
    }

    /// <summary>The files of a set that a new pool shall have.</summary>
    private static SetLayout LayoutToCreate(string path, PoolKind kind)
    {
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
        if (layout.FindRepeatedPath() is { } repeated)
            throw new PmemException($"{path}: {repeated.Path} is named twice, in lines {repeated.First} and {repeated.Second}: give each part a file of its own");
        if (layout.Replicas.SelectMany(replica => replica.Parts).FirstOrDefault(part => File.Exists(part.Path) && LinkedFile.AreSame(part.Path, path)) is { } own)
            throw new PmemException($"{path} names itself as a part, {own.Path}: give each part a file of its own");
        if (layout.IsDirectoryBased && !layout.SingleHeader)
            throw new PmemException($"{path}: directory based pools are not supported for poolsets with headers; add the line OPTION SINGLEHDR");
        if (layout.Reservation < MinimumSize(kind))
            throw new PmemException($"{path}: reservation pool size {layout.Reservation} smaller than {MinimumSize(kind)}");
        if (layout.IsDirectoryBased && layout.Replicas[0].Parts.Count == 0)
            layout.AppendPart(MinimumSize(kind));
        if (layout.PoolSize < MinimumSize(kind))
            throw new PmemException($"{path}: net pool size {layout.PoolSize} smaller than {MinimumSize(kind)}");
        if (kind != PoolKind.Object && layout.Replicas.Count > 1)
            throw new PmemException($"{path}: replication not supported for pools of kind {kind}");
        DemandPartSizes(layout);
        return layout;
    }

    private static void DemandPartSizes(SetLayout layout)
    {
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                PartLayout part = layout.Replicas[r].Parts[p];
                if (part.FileSize < MinimumPartSize)
                    throw new PmemException($"{layout.NameOf(r, p)}: size {part.FileSize} smaller than {MinimumPartSize}");
            }
        }
    }

    private static PoolFile Create(SetLayout layout, PoolKind kind, PoolCreateOptions options)
    {
        if (options.Compat.HasFlag(CompatFeatures.CheckBadBlocks))
            PoolBadBlocks.DemandNone(layout, options.BadBlocks, creating: true);

        // A single file of known size must not exist; a single file of size 0 must, and gives the size.
        bool single = layout.File is null;
        bool takeExisting = single && layout.Replicas[0].Parts[0].FileSize == 0;
        var mapping = new PersistentMapOptions { Lock = true, CreateMode = UnixFileMode.None, Sparse = options.Sparse, ForceGranularity = options.ForceGranularity };
        string[] created = [.. layout.Replicas.SelectMany(replica => replica.Parts).Where(Creates).Select(part => part.Path)];
        var open = new List<OpenReplica>();
        try
        {
            for (int r = 0; r < layout.Replicas.Count; r++)
                open.Add(OpenReplica.Open(layout, r, part => created.Contains(part.Path), mapping));
            foreach (OpenReplica replica in open)
                DemandEmpty(replica, kind);
            PoolFile pool = Format([.. open], layout, kind, options);
            pool._created.AddRange(created);
            pool._modeWhenComplete = options.Mode;
            return pool;
        }
        catch
        {
            // What failed to open removed its own files.
            int opened = open.Count;
            foreach (OpenReplica replica in open)
                replica.Dispose();
            foreach (PartLayout part in layout.Replicas.Take(opened).SelectMany(replica => replica.Parts))
            {
                if (created.Contains(part.Path))
                    File.Delete(part.Path);
            }

            throw;
        }

        bool Creates(PartLayout part) => single ? !takeExisting : !part.IsDevice && !File.Exists(part.Path);
    }

    private static void DemandEmpty(OpenReplica replica, PoolKind kind)
    {
        if (replica.Map.Length < MinimumSize(kind))
            throw new IOException($"{replica.Map.Path} is not an empty file of at least {MinimumSize(kind)} bytes: it has {replica.Map.Length}");
        for (int p = 0; p < replica.HeaderCount; p++)
        {
            PersistentMap map = replica.HeaderMap(p);
            if (map.GetSpan(0, PoolHeader.Size).ContainsAnyExcept((byte)0))
                throw NotEmpty(map.Path!);
        }
    }

    private static IOException NotEmpty(string path) =>
        new($"non-empty file detected: {path} is not an empty file: its first {PoolHeader.Size} bytes must be zero; remove it, or zero them");

    private static PoolFile Format(OpenReplica[] replicas, SetLayout? layout, PoolKind kind, PoolCreateOptions options)
    {
        var poolSet = Guid.NewGuid();
        var uuids = new Guid[replicas.Length][];
        for (int r = 0; r < replicas.Length; r++)
        {
            uuids[r] = new Guid[replicas[r].HeaderCount];
            for (int p = 0; p < uuids[r].Length; p++)
                uuids[r][p] = Guid.NewGuid();
        }

        PoolHeader first = default;
        for (int r = 0; r < replicas.Length; r++)
        {
            for (int p = 0; p < uuids[r].Length; p++)
            {
                PoolHeader header = NewHeader(kind, options, layout is { SingleHeader: true });
                header.PoolSetUuid = poolSet;
                UuidRing.Link(ref header, uuids, r, p);
                if (p == 0 && header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
                {
                    replicas[r].MarkDirty(replicas[r].CurrentShutdownState());
                    header.ShutdownState = replicas[r].Map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition);
                }

                header.Checksum = header.ComputeChecksum();
                replicas[r].HeaderMap(p).Copy(0, PoolHeader.Bytes(in header));
                if (r == 0 && p == 0)
                    first = header;
            }
        }

        return new PoolFile(Linked(replicas), layout, kind, in first, isReadOnly: false);
    }

    private static PoolHeader NewHeader(PoolKind kind, PoolCreateOptions options, bool singleHeader)
    {
        PoolHeader header = default;
        header.Signature = PoolHeader.SignatureOf(kind);
        header.Major = PoolHeader.MajorOf(kind);
        header.Compat = options.Compat;
        header.Incompat = options.Incompat | (singleHeader ? IncompatFeatures.SingleHeader : IncompatFeatures.None);
        header.CreationTime = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        header.SetArchitecture();
        return header;
    }

    /// <summary>From now on the replicas follow the master. Not before: headers differ.</summary>
    private static OpenReplica[] Linked(OpenReplica[] replicas)
    {
        foreach (OpenReplica replica in replicas.AsSpan(1))
            replicas[0].Map.AddReplica(replica.Map);
        return replicas;
    }
}
