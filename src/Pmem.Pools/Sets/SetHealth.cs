namespace Pmem.Pools.Sets;

/// <summary>
/// Which parts of a set are healthy, found as libpmempool finds it: each part by itself, then whether those that are healthy belong together.
/// Holds a lock on every part that can be opened, so that nobody uses the pool meanwhile.
/// </summary>
internal sealed class SetHealth : IDisposable
{
    private const string ForeignMark = "foreign parts";

    private readonly SetLayout _layout;
    private readonly string?[][] _reasons;
    private readonly string?[] _replicaReasons;
    private readonly PoolHeader[][] _headers;
    private readonly List<(int Replica, int Part, long Size, PoolHeader? Header)> _files = [];
    private readonly long?[] _poolSizes;
    private readonly bool[] _hasFirstHeader;
    private readonly List<PersistentMap> _locks = [];

    private SetHealth(SetLayout layout)
    {
        _layout = layout;
        _reasons = [.. layout.Replicas.Select(replica => new string?[replica.Parts.Count])];
        _headers = [.. layout.Replicas.Select(replica => new PoolHeader[replica.Parts.Count])];
        _replicaReasons = new string?[layout.Replicas.Count];
        _poolSizes = new long?[layout.Replicas.Count];
        _hasFirstHeader = new bool[layout.Replicas.Count];
    }

    private int ReplicaCount => _layout.Replicas.Count;

    /// <summary>Examines a set.</summary>
    /// <param name="layout">The set.</param>
    /// <param name="demandRing">Whether the ring of replicas must be the set's; a transformation that was interrupted leaves it half-way.</param>
    /// <exception cref="PmemException">A part is in use, or healthy parts do not belong together.</exception>
    public static SetHealth Examine(SetLayout layout, bool demandRing)
    {
        var health = new SetHealth(layout);
        try
        {
            health.ExamineParts();
            health.ExamineReplicas();
            health.DemandConsistentReplicas();
            health.DemandOnePoolSet();
            if (demandRing)
                health.DemandRing();
            return health;
        }
        catch
        {
            health.Dispose();
            throw;
        }
    }

    /// <summary>Parts of a replica that have a header.</summary>
    public int HeaderCount(int replica) => _layout.SingleHeader ? 1 : _layout.Replicas[replica].Parts.Count;

    /// <summary>Whether a part has to be rebuilt; indices run round.</summary>
    public bool IsBroken(int replica, int part)
    {
        replica = Wrap(replica, ReplicaCount);
        return _replicaReasons[replica] is not null || _reasons[replica][Wrap(part, _reasons[replica].Length)] is not null;
    }

    /// <summary>Whether any part of a replica has to be rebuilt.</summary>
    public bool IsReplicaBroken(int replica) => _replicaReasons[replica] is not null || Array.Exists(_reasons[replica], reason => reason is not null);

    /// <summary>The header of a part that is not broken; indices run round.</summary>
    public ref readonly PoolHeader Header(int replica, int part)
    {
        replica = Wrap(replica, ReplicaCount);
        return ref _headers[replica][Wrap(part, HeaderCount(replica))];
    }

    /// <summary>Bytes that the pool uses according to a healthy replica.</summary>
    public long PoolSize(int replica) => _poolSizes[replica]!.Value;

    /// <summary>Makes all parts of a replica count as broken, because they are about to be made.</summary>
    public void MarkNew(int replica) => _replicaReasons[replica] = "it is new";

    /// <summary>The first replica that can be a source of data, or null.</summary>
    public int? HealthyReplica()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            if (!IsReplicaBroken(r))
                return r;
        }

        return null;
    }

    /// <summary>What is broken, in order.</summary>
    public IEnumerable<BrokenPart> BrokenParts()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            for (int p = 0; p < _reasons[r].Length; p++)
            {
                if (IsBroken(r, p))
                    yield return new BrokenPart(r, p, _layout.Replicas[r].Parts[p].Path, _reasons[r][p] ?? _replicaReasons[r]!);
            }
        }
    }

    /// <summary>Throws unless all replicas can hold the pool, and the healthy ones agree on its size.</summary>
    public void DemandSizes()
    {
        long? size = null;
        for (int r = 0; r < ReplicaCount; r++)
        {
            if (IsReplicaBroken(r))
                continue;
            if (PoolSize(r) > _layout.PoolSize)
                throw new PmemException($"{_layout.Path}: some replicas are too small to hold synchronized data: the pool uses {PoolSize(r)} bytes, the smallest replica has {_layout.PoolSize}");
            if (size is not null && size != PoolSize(r))
                throw new PmemException($"{_layout.Path}: pool sizes from different replicas differ: {size} and {PoolSize(r)} bytes; open the pool once, which brings its replicas in step");
            size = PoolSize(r);
        }
    }

    /// <summary>
    /// Throws if a file is there, under the name of a part, that may be somebody else's: it would be lost when the part is made anew. A file of the
    /// part's size is the part, whatever is in it, unless its header is another pool's; one of another size is only if its header says so,
    /// or if it has pages as a part without a header has.
    /// </summary>
    /// <exception cref="PmemException">There is one; it is left as it is.</exception>
    public void DemandOwnFiles()
    {
        int replica = Enumerable.Range(0, ReplicaCount).FirstOrDefault(r => FirstUnbroken(r) >= 0, -1);
        if (replica < 0)
            return;
        Guid pool = Header(replica, FirstUnbroken(replica)).PoolSetUuid;
        foreach ((int r, int p, long size, PoolHeader? found) in _files.Where(file => IsBroken(file.Replica, file.Part)))
        {
            PartLayout part = _layout.Replicas[r].Parts[p];
            bool isObject = found is { Kind: PoolKind.Object };
            if (found is { Kind: { } kind } header && header.Checksum == header.ComputeChecksum() && (!isObject || header.PoolSetUuid != pool))
                throw Kept(part, isObject ? "is a part of another pool, as its header says" : $"is a pool of kind {kind}");
            bool isOwn = (isObject && found!.Value.PoolSetUuid == pool) || (p >= HeaderCount(r) && size % PoolFile.PageSize == 0);
            if (size != part.FileSize && !isOwn)
                throw Kept(part, $"has {size} bytes, the set says {part.FileSize}, and no header says that it is this pool's");
        }
    }

    /// <summary>Gives the locks back.</summary>
    public void Dispose()
    {
        foreach (PersistentMap part in _locks)
            part.Dispose();
        _locks.Clear();
    }

    private static int Wrap(int index, int count) => ((index % count) + count) % count;

    private void ExamineParts()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            for (int p = 0; p < _reasons[r].Length; p++)
                _reasons[r][p] = ExaminePart(r, p);
        }
    }

    private string? ExaminePart(int replica, int index)
    {
        PartLayout part = _layout.Replicas[replica].Parts[index];
        string real = LinkedFile.RealPath(part.Path);
        if (Directory.Exists(real) || (!part.IsDevice && File.Exists(real) && !LinkedFile.IsRegular(real)))
            throw new PmemException($"{part.Path} is no file that could be a part of a pool: correct the set file");
        if (!Exists(real))
            return "it does not exist";
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(real) == UnixFileMode.None)
            return "its creation was interrupted";
        long size = part.IsDevice ? part.FileSize : LinkedFile.LengthOf(real);
        if (size != part.FileSize)
        {
            if (size > 0)
                _files.Add((replica, index, size, HeaderOf(part.Path, size)));
            return $"it has {size} bytes, the set says {part.FileSize}";
        }

        // Whatever keeps us from opening it says nothing about what is in it.
        PersistentMap map = PersistentMap.Open(part.Path, new PersistentMapOptions { Lock = true });
        _locks.Add(map);
        byte[] bytes = new byte[PoolHeader.Size];
        bool isReadable = map.TryRead(0, bytes);
        if (isReadable)
            _files.Add((replica, index, size, PoolHeader.Read(bytes)));
        if (index >= HeaderCount(replica))
            return null;
        if (!isReadable)
            return "its header cannot be read";
        PoolHeader header = _headers[replica][index] = PoolHeader.Read(bytes);
        _hasFirstHeader[replica] |= index == 0;
        if (header.Checksum != header.ComputeChecksum() || !bytes.AsSpan().ContainsAnyExcept((byte)0))
            return "the checksum of its header is wrong";
        if (header.Kind is null)
            return "it is no pool";
        if (header.Kind != PoolKind.Object)
            throw new PmemException($"{part.Path} is a pool of kind {header.Kind}: only object pools have replicas; correct the set file");
        if (header.Incompat.HasFlag(IncompatFeatures.SingleHeader) != _layout.SingleHeader)
            return "its SINGLEHDR feature is not what the set file says";
        if (index == 0)
            _poolSizes[replica] = ObjectPoolSize.Read(map);
        return null;
    }

    /// <summary>Whether a file is there: one that is in a folder which nobody lets us see is not missing.</summary>
    /// <exception cref="PmemException">The system does not tell (Linux).</exception>
    private static bool Exists(string real)
    {
        try
        {
            return File.Exists(real) || LinkedFile.LengthOf(real) >= 0;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    private static PoolHeader? HeaderOf(string path, long size)
    {
        if (size < PoolHeader.Size)
            return null;
        using var map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true, Length = PoolHeader.Size });
        byte[] bytes = new byte[PoolHeader.Size];
        return map.TryRead(0, bytes) ? PoolHeader.Read(bytes) : null;
    }

    private void ExamineReplicas()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            if (!_hasFirstHeader[r])
            {
                // Without its first header nobody can say whether the replica was closed.
                _replicaReasons[r] = "the first part of its replica is broken";
                continue;
            }

            if (_reasons[r][0] is null && _poolSizes[r] is null)
                _replicaReasons[r] = "the checksum of its pool descriptor is wrong";
            if (!_headers[r][0].Incompat.HasFlag(IncompatFeatures.ShutdownState))
                continue;
            ShutdownState current = default;
            foreach (PartLayout part in _layout.Replicas[r].Parts)
            {
                ShutdownState devices = ShutdownDevices.Current(part.Path);
                current.UnsafeShutdownCount += devices.UnsafeShutdownCount;
                current.DeviceId += devices.DeviceId;
            }

            if (_headers[r][0].ShutdownState.Judge(in current) == ShutdownVerdict.AdrFailure)
                _replicaReasons[r] = "an ADR failure was detected in its replica";
        }
    }

    private void DemandConsistentReplicas()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            int[] parts = [.. Enumerable.Range(0, HeaderCount(r)).Where(p => !IsBroken(r, p))];
            foreach (int p in parts)
            {
                if (Header(r, p).PoolSetUuid != Header(r, parts[0]).PoolSetUuid)
                    throw Foreign($"different poolset uuids in {_layout.NameOf(r, parts[0])} and {_layout.NameOf(r, p)}");
            }

            foreach (int p in parts)
            {
                if (Header(r, p).PreviousReplicaUuid != Header(r, parts[0]).PreviousReplicaUuid || Header(r, p).NextReplicaUuid != Header(r, parts[0]).NextReplicaUuid)
                    throw Foreign($"different adjacent replica uuids in {_layout.NameOf(r, parts[0])} and {_layout.NameOf(r, p)}");
            }

            foreach (int p in parts)
            {
                int next = UuidRing.After(p, HeaderCount(r));
                if (!IsBroken(r, next) && (Header(r, next).PreviousPartUuid != Header(r, p).Uuid || Header(r, p).NextPartUuid != Header(r, next).Uuid))
                    throw Foreign($"{_layout.NameOf(r, p)} and {_layout.NameOf(r, next)} are not linked to each other");
            }
        }
    }

    private void DemandOnePoolSet()
    {
        int? known = null;
        for (int r = 0; r < ReplicaCount; r++)
        {
            int part = FirstUnbroken(r);
            if (part < 0)
                continue;
            known ??= r;
            if (Header(r, part).PoolSetUuid != Header(known.Value, FirstUnbroken(known.Value)).PoolSetUuid)
                throw Foreign($"different poolset uuids in replicas {known} and {r}");
        }
    }

    private void DemandRing()
    {
        for (int r = 0; r < ReplicaCount; r++)
        {
            int next = UuidRing.After(r, ReplicaCount);
            int part = FirstUnbroken(r);
            int nextPart = FirstUnbroken(next);
            if (part < 0)
                continue;
            bool broken = nextPart >= 0
                && ((ReplicaUuid(r) is { } uuid && Header(next, nextPart).PreviousReplicaUuid != uuid)
                    || (ReplicaUuid(next) is { } nextUuid && Header(r, part).NextReplicaUuid != nextUuid));
            if (broken)
                throw Foreign($"inconsistent replica uuids between replicas {r} and {next}");

            // Over a replica that is gone its neighbours must mean the same one.
            int beyond = UuidRing.After(next, ReplicaCount);
            int beyondPart = FirstUnbroken(beyond);
            if (nextPart < 0 && beyondPart >= 0 && Header(r, part).NextReplicaUuid != Header(beyond, beyondPart).PreviousReplicaUuid)
                throw Foreign($"inconsistent replica uuids on borders of replica {next}");
        }

        DemandNoShorterRing();
    }

    /// <summary>Healthy replicas that close a ring without the others come from another, smaller set.</summary>
    private void DemandNoShorterRing()
    {
        int count = 0;
        int first = 0;
        for (int r = 0; r < ReplicaCount; r++)
        {
            if (IsReplicaBroken(r))
            {
                count = 0;
                continue;
            }

            if (count++ == 0)
                first = r;
            if (Header(r, 0).NextReplicaUuid == Header(first, 0).Uuid && count < ReplicaCount)
                throw Foreign("alien replica found (probably coming from a different poolset)");
        }
    }

    private int FirstUnbroken(int replica)
    {
        for (int p = 0; p < HeaderCount(replica); p++)
        {
            if (!IsBroken(replica, p))
                return p;
        }

        return -1;
    }

    private Guid? ReplicaUuid(int replica)
    {
        int count = HeaderCount(replica);
        if (!IsBroken(replica, 0))
            return Header(replica, 0).Uuid;
        if (count > 1 && !IsBroken(replica, 1))
            return Header(replica, 1).PreviousPartUuid;
        return count > 1 && !IsBroken(replica, count - 1) ? Header(replica, count - 1).NextPartUuid : null;
    }

    private static PmemException Kept(PartLayout part, string what) =>
        new($"{part.Path} {what}: a sync would remove it, so it is left as it is; correct the set file, or, if it is a damaged part of this pool, move it away and run the same again");

    /// <summary>Whether parts were refused because they do not belong together as the set says, rather than because of one of them.</summary>
    public static bool IsForeign(PmemException refusal) => refusal.Data.Contains(ForeignMark);

    private PmemException Foreign(string what)
    {
        var refusal = new PmemException($"{_layout.Path}: {what} - cannot synchronize; use the set file that the pool was created with");
        refusal.Data[ForeignMark] = true;
        return refusal;
    }
}
