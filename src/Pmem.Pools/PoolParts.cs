using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>Which files of a pool set cannot be opened, and what brings them back. What is in them is not looked at.</summary>
public static class PoolParts
{
    /// <summary>The parts that are missing, have another size than the set file says, were not completed, or cannot be read.</summary>
    /// <param name="path">The pool set file.</param>
    /// <exception cref="PmemException">The set file is wrong, or cannot be used on this machine.</exception>
    public static IReadOnlyList<BrokenPart> FindBroken(string path)
    {
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
        var broken = new List<BrokenPart>();
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                if (FindProblem(layout.Replicas[r].Parts[p]) is { } reason)
                    broken.Add(new BrokenPart(r, p, layout.Replicas[r].Parts[p].Path, reason));
            }
        }

        return broken;
    }

    /// <summary>What the user of a set can do about broken parts: resize again where that was interrupted, with replicas synchronise, else restore.</summary>
    /// <param name="path">The pool set file.</param>
    /// <exception cref="PmemException">The set file is wrong.</exception>
    public static string RemedyFor(string path)
    {
        return Remedy(SetLayout.Of(PoolSetFile.Read(path)));
    }

    /// <summary>Throws unless all parts of a replica can be opened, but for those that are about to be created.</summary>
    internal static void Demand(SetLayout layout, int replica, Func<PartLayout, bool> creates)
    {
        List<PartLayout> parts = layout.Replicas[replica].Parts;
        for (int p = 0; p < parts.Count; p++)
        {
            if (creates(parts[p]))
                continue;
            if (!File.Exists(LinkedFile.RealPath(parts[p].Path)))
            {
                throw Directory.Exists(parts[p].Path)
                    ? new PmemException($"replica {replica}, part {p} of {layout.Path}: {parts[p].Path} is a directory; name a file or a device-DAX node")
                    : new FileNotFoundException($"there is no file {parts[p].Path}, part {p} of replica {replica} of {layout.Path}; {Remedy(layout)}", parts[p].Path);
            }

            if (!parts[p].IsDevice && LinkedFile.LengthOf(parts[p].Path) is var size && size != parts[p].FileSize)
                throw new PmemException($"file size does not match config: {parts[p].Path}, part {p} of replica {replica}, has {size} bytes, the pool set says {parts[p].FileSize}; {Remedy(layout)}");
        }
    }

    private static string Remedy(SetLayout layout) => InterruptedResize.IsLeftIn(layout)
        ? $"a resize was interrupted: 'pmem pool resize {layout.Path} {layout.PoolSize}' ends it with the size that the set file says, the same line with another size with that one"
        : layout.Replicas.Count > 1
        ? $"'pmem pool sync {layout.Path}' makes it again from a healthy replica"
        : "the set has no other replica to make it from: restore it from a backup";

    private static string? FindProblem(PartLayout part)
    {
        string real = LinkedFile.RealPath(part.Path);
        if (!File.Exists(real))
            return Directory.Exists(real) ? "it is a directory" : "it does not exist";
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(real) == UnixFileMode.None)
            return "its creation was interrupted";
        if (!part.IsDevice && LinkedFile.LengthOf(real) is var size && size != part.FileSize)
            return $"it has {size} bytes, the set says {part.FileSize}";
        try
        {
            PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly }).Dispose();
            return null;
        }
        catch (PmemException e)
        {
            return e.Message;
        }
    }
}
