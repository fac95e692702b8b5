using Pmem.Raw;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Io;

/// <summary>The ends of a raw copy: streams, files, devices, and namespaces of virtual platforms, which stay open until it is done.</summary>
internal sealed class CopyEnds : IDisposable
{
    private readonly Dictionary<string, PlatformSource> _platforms = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Platform, string Namespace), PersistentMap> _maps = [];

    /// <summary>The end that a path names; a stream without one. Two ends may be on one platform.</summary>
    public RawEndpoint Of(string? path, Func<Stream> stream, bool readOnly)
    {
        if (path is null)
            return RawEndpoint.Of(stream());
        if (NamespacePath.Parse(path) is not { } space)
            return RawEndpoint.Of(path);
        string folder = Path.GetFullPath(space.Platform).TrimEnd('/');
        if (!_platforms.TryGetValue(folder, out PlatformSource? platform))
            _platforms.Add(folder, platform = PlatformSource.Open(space.Platform));
        if (!_maps.TryGetValue((folder, space.Namespace), out PersistentMap? map))
            _maps.Add((folder, space.Namespace), map = space.Open(platform, (its, name) => its.OpenNamespace(name, readOnly)));
        return RawEndpoint.Of(map);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PersistentMap map in _maps.Values)
            map.Dispose();
        foreach (PlatformSource platform in _platforms.Values)
            platform.Dispose();
    }
}
