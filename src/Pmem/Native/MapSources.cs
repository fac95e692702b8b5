using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pmem.Native;

/// <summary>Opens and creates what maps are made of.</summary>
internal static unsafe class MapSources
{
    private const long PageSize = 4096;

    /// <summary>Opens a file or device-DAX node.</summary>
    public static MappedRegion OpenLinux(string path, PersistentMapOptions options)
    {
        if (!File.Exists(path))
            throw Directory.Exists(path) ? new PmemException($"{path} is a directory; name a file or a device-DAX node") : new FileNotFoundException($"there is no file {path}", path);
        DaxDevice? device = DaxDevice.TryFind(path);
        bool write = options.Access == MapAccess.ReadWrite;
        int fd = Libc.Open(path, (write ? Libc.OpenReadWrite : Libc.OpenReadOnly) | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            throw Failure("open", path);
        try
        {
            if (options.Lock)
                Lock(fd, path);
            const int SeekEnd = 2;
            long size = device?.Length ?? Libc.Seek(fd, 0, SeekEnd);
            long length = Extent(path, size, options, device?.Alignment ?? PageSize);
            return LinuxRegion.Map(fd, path, options.Offset, length, options.Access, device);
        }
        catch
        {
            _ = Libc.Close(fd);
            throw;
        }
    }

    /// <summary>Creates a file and allocates its blocks.</summary>
    public static MappedRegion CreateLinux(string path, long length, PersistentMapOptions options)
    {
        const int Flags = Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenExclusive | Libc.OpenCloseOnExec;
        int fd = Libc.Open(path, Flags, (int)options.CreateMode);
        if (fd < 0)
        {
            (int number, string text) = Libc.LastError();
            throw number == Libc.ErrorExists
                ? new IOException($"{path} exists already; remove it first, or open it")
                : new PmemException($"cannot create {path}: {text} (errno {number})");
        }

        try
        {
            if (options.Lock)
                Lock(fd, path);
            GiveLength(fd, path, length, options.Sparse);
            long mapped = Extent(path, length, options, PageSize);
            return LinuxRegion.Map(fd, path, options.Offset, mapped, options.Access, device: null);
        }
        catch
        {
            _ = Libc.Close(fd);
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Opens or creates a file of a map of several, which must have the length that its part says.</summary>
    public static (int Fd, DaxDevice? Device) OpenPart(PersistentMapPart part, PersistentMapOptions options)
    {
        if (part.Create)
            return (CreatePart(part, options), null);
        if (!File.Exists(part.Path))
            throw Directory.Exists(part.Path) ? new PmemException($"{part.Path} is a directory; name a file or a device-DAX node") : new FileNotFoundException($"there is no file {part.Path}", part.Path);
        DaxDevice? device = DaxDevice.TryFind(part.Path);
        int fd = Libc.Open(part.Path, (options.Access == MapAccess.ReadWrite ? Libc.OpenReadWrite : Libc.OpenReadOnly) | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            throw Failure("open", part.Path);
        try
        {
            if (options.Lock)
                Lock(fd, part.Path);
            const int SeekEnd = 2;
            long size = device?.Length ?? Libc.Seek(fd, 0, SeekEnd);
            if (size != part.FileLength)
                throw new PmemException($"file size does not match config: {part.Path} has {size} bytes, the pool set says {part.FileLength}");
            return (fd, device);
        }
        catch
        {
            _ = Libc.Close(fd);
            throw;
        }
    }

    /// <summary>Opens a file through Win32.</summary>
    public static MappedRegion OpenWindows(string path, PersistentMapOptions options)
    {
        FileAccess access = options.Access == MapAccess.ReadWrite ? FileAccess.ReadWrite : FileAccess.Read;
        SafeFileHandle file = OpenHandle(path, FileMode.Open, access, options);
        return MapWindows(file, path, RandomAccess.GetLength(file), options);
    }

    /// <summary>Creates a file through Win32.</summary>
    public static MappedRegion CreateWindows(string path, long length, PersistentMapOptions options)
    {
        SafeFileHandle file = OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, options);
        try
        {
            RandomAccess.SetLength(file, length);
        }
        catch (IOException e)
        {
            file.Dispose();
            File.Delete(path);
            throw new PmemException($"cannot give {path} {length} bytes: {e.Message}", e);
        }

        return MapWindows(file, path, length, options);
    }

    /// <summary>Memory without a name: a file that vanishes when it is closed.</summary>
    public static MappedRegion AnonymousWindows(long length)
    {
        string path = Path.Combine(Path.GetTempPath(), $"pmem-{Guid.NewGuid():n}.tmp");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        RandomAccess.SetLength(file, length);
        return WindowsRegion.Map(file, path, 0, length, MapAccess.ReadWrite);
    }

    /// <summary>The length to map, checked against the file and its alignment.</summary>
    internal static long Extent(string path, long size, PersistentMapOptions options, long alignment)
    {
        if (options.Offset % alignment != 0)
            throw new PmemException($"cannot map {path} from offset {options.Offset}: it must be a multiple of {alignment}");
        if (size == 0)
            throw new PmemException($"{path} is empty; give it a size first");
        if (options.Length % alignment != 0 && alignment > PageSize)
            throw new PmemException($"cannot map {options.Length} bytes of {path}: the length must be a multiple of {alignment}");
        if (options.Offset >= size || options.Length > size - options.Offset)
            throw new PmemException($"cannot map {path} from {options.Offset} for {(options.Length == 0 ? "the rest" : $"{options.Length} bytes")}: it has {size} bytes");
        return options.Length == 0 ? size - options.Offset : options.Length;
    }

    private static SafeFileHandle OpenHandle(string path, FileMode mode, FileAccess access, PersistentMapOptions options)
    {
        try
        {
            return File.OpenHandle(path, mode, access, options.Lock ? FileShare.None : FileShare.ReadWrite | FileShare.Delete);
        }
        catch (IOException e) when (options.Lock && e is not FileNotFoundException && mode == FileMode.Open)
        {
            throw new PmemException($"{path} is in use by another process", e) { IsBusy = true };
        }
    }

    private static WindowsRegion MapWindows(SafeFileHandle file, string path, long size, PersistentMapOptions options)
    {
        try
        {
            long length = Extent(path, size, options, PageSize);
            return WindowsRegion.Map(file, path, options.Offset, length, options.Access);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Lock(int fd, string path)
    {
        // A process that is being started holds copies of our descriptors until it runs its program, and with them a lock that was just given
        // back; so one refusal is not the last word.
        const int Tries = 20;
        const int PauseMilliseconds = 5;
        int number = 0;
        string text = string.Empty;
        for (int i = 0; i < Tries; i++)
        {
            if (Libc.Lock(fd, Libc.LockExclusive | Libc.LockNonBlocking) == 0)
                return;
            (number, text) = Libc.LastError();
            if (number != Libc.ErrorAgain)
                break;
            Thread.Sleep(PauseMilliseconds);
        }

        throw number == Libc.ErrorAgain
            ? new PmemException($"{path} is in use: another process, or another map of this one, has it locked; close it there first") { IsBusy = true }
            : new PmemException($"cannot lock {path}: {text} (errno {number})");
    }

    private static int CreatePart(PersistentMapPart part, PersistentMapOptions options)
    {
        const int Flags = Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenExclusive | Libc.OpenCloseOnExec;
        int fd = Libc.Open(part.Path, Flags, (int)options.CreateMode);
        if (fd < 0)
        {
            (int number, string text) = Libc.LastError();
            throw number == Libc.ErrorExists
                ? new IOException($"{part.Path} exists already; remove it first, or open it")
                : new PmemException($"cannot create {part.Path}: {text} (errno {number})");
        }

        try
        {
            if (options.Lock)
                Lock(fd, part.Path);
            GiveLength(fd, part.Path, part.FileLength, options.Sparse);
            if (Libc.SyncFile(fd) != 0)
                throw Failure("make durable the size of", part.Path);
            SyncFolder(Path.GetDirectoryName(part.Path)!);
            return fd;
        }
        catch
        {
            _ = Libc.Close(fd);
            File.Delete(part.Path);
            throw;
        }
    }

    /// <summary>Makes the names in a folder durable; a file system that has no such call keeps them by itself.</summary>
    internal static void SyncFolder(string folder)
    {
        int fd = Libc.Open(folder, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
            return;
        _ = Libc.SyncFile(fd);
        _ = Libc.Close(fd);
    }

    private static void GiveLength(int fd, string path, long length, bool sparse)
    {
        int error;
        do
        {
            error = sparse ? Libc.Truncate(fd, length) : Libc.Allocate(fd, 0, length);
        }
        while (error == Libc.ErrorInterrupted); // a signal came in between: tmpfs gives up then
        if (error == 0)
            return;
        int number = sparse ? Marshal.GetLastPInvokeError() : error;
        throw new PmemException($"cannot give {path} {length} bytes: {Marshal.GetPInvokeErrorMessage(number)} (errno {number})");
    }

    private static PmemException Failure(string what, string path)
    {
        (int number, string text) = Libc.LastError();
        string remedy = number == Libc.ErrorAccess ? "; open it read-only or copy-on-write, or change its permissions" : string.Empty;
        return new PmemException($"cannot {what} {path}: {text} (errno {number}){remedy}");
    }
}
