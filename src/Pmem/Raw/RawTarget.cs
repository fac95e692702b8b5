using Pmem.Native;

namespace Pmem.Raw;

/// <summary>Where bytes go to. Nothing is opened for writing, or created, before the first byte.</summary>
internal abstract class RawTarget(RawEndpoint endpoint) : IDisposable
{
    /// <summary>The output as the caller named it.</summary>
    public RawEndpoint Endpoint { get; } = endpoint;

    /// <summary>Bytes that fit behind the start; null when there is no bound.</summary>
    public virtual long? Room => null;

    /// <summary>Bytes that are there now behind the start; null when nobody knows.</summary>
    public virtual long? Present => Room;

    /// <summary>The path whose bad blocks can be cleared, or null.</summary>
    public virtual string? BadBlockPath => null;

    /// <summary>Finds out what kind of output it is.</summary>
    public static RawTarget Open(RawEndpoint output, long seek)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seek);
        if (output.Map is { } given)
            return new MapTarget(output, given.Length, () => given, seek, path: null);
        if (output.Stream is { } stream)
            return seek == 0 ? new StreamTarget(output, () => stream) : throw new PmemException($"one cannot seek in {output}: name an output file");
        string path = output.Path!;
        if (Directory.Exists(path))
            throw new PmemException($"{path} is a directory; name a file or a device");
        if (PersistentMap.IsDeviceDax(path))
            return new MapTarget(output, LengthOf(path), () => PersistentMap.Open(path), seek, path);
        if (!File.Exists(path) || !OperatingSystem.IsLinux() || FileStatus.Of(path).IsRegular)
            return new RawFileTarget(output, path, seek);
        return new StreamTarget(output, () => OpenStream(path, seek));
    }

    /// <summary>Throws if the output would have to grow by more than its file system has.</summary>
    /// <exception cref="OutOfSpaceException">It would.</exception>
    public virtual void DemandRoom(long length)
    {
        // A device does not grow, and nobody knows of a stream.
    }

    /// <summary>Writes behind what was written before; durable at the end of <see cref="Complete"/>, in devices and files at once.</summary>
    public abstract void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Writes zeros.</summary>
    public abstract void Zero(int length);

    /// <summary>Everything was written: makes it durable, the file itself too.</summary>
    public abstract void Complete();

    /// <summary>It failed: takes back what only the copy made.</summary>
    public virtual void Abandon()
    {
        // What was there before has been written over.
    }

    public abstract void Dispose();

    private static long LengthOf(string device)
    {
        using PersistentMap map = PersistentMap.Open(device, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return map.Length;
    }

    private static FileStream OpenStream(string path, long seek)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (seek > 0)
            stream.Seek(seek, SeekOrigin.Begin);
        return stream;
    }

    private sealed class MapTarget : RawTarget
    {
        private readonly Func<PersistentMap> _open;
        private readonly string? _path;
        private readonly long _room;
        private PersistentMap? _map;
        private long _position;

        public MapTarget(RawEndpoint endpoint, long length, Func<PersistentMap> open, long seek, string? path)
            : base(endpoint)
        {
            if (seek > length)
                throw new PmemException($"{endpoint} has {length} bytes: {seek} lies behind them");
            _open = open;
            _path = path;
            _position = seek;
            _room = length - seek;
        }

        public override long? Room => _room;

        public override string? BadBlockPath => _path;

        public override void Write(ReadOnlySpan<byte> bytes)
        {
            (_map ??= _open()).Copy(_position, bytes);
            _position += bytes.Length;
        }

        public override void Zero(int length)
        {
            (_map ??= _open()).Fill(_position, 0, length);
            _position += length;
        }

        public override void Complete()
        {
            // Each piece was durable when it was written.
        }

        public override void Dispose()
        {
            if (_path is not null)
                _map?.Dispose();
        }
    }

    private sealed class StreamTarget(RawEndpoint endpoint, Func<Stream> open) : RawTarget(endpoint)
    {
        private Stream? _stream;

        public override void Write(ReadOnlySpan<byte> bytes) => (_stream ??= open()).Write(bytes);

        public override void Zero(int length) => Write(new byte[length]);

        public override void Complete()
        {
            if (Endpoint.Path is not null && _stream is FileStream { CanSeek: true } disk)
                disk.Flush(flushToDisk: true);
            else
                _stream?.Flush();
        }

        public override void Dispose()
        {
            if (Endpoint.Path is not null)
                _stream?.Dispose();
        }
    }
}
