namespace Pmem.Blocks.Tests.Crash;

/// <summary>Maps images quickly: one file on tmpfs that is patched from image to image, and private maps of it.</summary>
internal sealed class ImageFile : IDisposable
{
    private const int PageSize = 4096;

    private readonly string _path;
    private readonly FileStream _file;
    private readonly byte[] _content;

    public ImageFile(long length)
    {
        _path = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-image-{Guid.NewGuid():n}");
        _file = new FileStream(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _file.SetLength(length);
        _content = new byte[length];
    }

    /// <summary>A private map of the image that behaves like persistent memory.</summary>
    public PersistentMap Map(ReadOnlySpan<byte> image)
    {
        for (int at = 0; at < image.Length;)
        {
            at += image[at..].CommonPrefixLength(_content.AsSpan(at));
            if (at == image.Length)
                break;
            at &= -PageSize;
            int length = Math.Min(PageSize, image.Length - at);
            image.Slice(at, length).CopyTo(_content.AsSpan(at));
            RandomAccess.Write(_file.SafeFileHandle, image.Slice(at, length), at);
            at += length;
        }

        return PersistentMap.Open(_path, new PersistentMapOptions { Access = MapAccess.CopyOnWrite, ForceGranularity = StoreGranularity.CacheLine });
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }
}
