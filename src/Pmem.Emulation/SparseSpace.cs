using Microsoft.Win32.SafeHandles;

namespace Pmem.Emulation;

/// <summary>
/// Space for what is about to be written to a sparse file. A store to a hole of a full file system ends the process (SIGBUS), so space is reserved before, where it may run
/// short. Where it does not, holes stay: a DIMM may be larger than the disk.
/// </summary>
/// <remarks>
/// It may run short for a range of up to 1 GiB when less than twice its length is free, and for any range when less than 256 MiB are. A larger volume can still outgrow
/// the disk while it is written.
/// </remarks>
internal static class SparseSpace
{
    private const long Largest = 1L << 30;
    private const long Little = 256L << 20;

    /// <summary>Reserves a range, of which only holes take space, if that may run short.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="OutOfSpaceException">There is less than it takes. What the file holds is as it was.</exception>
    public static void Demand(string path, long offset, long length)
    {
        long available = FileSpace.AvailableOn(path);
        if (available >= Little && (length > Largest || available >= 2 * length))
            return;
        Reserve(path, offset, length);
    }

    /// <summary>Reserves a range, of which only holes take space.</summary>
    /// <param name="path">The file.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="OutOfSpaceException">There is less than it takes. What the file holds is as it was.</exception>
    public static void Reserve(string path, long offset, long length)
    {
        // Elsewhere a range is reserved by zeros, which would replace what is there; and there a store to a hole that has no block is an error, not an end.
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            FileSpace.Reserve(file, offset, length);
        }
        catch (OutOfSpaceException)
        {
            throw new OutOfSpaceException($"no space is left for {path}: {length} bytes of it are to be written, and {FileSpace.AvailableOn(path)} bytes are free on its file system; free some, or move the folder to a larger one");
        }
    }
}
