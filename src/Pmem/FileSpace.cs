using Microsoft.Win32.SafeHandles;
using Pmem.Native;

namespace Pmem;

/// <summary>What file systems can do with the space of a file without touching its bytes.</summary>
public static class FileSpace
{
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
