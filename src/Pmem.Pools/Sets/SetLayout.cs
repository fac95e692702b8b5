using System.Globalization;

namespace Pmem.Pools.Sets;

/// <summary>A part as a file: what is mapped of it, and where in its replica.</summary>
/// <param name="Path">The file or device.</param>
/// <param name="FileSize">Bytes that the set says it has.</param>
/// <param name="IsDevice">Whether it is device DAX.</param>
internal sealed record PartLayout(string Path, long FileSize, bool IsDevice)
{
    /// <summary>Where the part's data starts in the file: behind its header, when it has one that is not the replica's.</summary>
    public static long DataOffset(int index, bool singleHeader) => index == 0 || singleHeader ? 0 : PoolFile.PageSize;

    /// <summary>Bytes of the part that belong to the replica's range of addresses.</summary>
    public long MappedLength(int index, bool singleHeader) => (FileSize & -PoolFile.PageSize) - DataOffset(index, singleHeader);
}

/// <summary>The files of a replica.</summary>
internal sealed class ReplicaLayout
{
    public List<PartLayout> Parts { get; } = [];

    public IReadOnlyList<PoolSetDirectory> Directories { get; init; } = [];

    /// <summary>Bytes of all parts together, as they are mapped.</summary>
    public long Size(bool singleHeader)
    {
        long size = 0;
        for (int i = 0; i < Parts.Count; i++)
            size += Parts[i].MappedLength(i, singleHeader);
        return size;
    }

    /// <summary>Bytes of address space that the replica needs now, or may need when it grows.</summary>
    public long Reservation(bool singleHeader) => Directories.Count > 0 ? Directories.Sum(directory => directory.Reservation) : Size(singleHeader);

    /// <summary>Where a part's data starts in the replica.</summary>
    public long PartStart(int index, bool singleHeader)
    {
        long start = 0;
        for (int i = 0; i < index; i++)
            start += Parts[i].MappedLength(i, singleHeader);
        return start;
    }
}

/// <summary>
/// The files that a pool consists of: a set file resolved against the folders it names, or a single file as a set of one part. All sizes that
/// PMDK derives from a set are derived here (docs/formats/poolsets.md).
/// </summary>
internal sealed class SetLayout
{
    private const string Extension = ".pmem";

    private SetLayout(string path, PoolSetFile? file)
    {
        Path = path;
        File = file;
    }

    /// <summary>Path of the set file, or of the only part.</summary>
    public string Path { get; }

    /// <summary>The set file, or null for a single file.</summary>
    public PoolSetFile? File { get; }

    public List<ReplicaLayout> Replicas { get; } = [];

    public bool SingleHeader => File is not null && File.Options.HasFlag(PoolSetOptions.SingleHeader);

    public bool IsDirectoryBased => File is { IsDirectoryBased: true };

    /// <summary>Number of the next part file of a set of folders, and which of them gets it.</summary>
    public int NextPart { get; private set; }

    public int NextDirectory { get; private set; }

    /// <summary>Bytes of the pool: those of the smallest replica.</summary>
    public long PoolSize => Replicas.Min(replica => replica.Size(SingleHeader));

    /// <summary>Bytes that the pool can have without a change of the set file.</summary>
    public long Reservation => Replicas.Min(replica => replica.Reservation(SingleHeader));

    /// <summary>A file as a set of one part.</summary>
    public static SetLayout Single(string path, long fileSize)
    {
        var layout = new SetLayout(path, file: null);
        var replica = new ReplicaLayout();
        replica.Parts.Add(new PartLayout(path, fileSize, PersistentMap.IsDeviceDax(path)));
        layout.Replicas.Add(replica);
        return layout;
    }

    /// <summary>Resolves a set file: sets with remote replicas or without headers cannot be used here.</summary>
    /// <exception cref="PmemException">The set cannot be used on this machine.</exception>
    public static SetLayout Of(PoolSetFile file)
    {
        if (file.HasRemoteReplicas)
            throw new PmemException($"{file.Path} has a remote replica, which needs librpmem; remove it from the set with 'pmempool transform' on a machine that has it");
        if (file.Options.HasFlag(PoolSetOptions.NoHeaders))
            throw new PmemException($"{file.Path}: the NOHDRS option is for remote replicas only; use SINGLEHDR");
        var layout = new SetLayout(file.Path, file);
        foreach (PoolSetReplica replica in file.Replicas)
        {
            var resolved = new ReplicaLayout { Directories = replica.Directories };
            foreach (PoolSetPart part in replica.Parts)
                resolved.Parts.Add(new PartLayout(part.Path, part.Size, PersistentMap.IsDeviceDax(part.Path)));
            layout.Replicas.Add(resolved);
        }

        layout.DemandDevices();
        if (file.IsDirectoryBased)
            layout.LoadDirectories();
        return layout;
    }

    /// <summary>The same set with its parts at other paths.</summary>
    public SetLayout At(Func<string, string> path)
    {
        var moved = new SetLayout(Path, File);
        foreach (ReplicaLayout replica in Replicas)
        {
            var there = new ReplicaLayout { Directories = replica.Directories };
            there.Parts.AddRange(replica.Parts.Select(part => part with { Path = path(part.Path) }));
            moved.Replicas.Add(there);
        }

        return moved;
    }

    /// <summary>Some of the replicas as a set of their own.</summary>
    public SetLayout Only(IEnumerable<int> replicas)
    {
        var some = new SetLayout(Path, File);
        some.Replicas.AddRange(replicas.Select(r => Replicas[r]));
        return some;
    }

    /// <summary>Adds the next part of so many bytes to each replica of a set of folders; the files are not made yet.</summary>
    public void AppendPart(long size)
    {
        foreach (ReplicaLayout replica in Replicas)
        {
            PoolSetDirectory directory = replica.Directories[NextDirectory % replica.Directories.Count];
            replica.Parts.Add(new PartLayout(PartPath(directory, NextPart), size, IsDevice: false));
        }

        NextDirectory++;
        NextPart++;
    }

    /// <summary>Takes the last part of each replica back.</summary>
    public void RemoveLastPart()
    {
        foreach (ReplicaLayout replica in Replicas)
            replica.Parts.RemoveAt(replica.Parts.Count - 1);
        NextDirectory--;
        NextPart--;
    }

    /// <summary>A file or folder that the set file names twice, and in which lines; null when there is none.</summary>
    public (string Path, int First, int Second)? FindRepeatedPath()
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((string path, int line) in File?.Replicas.SelectMany(replica => replica.Parts.Select(part => (part.Path, part.Line)).Concat(replica.Directories.Select(folder => (folder.Path, folder.Line)))) ?? [])
        {
            string real = LinkedFile.RealPath(System.IO.Path.TrimEndingDirectorySeparator(path));
            if (!seen.TryAdd(real, line))
                return (path, seen[real], line);
        }

        return null;
    }

    /// <summary>The name of a part in messages.</summary>
    public string NameOf(int replica, int part) => File is null ? Path : $"replica {replica}, part {part} ({Replicas[replica].Parts[part].Path})";

    private static string PartPath(PoolSetDirectory directory, int part) =>
        System.IO.Path.Combine(directory.Path, part.ToString("d6", CultureInfo.InvariantCulture) + Extension);

    private void DemandDevices()
    {
        foreach (ReplicaLayout replica in Replicas)
        {
            foreach (PartLayout part in replica.Parts)
            {
                if (part.IsDevice != replica.Parts[0].IsDevice)
                    throw new PmemException($"{Path}: either all the parts must be Device DAX or none");

                // The data of such parts begins behind a header of one page, from which a device of larger pages cannot be mapped.
                if (part.IsDevice && replica.Parts.Count > 1 && !SingleHeader && PersistentMap.DeviceAlignmentOf(part.Path) != PoolFile.PageSize)
                    throw new PmemException($"{Path}: multiple DAX devices with alignment other than 4KB: add the line OPTION SINGLEHDR");
            }
        }
    }

    /// <summary>Finds the numbered part files; a replica that has fewer than another is missing the rest, which then have their names in its first folder.</summary>
    private void LoadDirectories()
    {
        var found = new SortedDictionary<int, PartLayout>[Replicas.Count];
        int parts = 0;
        for (int r = 0; r < Replicas.Count; r++)
        {
            found[r] = [];
            int before = 0;
            foreach (PoolSetDirectory directory in Replicas[r].Directories)
            {
                int here = Load(directory, found[r]);

                // Files are spread evenly over the folders: the one that has fewer gets the next.
                if (r == 0 && before > here)
                    NextDirectory++;
                before = here;
            }

            parts = Math.Max(parts, found[r].Count == 0 ? 0 : found[r].Keys.Max() + 1);
        }

        NextPart = parts;
        for (int r = 0; r < Replicas.Count; r++)
        {
            for (int p = 0; p < parts; p++)
            {
                PartLayout? part = found[r].GetValueOrDefault(p);
                if (part is null)
                {
                    long size = found.Select(others => others.GetValueOrDefault(p)?.FileSize ?? 0).Max();
                    part = new PartLayout(PartPath(Replicas[r].Directories[0], p), size, IsDevice: false);
                }

                Replicas[r].Parts.Add(part);
            }
        }
    }

    private static int Load(PoolSetDirectory directory, SortedDictionary<int, PartLayout> parts)
    {
        int count = 0;
        foreach (string file in Directory.EnumerateFiles(directory.Path, "*" + Extension))
        {
            string name = System.IO.Path.GetFileNameWithoutExtension(file);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number >= MaximumParts)
                continue;
            if (!parts.TryAdd(number, new PartLayout(file, LinkedFile.LengthOf(file), IsDevice: false)))
                throw new PmemException($"{file} and {parts[number].Path} have the same number; a set of folders has each part once");
            count++;
        }

        return count;
    }

    // Six digits.
    private const int MaximumParts = 1_000_000;
}
