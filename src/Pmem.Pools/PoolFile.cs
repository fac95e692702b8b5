using System.Runtime.CompilerServices;

namespace Pmem.Pools;

/// <summary>
/// An open pool: its file, locked; its header, validated; its shutdown state, dirty while open; and the map that the pool's own kind of
/// content lives in.
/// </summary>
/// <remarks>
/// Creation is crash-safe by file mode: the file has mode 0 until everything is durable and <see cref="CompleteCreation"/> was called, so an
/// interrupted creation leaves a file that nobody but root can open and that says what it is.
/// </remarks>
public sealed class PoolFile : IDisposable
{
    /// <summary>Pools are whole pages long.</summary>
    public const int PageSize = 4096;

    private readonly UnixFileMode? _modeWhenComplete;
    private bool _closed;

    private PoolFile(PersistentMap map, PoolKind kind, in PoolHeader header, bool isReadOnly, UnixFileMode? modeWhenComplete)
    {
        Map = map;
        Kind = kind;
        Header = header;
        IsReadOnly = isReadOnly;
        _modeWhenComplete = modeWhenComplete;
    }

    /// <summary>The memory; offsets in it are pool offsets.</summary>
    public PersistentMap Map { get; }

    /// <summary>What kind of pool it is.</summary>
    public PoolKind Kind { get; }

    /// <summary>The header as it was when the pool was opened.</summary>
    public PoolHeader Header { get; }

    /// <summary>Whether an unknown ro_compat feature forbids writing.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Whether the pool was not closed by its last user (its process died).</summary>
    public bool WasDirty { get; private init; }

    /// <summary>Path of the file, or null for a pool in memory.</summary>
    public string? Path => Map.Path;

    /// <summary>Bytes of the pool: the file's size, rounded down to a page.</summary>
    public long Size => Map.Length & -PageSize;

    /// <summary>Smallest pool of a kind in bytes.</summary>
    public static long MinimumSize(PoolKind kind) => kind switch
    {
        PoolKind.Object => 8L << 20,
        PoolKind.Log => 2L << 20,
        _ => (16L << 20) + (8L << 10),
    };

    /// <summary>
    /// Creates a pool file with a durable header; the caller then writes the content of its kind and calls <see cref="CompleteCreation"/>.
    /// <paramref name="size"/> 0 takes an existing file whose first 4096 bytes are zero.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is below the kind's minimum.</exception>
    /// <exception cref="IOException">The file exists (with a size given), or is no empty pool.</exception>
    public static PoolFile Create(string path, PoolKind kind, long size, PoolCreateOptions? options = null)
    {
        options ??= new PoolCreateOptions();
        if (size != 0 && size < MinimumSize(kind))
            throw new ArgumentOutOfRangeException(nameof(size), $"a pool of kind {kind} has at least {MinimumSize(kind)} bytes, not {size}");
        var mapping = new PersistentMapOptions { Lock = true, CreateMode = UnixFileMode.None, Sparse = options.Sparse, ForceGranularity = options.ForceGranularity };
        PersistentMap map = size != 0 ? PersistentMap.Create(path, size & -PageSize, mapping) : PersistentMap.Open(path, mapping);
        try
        {
            if (size == 0 && (map.Length < MinimumSize(kind) || map.GetSpan(0, PoolHeader.Size).ContainsAnyExcept((byte)0)))
                throw new IOException($"{path} is not an empty file of at least {MinimumSize(kind)} bytes: its first 4096 bytes must be zero");
            return Format(map, kind, options, size != 0 ? options.Mode : null);
        }
        catch
        {
            map.Dispose();
            if (size != 0)
                File.Delete(path);
            throw;
        }
    }

    /// <summary>Writes a durable header into a map, which the pool then owns.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The map is smaller than the kind's minimum.</exception>
    public static PoolFile Format(PersistentMap map, PoolKind kind, PoolCreateOptions? options = null) =>
        Format(map, kind, options ?? new PoolCreateOptions(), modeWhenComplete: null);

    private static PoolFile Format(PersistentMap map, PoolKind kind, PoolCreateOptions options, UnixFileMode? modeWhenComplete)
    {
        if (map.Length < MinimumSize(kind))
            throw new ArgumentOutOfRangeException(nameof(map), $"a pool of kind {kind} has at least {MinimumSize(kind)} bytes, not {map.Length}");

        var uuid = Guid.NewGuid();
        PoolHeader header = default;
        header.Signature = PoolHeader.SignatureOf(kind);
        header.Major = PoolHeader.MajorOf(kind);
        header.Compat = options.Compat;
        header.Incompat = options.Incompat;
        header.PoolSetUuid = Guid.NewGuid();
        header.Uuid = header.PreviousPartUuid = header.NextPartUuid = header.PreviousReplicaUuid = header.NextReplicaUuid = uuid;
        header.CreationTime = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        header.SetArchitecture();
        if (options.Incompat.HasFlag(IncompatFeatures.ShutdownState))
        {
            header.ShutdownState = ShutdownDevices.Current(map.Path);
            header.ShutdownState.Dirty = 1;
            header.ShutdownState.Checksum = header.ShutdownState.ComputeChecksum();
            StoreShutdownState(map, header.ShutdownState);
        }

        header.Checksum = header.ComputeChecksum();
        map.Copy(0, PoolHeader.Bytes(in header));
        return new PoolFile(map, kind, in header, isReadOnly: false, modeWhenComplete);
    }

    /// <summary>Gives the file its permissions: from now on the pool exists. A file that existed before keeps those it had.</summary>
    public void CompleteCreation()
    {
        if (Path is not null && _modeWhenComplete is { } mode && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, mode);
    }

    /// <summary>Opens a pool file of one part: locks it, validates its header in PMDK's order, checks and marks its shutdown state.</summary>
    /// <exception cref="PmemFormatException">The header is not valid, or of another kind.</exception>
    /// <exception cref="PmemException">The file is in use, cannot be accessed, or its modules lost data while it was open.</exception>
    public static PoolFile Open(string path, PoolKind kind, PoolOpenOptions? options = null)
    {
        options ??= new PoolOpenOptions();
        DemandComplete(path);
        PersistentMap map = PersistentMap.Open(
            path,
            new PersistentMapOptions
            {
                Access = options.CopyOnWrite ? MapAccess.CopyOnWrite : MapAccess.ReadWrite,
                Lock = !options.CopyOnWrite,
                ForceGranularity = options.ForceGranularity,
            });
        try
        {
            return Attach(map, kind);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Opens the pool in a map, which the pool then owns (on failure the caller keeps it).</summary>
    /// <exception cref="PmemFormatException">The header is not valid, or of another kind.</exception>
    public static PoolFile Attach(PersistentMap map, PoolKind kind)
    {
        if (map.Length < MinimumSize(kind))
            throw new PmemFormatException("pool size", -1, $"at least {MinimumSize(kind)} bytes", $"{map.Length}");
        PoolHeader header = map.Read<PoolHeader>(0);
        if (PoolValidation.FindProblem(in header, kind) is { } problem)
            throw problem;

        bool isReadOnly = header.ReadOnlyCompat != ReadOnlyCompatFeatures.None;
        bool wasDirty = false;
        if (header.Incompat.HasFlag(IncompatFeatures.ShutdownState))
        {
            ShutdownState current = ShutdownDevices.Current(map.Path);
            ShutdownVerdict verdict = header.ShutdownState.Judge(in current);
            if (verdict == ShutdownVerdict.AdrFailure)
            {
                throw new PmemException(
                    $"an ADR failure was detected, the pool might be corrupted{(map.Path is null ? string.Empty : $": {map.Path}")}: its modules lost power uncleanly while it was open; restore it from a replica or a backup");
            }

            wasDirty = verdict == ShutdownVerdict.NotClosed;
            if (!isReadOnly)
            {
                current.Dirty = 1;
                current.Checksum = current.ComputeChecksum();
                StoreShutdownState(map, current);
            }
        }

        return new PoolFile(map, kind, in header, isReadOnly, modeWhenComplete: null) { WasDirty = wasDirty };
    }

    /// <summary>Reads the header of any file without locking or changing it; null when the file is shorter than a header.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">It is a directory, or cannot be read.</exception>
    public static PoolHeader? ReadHeader(string path)
    {
        if (!File.Exists(path))
            throw Directory.Exists(path) ? new PmemException($"{path} is a directory; name a pool file") : new FileNotFoundException($"there is no file {path}", path);
        if (new FileInfo(path).Length < PoolHeader.Size && !PersistentMap.IsDeviceDax(path))
            return null;

        // Through a map: a FileStream takes a shared lock, fails on a pool that is open, and would keep others from opening this one meanwhile.
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        byte[] bytes = new byte[PoolHeader.Size];
        map.CheckedRead(0, bytes);
        return PoolHeader.Read(bytes);
    }

    /// <summary>Closes the pool: everything drained, the shutdown state clean, the file unmapped and unlocked.</summary>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        Map.Drain();
        if (Header.Incompat.HasFlag(IncompatFeatures.ShutdownState) && !IsReadOnly)
        {
            // What was stored must reach media before the state says that it did.
            Map.DeepFlush(PoolHeader.ShutdownStatePosition, ShutdownState.Size);
            ShutdownState state = Map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition);
            state.Dirty = 0;
            state.Checksum = state.ComputeChecksum();
            StoreShutdownState(Map, state);
        }

        Map.Dispose();
    }

    /// <summary>Gives the pool up without closing it, as a process does that dies: the shutdown state stays dirty.</summary>
    public void Abandon()
    {
        if (_closed)
            return;
        _closed = true;
        Map.Dispose();
    }

    private static void DemandComplete(string path)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(path) && File.GetUnixFileMode(path) == UnixFileMode.None)
            throw new PmemException($"{path} has no permissions at all: its creation was interrupted; remove it and create it again");
    }

    private static void StoreShutdownState(PersistentMap map, in ShutdownState state)
    {
        map.Store(PoolHeader.ShutdownStatePosition, state);
        if (map.Granularity == StoreGranularity.Page)
            map.Sync(PoolHeader.ShutdownStatePosition, ShutdownState.Size);
        else
            map.DeepFlush(PoolHeader.ShutdownStatePosition, ShutdownState.Size);
    }
}
