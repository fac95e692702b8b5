namespace Pmem.Raw;

/// <summary>One end of a raw copy: a path, a stream, or memory that is mapped already.</summary>
public sealed class RawEndpoint
{
    private RawEndpoint(string? path, Stream? stream, PersistentMap? map)
    {
        Path = path;
        Stream = stream;
        Map = map;
    }

    /// <summary>The file or device, or null.</summary>
    public string? Path { get; }

    /// <summary>The stream, or null.</summary>
    public Stream? Stream { get; }

    /// <summary>The memory, or null.</summary>
    public PersistentMap? Map { get; }

    /// <summary>A regular file, a device-DAX node, or whatever else the system reads and writes by name.</summary>
    public static RawEndpoint Of(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new RawEndpoint(path, null, null);
    }

    /// <summary>A stream, which stays the caller's; what is written to it is as durable as the stream makes it.</summary>
    public static RawEndpoint Of(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new RawEndpoint(null, stream, null);
    }

    /// <summary>Mapped memory, which stays the caller's: it has a fixed size, as a device has.</summary>
    public static RawEndpoint Of(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new RawEndpoint(null, null, map);
    }

    /// <summary>What messages call it.</summary>
    public override string ToString() => Path ?? Map?.Path ?? (Map is null ? "the stream" : "the memory");
}
