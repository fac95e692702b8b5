using System.IO.Compression;
using System.Text;

namespace Interop.Guest;

/// <summary>An initial RAM disk: a compressed archive in the "newc" form of cpio. The kernel reads several of them one behind the other.</summary>
internal sealed class CpioArchive : IDisposable
{
    private const int Directory = 0x4000;
    private const int File = 0x8000;
    private const int Executable = 0x1ed;
    private readonly MemoryStream _bytes = new();
    private readonly GZipStream _archive;
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private long _position;
    private int _inode;

    public CpioArchive() => _archive = new GZipStream(_bytes, CompressionLevel.Fastest, leaveOpen: true);

    public void Dispose()
    {
        _archive.Dispose();
        _bytes.Dispose();
    }

    public void AddFolder(string path)
    {
        int parent = path.LastIndexOf('/');
        if (parent > 0)
            AddFolder(path[..parent]);
        if (_folders.Add(path))
            Add(path, Directory | Executable, []);
    }

    public void AddFile(string path, ReadOnlySpan<byte> content)
    {
        int parent = path.LastIndexOf('/');
        if (parent > 0)
            AddFolder(path[..parent]);
        Add(path, File | Executable, content);
    }

    public void AddText(string path, string content) => AddFile(path, Encoding.UTF8.GetBytes(content));

    /// <summary>Ends the archive.</summary>
    public byte[] ToArray()
    {
        Add("TRAILER!!!", 0, []);
        _archive.Dispose();
        return _bytes.ToArray();
    }

    private void Add(string path, int mode, ReadOnlySpan<byte> content)
    {
        _inode++;
        int[] fields = [_inode, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, path.Length + 1, 0];
        Write(Encoding.ASCII.GetBytes($"070701{string.Concat(fields.Select(field => field.ToString("x8")))}{path}\0"));
        Write(content);
    }

    // Names and contents are padded to 4 bytes.
    private void Write(ReadOnlySpan<byte> bytes)
    {
        _archive.Write(bytes);
        _position += bytes.Length;
        while (_position % 4 != 0)
        {
            _archive.WriteByte(0);
            _position++;
        }
    }
}
