namespace Pmem.Pools;

/// <summary>Whether files have room to be made or to become longer, asked before anything is changed.</summary>
public static class PoolSpace
{
    /// <summary>Throws unless file systems have the room that is wanted on them, that of several files on one added up.</summary>
    /// <param name="wanted">Files, there or not, and the bytes that each needs in addition.</param>
    /// <param name="available">Free bytes on the file system of a path; null asks the system.</param>
    /// <exception cref="OutOfSpaceException">A file system has less.</exception>
    /// <exception cref="PmemException">A folder does not exist.</exception>
    public static void Demand(IEnumerable<(string Path, long Bytes)> wanted, Func<string, long>? available = null)
    {
        available ??= FileSpace.AvailableOn;
        foreach (IGrouping<string, (string Path, long Bytes)> volume in wanted.Where(file => file.Bytes > 0).GroupBy(file => FileSpace.VolumeOf(file.Path)))
        {
            Int128 needed = 0;
            foreach ((_, long bytes) in volume)
                needed += bytes;
            string path = volume.First().Path;
            long free = available(path);
            if (needed > free)
                throw new OutOfSpaceException($"{path} needs {needed} more bytes{(volume.Skip(1).Any() ? " together with others" : string.Empty)}, and its file system has {free} left: make room, or choose a smaller size; nothing was changed");
        }
    }
}
