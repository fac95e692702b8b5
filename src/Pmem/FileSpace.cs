using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Pmem.Native;

namespace Pmem;

/// <summary>The space of files and file systems, without touching bytes.</summary>
public static class FileSpace
{
    private const int NoSpace = 28; // ENOSPC
    private const int TooLarge = 27; // EFBIG
    private const int NoData = 6; // ENXIO
    private const int SeekData = 3; // SEEK_DATA

    /// <summary>Bytes that this user can still write on the file system of a path; the path itself need not exist, its folder must.</summary>
    /// <exception cref="IOException">The file system does not tell.</exception>
    public static long AvailableOn(string path) => new DriveInfo(FolderOf(path)).AvailableFreeSpace;

    /// <summary>What is equal for two paths on one file system, whether they exist or their folders only.</summary>
    /// <exception cref="PmemException">There is no such folder, or the system does not tell (Linux).</exception>
    public static string VolumeOf(string path) => OperatingSystem.IsLinux() ? FileStatus.Of(FolderOf(path)).DeviceNumber : Path.GetPathRoot(LinkedFile.RealPath(path)) ?? string.Empty;

    /// <summary>
    /// Makes a file longer with zeros whose space is there when they are used, so that a store through a map cannot fail for want of it
    /// (<c>posix_fallocate</c>; elsewhere zeros are written). Not durable before the file is flushed. On failure the file may be longer.
    /// </summary>
    /// <param name="file">Open for writing.</param>
    /// <param name="offset">Where to begin.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="OutOfSpaceException">The file system is full, or allows no file of that size.</exception>
    /// <exception cref="IOException">The system refused for another reason.</exception>
    public static void Reserve(SafeFileHandle file, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!OperatingSystem.IsLinux())
        {
            byte[] zeros = new byte[1 << 20];
            for (long at = offset; at < offset + length; at += zeros.Length)
                RandomAccess.Write(file, zeros.AsSpan(0, (int)Math.Min(zeros.Length, offset + length - at)), at);
            return;
        }

        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            int error;
            do
            {
                error = Libc.Allocate((int)file.DangerousGetHandle(), offset, length);
            }
            while (error == Libc.ErrorInterrupted); // a signal came in between: tmpfs gives up then
            if (error == 0)
                return;
            string text = $"{length} bytes could not be reserved at {offset}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})";
            throw error is NoSpace or TooLarge ? new OutOfSpaceException(text) : new IOException(text);
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
    }

    /// <summary>
    /// Where bytes begin that are not in a hole (<c>lseek</c> with SEEK_DATA), so that readers of sparse files need not look at zeros that nobody stored. Where the system or the
    /// file system does not tell, that is the offset itself. Thread-safe; what is read at offsets of its own (<see cref="RandomAccess"/>) is not disturbed.
    /// </summary>
    /// <param name="file">Open for reading.</param>
    /// <param name="offset">Where to begin looking.</param>
    /// <returns>The first such place at or behind the offset; <see cref="long.MaxValue"/> when only holes are left, or the file ends before.</returns>
    public static long NextData(SafeFileHandle file, long offset)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!OperatingSystem.IsLinux())
            return offset;
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            long data = Libc.Seek((int)file.DangerousGetHandle(), offset, SeekData);
            return data >= 0 ? data : Marshal.GetLastPInvokeError() == NoData ? long.MaxValue : offset;
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
    }

    private static string FolderOf(string path)
    {
        string real = LinkedFile.RealPath(path);
        return Directory.Exists(real) ? real : Path.GetDirectoryName(real) ?? real;
    }

    /// <summary>
    /// Inserts zeros into a file: what follows moves up without being copied (<c>fallocate</c> with FALLOC_FL_INSERT_RANGE; ext4, XFS and f2fs can). False where the
    /// system or the file system cannot, and then nothing has happened. The file system may do it in several journal transactions: a process that is killed cannot
    /// interrupt it, a power failure can.
    /// </summary>
    /// <param name="file">Open for writing; mapped nowhere.</param>
    /// <param name="offset">Where; a multiple of the file system's blocks, and before the end.</param>
    /// <param name="length">Bytes; a multiple of the file system's blocks.</param>
    /// <exception cref="IOException">The system refused for another reason, such as a full disk.</exception>
    public static bool TryInsert(SafeFileHandle file, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!OperatingSystem.IsLinux())
            return false;
        bool held = false;
        try
        {
            file.DangerousAddRef(ref held);
            if (Libc.ChangeSpace((int)file.DangerousGetHandle(), Libc.InsertRange, offset, length) == 0)
                return true;
            (int number, string text) = Libc.LastError();
            return number is Libc.ErrorNotSupported or Libc.ErrorInvalid or Libc.ErrorNoCall ? false : throw new IOException($"{length} bytes could not be inserted at {offset}: {text}");
        }
        finally
        {
            if (held)
                file.DangerousRelease();
        }
    }
}
