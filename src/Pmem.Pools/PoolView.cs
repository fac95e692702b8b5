using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>A file of a pool.</summary>
/// <param name="Path">The file or device.</param>
/// <param name="Size">Bytes that it has.</param>
/// <param name="IsDevice">Whether it is device DAX.</param>
public sealed record PoolPart(string Path, long Size, bool IsDevice);

/// <summary>
/// The files of a pool, single or a set, mapped as they are: nothing is judged, recovered or changed. It shows pools that are damaged or in use; who
/// opens them to write mends them by hand.
/// </summary>
public sealed class PoolView : IDisposable
{
    private readonly List<OpenReplica> _replicas = [];

    private PoolView(SetLayout layout)
    {
        Path = layout.Path;
        Set = layout.File;
        Replicas = [.. layout.Replicas.Select(replica => (IReadOnlyList<PoolPart>)[.. replica.Parts.Select(part => new PoolPart(part.Path, SizeOf(part), part.IsDevice))])];
    }

    private PoolView(string name, long length) => (Path, Replicas) = (name, [[new PoolPart(name, length, IsDevice: false)]]);

    /// <summary>Path of the file or of the set file.</summary>
    public string Path { get; }

    /// <summary>The set file, or null for a single file.</summary>
    public PoolSetFile? Set { get; }

    /// <summary>The files of each replica, the master's first; of a set of folders those that are there now.</summary>
    public IReadOnlyList<IReadOnlyList<PoolPart>> Replicas { get; }

    /// <summary>The bytes of each replica, from its header on.</summary>
    public IReadOnlyList<PersistentMap> Maps => [.. _replicas.Select(replica => replica.Map)];

    /// <summary>Maps the files of a pool.</summary>
    /// <param name="path">The file, or the set file.</param>
    /// <param name="access">Whether they can be written, or changed in memory only.</param>
    /// <param name="exclusive">Whether to lock the files, so that nobody else has the pool open.</param>
    /// <exception cref="FileNotFoundException">The file, or a part of the set, does not exist.</exception>
    /// <exception cref="PmemFormatException">The set file is wrong.</exception>
    /// <exception cref="PmemException">A file cannot be read, is in use by others, or has another size than the set says.</exception>
    public static PoolView Open(string path, MapAccess access = MapAccess.ReadOnly, bool exclusive = false)
    {
        SetLayout layout = PoolSetFile.IsPoolSet(path) ? SetLayout.Of(PoolSetFile.Read(path)) : SetLayout.Single(path, fileSize: 0);
        if (layout.Replicas.Exists(replica => replica.Parts.Count == 0))
            throw new FileNotFoundException($"{path}: the folders of the set hold no parts; create the pool first", path);
        var view = new PoolView(layout);
        try
        {
            for (int r = 0; r < layout.Replicas.Count; r++)
                view._replicas.Add(OpenReplica.Open(layout, r, create: _ => false, new PersistentMapOptions { Access = access, Lock = exclusive }));
            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }

    /// <summary>A view of a pool without replicas that is mapped already.</summary>
    /// <param name="name">What stands for its path.</param>
    /// <param name="map">The pool, which the view then owns.</param>
    public static PoolView Of(string name, PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        var view = new PoolView(name, map.Length);
        view._replicas.Add(OpenReplica.Of(map));
        return view;
    }

    /// <summary>A map whose first page is a part's header.</summary>
    /// <param name="replica">Which replica, from 0.</param>
    /// <param name="part">Which part, from 0; with one header for all of them only 0.</param>
    public PersistentMap HeaderMap(int replica, int part) => _replicas[replica].HeaderMap(part);

    /// <summary>What the modules below a replica say now: what its shutdown state is judged by.</summary>
    /// <param name="replica">Which replica, from 0.</param>
    public ShutdownState CurrentShutdownState(int replica) => _replicas[replica].CurrentShutdownState();

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        foreach (OpenReplica replica in _replicas)
            replica.Dispose();
        _replicas.Clear();
    }

    private static long SizeOf(PartLayout part)
    {
        if (!part.IsDevice)
            return File.Exists(LinkedFile.RealPath(part.Path)) ? LinkedFile.LengthOf(part.Path) : 0;
        using PersistentMap device = PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return device.Length;
    }
}
