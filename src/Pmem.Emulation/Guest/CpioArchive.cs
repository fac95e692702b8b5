using System.IO.Compression;
using System.Text;

namespace Pmem.Emulation.Guest;

/// <summary>
/// An initial RAM disk: an archive in the "newc" form of cpio (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). The kernel reads several of them one
/// behind the other; ACPI tables that replace those of the firmware must be in one that comes first and is not compressed.
/// </summary>
/// <remarks>Not safe for use by several threads.</remarks>
public sealed class CpioArchive : IDisposable
{
    private const int Directory = 0x4000;
    private const int File = 0x8000;
    private const int Link = 0xa000;
    private const int Executable = 0x1ed;
    private const int Everything = 0x1ff;
    private const int Alignment = 4;

    private readonly MemoryStream _bytes = new();
    private readonly Stream _archive;
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private long _position;
    private int _inode;
    private bool _ended;

    /// <summary>Begins an archive.</summary>
    /// <param name="compress">Whether it is compressed (gzip); not for ACPI tables.</param>
    public CpioArchive(bool compress = true) => _archive = compress ? new GZipStream(_bytes, CompressionLevel.Fastest, leaveOpen: true) : _bytes;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        _archive.Dispose();
        _bytes.Dispose();
    }

    /// <summary>Adds a folder and those above it; nothing if it is there.</summary>
    /// <param name="path">Path without a slash at its front.</param>
    public void AddFolder(string path)
    {
        AddParent(path);
        if (_folders.Add(path))
            Add(path, Directory | Executable, []);
    }

    /// <summary>Adds a file that may be executed, and the folders above it.</summary>
    /// <param name="path">Path without a slash at its front.</param>
    /// <param name="content">Its bytes.</param>
    public void AddFile(string path, ReadOnlySpan<byte> content)
    {
        AddParent(path);
        Add(path, File | Executable, content);
    }

    /// <summary>Adds a file of text in UTF-8, and the folders above it.</summary>
    /// <param name="path">Path without a slash at its front.</param>
    /// <param name="content">Its text.</param>
    public void AddText(string path, string content) => AddFile(path, Encoding.UTF8.GetBytes(content));

    /// <summary>Adds a symbolic link, and the folders above it.</summary>
    /// <param name="path">Path without a slash at its front.</param>
    /// <param name="target">What it names.</param>
    public void AddLink(string path, string target)
    {
        AddParent(path);
        Add(path, Link | Everything, Encoding.UTF8.GetBytes(target));
    }

    /// <summary>Ends the archive and returns it; nothing can be added any more.</summary>
    public byte[] ToArray()
    {
        if (!_ended)
            Add("TRAILER!!!", 0, []);
        _ended = true;
        _archive.Dispose();
        return _bytes.ToArray();
    }

    private void AddParent(string path)
    {
        int parent = path.LastIndexOf('/');
        if (parent > 0)
            AddFolder(path[..parent]);
    }

    // Fields: inode, mode, user, group, links, time, size, device (2), special device (2), bytes of the name with its NUL, checksum (unused).
    private void Add(string path, int mode, ReadOnlySpan<byte> content)
    {
        _inode++;
        byte[] name = Encoding.UTF8.GetBytes(path);
        int[] fields = [_inode, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, name.Length + 1, 0];
        Write([.. Encoding.ASCII.GetBytes($"070701{string.Concat(fields.Select(field => field.ToString("x8")))}"), .. name, 0]);
        Write(content);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _archive.Write(bytes);
        _position += bytes.Length;
        while (_position % Alignment != 0)
        {
            _archive.WriteByte(0);
            _position++;
        }
    }
}
