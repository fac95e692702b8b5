using Pmem.Native;

namespace Pmem;

/// <summary>
/// What a path leads to when symbolic links are followed, as opening it does. <see cref="FileInfo"/> describes the link: its length is that of the
/// target's name, so whoever is about to read, cut or map a file asks here.
/// </summary>
/// <remarks>Thread-safe; the answers are those of one moment.</remarks>
public static class LinkedFile
{
    private const int MaximumLinks = 40;

    /// <summary>Bytes of the file behind a path; 0 for devices, which have no length to the file system.</summary>
    /// <exception cref="FileNotFoundException">There is no such file, or the path is a link to nothing.</exception>
    /// <exception cref="PmemException">The system does not tell (Linux).</exception>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static long LengthOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!OperatingSystem.IsLinux())
            return new FileInfo(RealPath(path)).Length;
        return FileStatus.TryOf(path, out FileStatus status) && !status.IsFolder ? status.Length : throw new FileNotFoundException($"there is no file {path}", path);
    }

    /// <summary>The absolute path without symbolic links, of the folders neither. What is not there is taken as it is written.</summary>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static string RealPath(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Resolve(Path.GetFullPath(path), MaximumLinks);
    }

    /// <summary>Whether two paths lead to one file: through symbolic links, and on Linux through hard links too.</summary>
    /// <exception cref="PmemException">The system does not tell (Linux).</exception>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static bool AreSame(string left, string right)
    {
        if (!OperatingSystem.IsLinux())
            return RealPath(left) == RealPath(right);
        return FileStatus.TryOf(left, out FileStatus one) && FileStatus.TryOf(right, out FileStatus other) && one.Identity == other.Identity;
    }

    /// <summary>Whether a path leads to a file with content of its own: no device, pipe or folder.</summary>
    /// <exception cref="PmemException">The system does not tell (Linux).</exception>
    public static bool IsRegular(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return OperatingSystem.IsLinux() ? FileStatus.TryOf(path, out FileStatus status) && status.IsRegular : File.Exists(path);
    }

    private static string Resolve(string full, int links)
    {
        if (Path.GetDirectoryName(full) is not { } folder || Path.GetFileName(full).Length == 0)
            return full;

        // The folder first: the target of a relative link is named from the folder that really holds the link.
        folder = Resolve(folder, links);
        string real = Path.Join(folder, Path.GetFileName(full));
        if (new FileInfo(real).LinkTarget is not { } target)
            return real;
        return links > 0 ? Resolve(Path.GetFullPath(target, folder), links - 1) : throw new IOException($"{full}: too many levels of symbolic links");
    }
}
