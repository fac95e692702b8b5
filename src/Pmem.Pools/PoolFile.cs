using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>
/// An open pool, in a single file or the many files of a pool set: its files, locked; its headers, validated; the shutdown state of each
/// replica, dirty while open; and the map that the pool's own kind of content lives in.
/// </summary>
/// <remarks>
/// <para>Creation is crash-safe by file mode: files have mode 0 until everything is durable and <see cref="CompleteCreation"/> was called, so an
/// interrupted creation leaves files that nobody but root can open and that say what they are.</para>
/// <para>With replicas, <see cref="Map"/> is the master's; the others follow it whenever a range of it becomes durable, so a crash leaves them
/// equal or behind. Growing a set of folders adds a file to each replica; the file belongs to the pool once the kind of pool says so.</para>
/// </remarks>
public sealed partial class PoolFile : IDisposable
{
    /// <summary>Pools are whole pages long.</summary>
    public const int PageSize = 4096;

    /// <summary>Smallest part of a pool set in bytes.</summary>
    public const long MinimumPartSize = 2L << 20;

    private readonly OpenReplica[] _replicas;
    private readonly SetLayout? _layout;
    private readonly List<string> _created = [];
    private UnixFileMode? _modeWhenComplete;
    private bool _closed;

    private PoolFile(OpenReplica[] replicas, SetLayout? layout, PoolKind kind, in PoolHeader header, bool isReadOnly)
    {
        _replicas = replicas;
        _layout = layout;
        Map = replicas[0].Map;
        Kind = kind;
        Header = header;
        IsReadOnly = isReadOnly;
        ReplicaMaps = [.. replicas.Select(replica => replica.Map)];
    }

    /// <summary>The memory; offsets in it are pool offsets. With replicas it is the master's.</summary>
    public PersistentMap Map { get; }

    /// <summary>The memory of each replica, the master's first.</summary>
    public IReadOnlyList<PersistentMap> ReplicaMaps { get; }

    /// <summary>What kind of pool it is.</summary>
    public PoolKind Kind { get; }

    /// <summary>The header of the master's first part as it was when the pool was opened.</summary>
    public PoolHeader Header { get; }

    /// <summary>Whether an unknown ro_compat feature forbids writing.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Whether the pool was not closed by its last user (its process died).</summary>
    public bool WasDirty { get; private init; }

    /// <summary>Path of the file or of the set file, or null for a pool in memory.</summary>
    public string? Path => _layout?.Path ?? Map.Path;

    /// <summary>Whether all files of the pool were created by this object, so that what its kind has not written yet is zero.</summary>
    public bool IsNew => _created.Count > 0 && _layout is not null && _created.Count == _layout.Replicas.Sum(replica => replica.Parts.Count);

    /// <summary>The set file, or null when the pool is a single file or in memory.</summary>
    public PoolSetFile? Set => _layout?.File;

    /// <summary>Bytes of the pool: those of its smallest replica, rounded down to a page.</summary>
    public long Size => Map.Length & -PageSize;

    /// <summary>Smallest pool of a kind in bytes.</summary>
    public static long MinimumSize(PoolKind kind) => kind switch
    {
        PoolKind.Object => 8L << 20,
        PoolKind.Log => 2L << 20,
        _ => (16L << 20) + (8L << 10),
    };

    /// <summary>
    /// Reads the header of any pool without locking or changing it; of a set that of the first part, or when that is lost or damaged the first sound one.
    /// Null when the file is shorter than a header.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no such file, or no part of the set.</exception>
    /// <exception cref="PmemException">It is a directory, or cannot be read.</exception>
    public static PoolHeader? ReadHeader(string path)
    {
        if (PoolSetFile.IsPoolSet(path))
        {
            SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
            PartLayout[] parts = [.. layout.Replicas.SelectMany(replica => replica.Parts.Take(layout.SingleHeader ? 1 : replica.Parts.Count))];
            if (parts.Length == 0)
                throw new PmemException($"{path}: the folders of the set hold no parts; create the pool first");
            PartLayout? sound = Array.Find(parts, HasSoundHeader);
            if (sound is null && !File.Exists(parts[0].Path))
                PoolParts.Demand(layout, 0, _ => false);
            path = (sound ?? parts[0]).Path;
        }

        return ReadHeaderOf(path);
    }

    private static bool HasSoundHeader(PartLayout part)
    {
        try
        {
            return File.Exists(part.Path) && ReadHeaderOf(part.Path) is { Kind: not null } header && header.Checksum == header.ComputeChecksum();
        }
        catch (PmemException)
        {
            // The next one may be readable; opening says what is wrong with this one.
            return false;
        }
    }

    private static PoolHeader? ReadHeaderOf(string path)
    {
        if (!File.Exists(path))
            throw Directory.Exists(path) ? new PmemException($"{path} is a directory; name a pool file") : new FileNotFoundException($"there is no file {path}", path);
        if (LinkedFile.LengthOf(path) < PoolHeader.Size && !PersistentMap.IsDeviceDax(path))
            return null;

        // Through a map: a FileStream takes a shared lock, fails on a pool that is open, and would keep others from opening this one meanwhile.
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        byte[] bytes = new byte[PoolHeader.Size];
        map.CheckedRead(0, bytes);
        return PoolHeader.Read(bytes);
    }

    /// <summary>Where a byte of a replica lies: in which part, and where in its file.</summary>
    /// <param name="replica">Number of the replica; the master is 0.</param>
    /// <param name="offset">Offset in bytes from the start of the pool.</param>
    public (int Part, string? Path, long Offset) Locate(int replica, long offset) => _replicas[replica].Locate(offset);

    /// <summary>
    /// Throws when the system knows of bad blocks in a file of a pool: to read one through a map ends the process. Opening a pool looks for itself; who maps files of
    /// a pool asks here first. Says nothing of files that are not there, and of errors that nobody has met yet.
    /// </summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="badBlocks">Who knows bad blocks; null asks the kernel.</param>
    /// <exception cref="MediaErrorException">There are bad blocks.</exception>
    /// <exception cref="PmemException">The set file is wrong, or the system does not tell.</exception>
    public static void DemandReadable(string path, BadBlockSource? badBlocks = null) =>
        PoolBadBlocks.DemandNone(PoolSetFile.IsPoolSet(path) ? SetLayout.Of(PoolSetFile.Read(path)) : SetLayout.Single(path, fileSize: 0), badBlocks ?? BadBlockSource.Kernel);

    /// <summary>Closes the pool: everything drained, the shutdown states clean, the files unmapped and unlocked.</summary>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        Map.Drain();
        foreach (OpenReplica replica in _replicas)
            replica.MarkClean();
        Unmap();
    }

    /// <summary>Gives the pool up without closing it, as a process does that dies: the shutdown state stays dirty.</summary>
    public void Abandon()
    {
        if (_closed)
            return;
        _closed = true;
        Unmap();
    }

    private void Unmap()
    {
        foreach (OpenReplica replica in _replicas)
            replica.Dispose();
    }
}
