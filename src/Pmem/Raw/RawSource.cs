using Pmem.Native;

namespace Pmem.Raw;

/// <summary>Where bytes come from.</summary>
internal abstract class RawSource : IDisposable
{
    /// <summary>Bytes that are left; null when nobody knows.</summary>
    public abstract long? Left { get; }

    /// <summary>Opens an input behind the bytes to skip.</summary>
    public static RawSource Open(RawEndpoint input, long skip)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        if (input.Map is { } given)
            return new MapSource(given, skip, input, owned: false);
        if (input.Stream is { } stream)
            return new StreamSource(stream, skip, input, owned: false);
        string path = input.Path!;
        bool mapped = File.Exists(path) && (PersistentMap.IsDeviceDax(path) || ((!OperatingSystem.IsLinux() || FileStatus.Of(path).IsRegular) && LinkedFile.LengthOf(path) > 0));
        if (mapped)
            return new MapSource(PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly }), skip, input, owned: true);
        if (Directory.Exists(path))
            throw new PmemException($"{path} is a directory; name a file or a device");

        // Unbuffered, and sharing everything: neither a lock nor bytes that nobody asked for are taken.
        return new StreamSource(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0), skip, input, owned: true);
    }

    /// <summary>Fills a buffer; fewer bytes than that are the last.</summary>
    public abstract int Read(Span<byte> buffer);

    public abstract void Dispose();

    private sealed class MapSource : RawSource
    {
        private readonly PersistentMap _map;
        private readonly bool _owned;
        private long _position;

        public MapSource(PersistentMap map, long skip, RawEndpoint input, bool owned)
        {
            _map = map;
            _owned = owned;
            _position = skip;
            if (skip <= map.Length)
                return;
            long length = map.Length;
            Dispose();
            throw new PmemException($"{input} has {length} bytes: {skip} of them cannot be skipped");
        }

        public override long? Left => _map.Length - _position;

        public override int Read(Span<byte> buffer)
        {
            int length = (int)Math.Min(buffer.Length, _map.Length - _position);
            _map.CheckedRead(_position, buffer[..length]);
            _position += length;
            return length;
        }

        public override void Dispose()
        {
            if (_owned)
                _map.Dispose();
        }
    }

    private sealed class StreamSource : RawSource
    {
        private readonly Stream _stream;
        private readonly bool _owned;

        public StreamSource(Stream stream, long skip, RawEndpoint input, bool owned)
        {
            _stream = stream;
            _owned = owned;
            try
            {
                Skip(skip, input);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public override long? Left => _stream is FileStream { CanSeek: true } file && IsSized(file) ? file.Length - file.Position : null;

        public override int Read(Span<byte> buffer) => _stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);

        public override void Dispose()
        {
            if (_owned)
                _stream.Dispose();
        }

        /// <summary>Disks have a size; /dev/zero can be sought in too, and has none.</summary>
        private static bool IsSized(FileStream file) =>
            !OperatingSystem.IsLinux() || file.Length > 0 || (File.Exists(file.Name) && FileStatus.Of(file.Name).IsRegular);

        private void Skip(long bytes, RawEndpoint input)
        {
            byte[] buffer = new byte[Math.Min(bytes, 1 << 16)];
            while (bytes > 0)
            {
                int got = _stream.Read(buffer.AsSpan(0, (int)Math.Min(bytes, buffer.Length)));
                if (got == 0)
                    throw new PmemException($"{input} ended {bytes} bytes before the end of what is to be skipped");
                bytes -= got;
            }
        }
    }
}
