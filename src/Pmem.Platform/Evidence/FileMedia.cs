using Microsoft.Win32.SafeHandles;

namespace Pmem.Platform.Evidence;

/// <summary>Media in an image file, from its first byte on; for reading alone, whoever else has the file open. Thread-safe.</summary>
public sealed class FileMedia : IModuleMedia, IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly ulong _capacity;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The image.</param>
    /// <param name="capacity">Bytes of media; what follows in the file, such as labels, is not media.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public FileMedia(string path, ulong capacity)
    {
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _capacity = capacity;
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> destination)
    {
        if (address > _capacity || (ulong)destination.Length > _capacity - address || address > long.MaxValue)
            return false;
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_file, destination, (long)address);
            if (read == 0)
                return false;
            destination = destination[read..];
            address += (ulong)read;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
