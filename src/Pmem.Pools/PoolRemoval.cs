using Pmem.Tracing;

namespace Pmem.Pools;

/// <summary>Removes pools (<c>pmempool rm</c>).</summary>
public static class PoolRemoval
{
    /// <summary>The files that removing a pool removes: the file itself, or all parts of the local replicas of a set.</summary>
    /// <param name="path">A pool file or pool set file.</param>
    /// <exception cref="PmemFormatException">A set file is not valid.</exception>
    public static IReadOnlyList<string> FilesOf(string path)
    {
        if (!PoolSetFile.IsPoolSet(path))
            return [path];
        var files = new List<string>();
        foreach (PoolSetReplica replica in PoolSetFile.Read(path).Replicas)
        {
            files.AddRange(replica.Parts.Select(part => part.Path));
            foreach (PoolSetDirectory folder in replica.Directories.Where(d => Directory.Exists(d.Path)))
                files.AddRange(Directory.GetFiles(folder.Path, "*.pmem").Where(IsPart).Order(StringComparer.Ordinal));
        }

        return files;
    }

    /// <summary>Removes one file, but not while a process has the pool open.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">A process has it open.</exception>
    public static void Remove(string file)
    {
        if (!File.Exists(file))
            throw new FileNotFoundException($"there is no file {file}", file);
        if (PersistentMap.IsDeviceDax(file))
            throw new PmemException($"{file} is a device and cannot be removed: zero its first pages instead (pmem io copy --zero)");

        // An interrupted creation cannot be opened, nor be in use, and an empty file cannot be mapped.
        bool interrupted = !OperatingSystem.IsWindows() && File.GetUnixFileMode(LinkedFile.RealPath(file)) == UnixFileMode.None;
        PersistenceTrace.Mark("file about to be removed");
        if (interrupted || LinkedFile.LengthOf(file) == 0)
        {
            File.Delete(file);
            return;
        }

        using PersistentMap held = PersistentMap.Open(file, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        File.Delete(file);
    }

    private static bool IsPart(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return name.Length >= 6 && name.All(char.IsAsciiDigit);
    }
}
