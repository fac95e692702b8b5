using System.Runtime.InteropServices;
using Pmem.Native;

namespace Pmem.Raw;

/// <summary>
/// A regular file: it grows as it is written, and each piece is mapped and stored, so that a file on persistent memory is written as such. Blocks
/// are allocated before they are mapped: a full disk is an error then, and not the death of the process.
/// </summary>
internal sealed class RawFileTarget(RawEndpoint endpoint, string path, long seek) : RawTarget(endpoint)
{
    // Of Windows; a multiple of a page.
    private const long MapAlignment = 64 << 10;

    private readonly bool _existed = File.Exists(path);
    private readonly long _present = File.Exists(path) ? Math.Max(0, LinkedFile.LengthOf(path) - seek) : 0;
    private FileStream? _file;
    private long _written;

    public override long? Present => _present;

    public override string? BadBlockPath => _existed ? path : null;

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        using PersistentMap window = Window(bytes.Length, out long at);
        window.Copy(at, bytes);
        _written += bytes.Length;
    }

    public override void DemandRoom(long length)
    {
        long needed = length - _present;
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (needed > 0 && Directory.Exists(folder) && FileSpace.AvailableOn(folder) is var free && needed > free)
            throw new OutOfSpaceException($"{path} needs {needed} more bytes, and its file system has {free} left: make room, or choose a smaller length; nothing was changed");
    }

    /// <summary>What is a hole reads as zeros already, and gets no blocks.</summary>
    public override void Zero(int length)
    {
        if (IsHole(seek + _written, length))
        {
            _written += length;
            return;
        }

        using PersistentMap window = Window(length, out long at);
        window.Fill(at, 0, length);
        _written += length;
    }

    public override void Complete()
    {
        Open().Flush(flushToDisk: true);
        if (!_existed)
            PersistentMap.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    public override void Abandon()
    {
        if (!_existed && _file is not null)
            File.Delete(path);
    }

    public override void Dispose() => _file?.Dispose();

    private PersistentMap Window(long length, out long at)
    {
        long position = seek + _written;
        Allocate(Open(), position, length);
        at = position % MapAlignment;
        return PersistentMap.Open(path, new PersistentMapOptions { Offset = position - at, Length = at + length });
    }

    /// <summary>As daxio creates it: for its owner only, because it may hold what only root can read in the device.</summary>
    private FileStream Open()
    {
        if (_file is not null)
            return _file;
        var options = new FileStreamOptions
        {
            Mode = _existed ? FileMode.Open : FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        if (!_existed && !OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return _file = new FileStream(path, options);
    }

    private bool IsHole(long position, long length) => position + length <= Open().Length && FileSpace.NextData(Open().SafeFileHandle, position) >= position + length;

    private void Allocate(FileStream file, long position, long length)
    {
        long end = position + length;
        if (OperatingSystem.IsWindows())
        {
            if (file.Length < end)
                file.SetLength(end);
            return;
        }

        int error;
        do
        {
            error = Libc.Allocate((int)file.SafeFileHandle.DangerousGetHandle(), position, length);
        }
        while (error == Libc.ErrorInterrupted);
        if (error != 0)
            throw new PmemException($"cannot give {path} room for {length} bytes at {position}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");
    }
}
