using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>What the creation of a pool would do.</summary>
/// <param name="Created">Files that would be made.</param>
/// <param name="Removed">Files that would be removed first.</param>
/// <param name="Size">Bytes of the pool.</param>
public sealed record PoolCreationPlan(IReadOnlyList<string> Created, IReadOnlyList<string> Removed, long Size);

/// <content>Finding out whether a pool can be created.</content>
public sealed partial class PoolFile
{
    /// <summary>
    /// Finds out what <see cref="Create(string, PoolKind, long, PoolCreateOptions?)"/> would do, and changes nothing: the set file is right, names are free, folders are there
    /// and have room, files that are to be replaced are not in use.
    /// </summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="kind">The kind of pool.</param>
    /// <param name="size">Bytes of a single file; 0 for those of the set file, or of the existing file.</param>
    /// <param name="replace">Whether existing files are to be removed first (<see cref="PoolRemoval.MakeRoom"/>).</param>
    /// <param name="backup">The backup of those files that will be made before, and needs room too; null makes none.</param>
    /// <exception cref="FileNotFoundException">There is no existing file to take the size of.</exception>
    /// <exception cref="IOException">A file exists, or is not empty.</exception>
    /// <exception cref="PmemFormatException">The set file is wrong.</exception>
    /// <exception cref="PmemException">Why else it cannot be created.</exception>
    public static PoolCreationPlan PlanCreation(string path, PoolKind kind, long size, bool replace = false, string? backup = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        NewFile.DemandFolder(path, "the pool");
        if (Directory.Exists(path))
            throw new PmemException($"{path} is a folder: name a file in it");
        if (size != 0 && size < MinimumSize(kind))
            throw new ArgumentOutOfRangeException(nameof(size), $"a pool of kind {kind} has at least {MinimumSize(kind)} bytes, not {size}");
        if (PoolSetFile.IsPoolSet(path))
        {
            if (size != 0)
                throw new IOException($"{path} is a pool set file, which says itself how large its parts are");
            SetLayout set = LayoutToCreate(path, kind);
            return Plan(set, set.PoolSize, kind, replace, backup);
        }

        if (size == 0 && !File.Exists(path))
            throw new FileNotFoundException($"there is no file {path} to make a pool of: say how large it is to be", path);
        if (size != 0 && File.Exists(path) && !replace)
            throw new IOException($"{path} exists already: name another file, or remove it");
        return Plan(SetLayout.Single(path, size & -PageSize), size == 0 ? PersistentMap.LengthOf(path) : size & -PageSize, kind, replace, backup);
    }

    private static PoolCreationPlan Plan(SetLayout layout, long size, PoolKind kind, bool replace, string? backup)
    {
        PartLayout[] parts = [.. layout.Replicas.SelectMany(replica => replica.Parts)];
        foreach (PartLayout part in parts)
        {
            NewFile.DemandFolder(part.Path, "the part");
            if (Directory.Exists(part.Path))
                throw new PmemException($"{part.Path} is a folder: name a file in it");
        }

        string[] there = [.. parts.Where(part => !part.IsDevice && File.Exists(part.Path)).Select(part => part.Path)];
        foreach (PartLayout part in parts.Where(part => part.IsDevice || File.Exists(part.Path)))
        {
            if (replace)
                PoolRemoval.DemandUnused(part.Path);
            else
                DemandEmpty(part, size, kind, hasHeader: !layout.SingleHeader || layout.Replicas.Exists(replica => ReferenceEquals(replica.Parts[0], part)));
        }

        PartLayout[] created = [.. parts.Where(part => !part.IsDevice && (replace || !there.Contains(part.Path)))];
        string[] removed = replace ? there : [];
        DemandRoom(created, removed, backup is null || File.Exists(backup) || Directory.Exists(backup) ? null : backup);
        return new PoolCreationPlan([.. created.Select(part => part.Path)], replace ? [.. there, .. parts.Where(part => part.IsDevice).Select(part => part.Path)] : removed, size);
    }

    private static void DemandEmpty(PartLayout part, long size, PoolKind kind, bool hasHeader)
    {
        using PersistentMap map = PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        if (part.FileSize == 0 && size < MinimumSize(kind))
            throw new IOException($"{part.Path} is not an empty file of at least {MinimumSize(kind)} bytes: it has {size}");
        if (part.FileSize > 0 && !part.IsDevice && map.Length != part.FileSize)
            throw new PmemException($"{part.Path} has {map.Length} bytes, and the set file says {part.FileSize}: remove it, or correct the set file");
        byte[] start = new byte[PoolHeader.Size];
        map.CheckedRead(0, start);
        if (hasHeader && start.AsSpan().ContainsAnyExcept((byte)0))
            throw NotEmpty(part.Path);
    }

    private static void DemandRoom(PartLayout[] created, string[] removed, string? backup)
    {
        decimal copied = backup is null ? 0 : removed.Sum(file => (decimal)LinkedFile.LengthOf(file));
        if (copied > 0)
            PoolSpace.Demand([(backup!, (long)copied)]);
        foreach (IGrouping<string, PartLayout> folder in created.GroupBy(part => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(part.Path))!, StringComparer.Ordinal))
        {
            decimal needed = folder.Sum(part => (decimal)part.FileSize);
            decimal free = (decimal)new DriveInfo(folder.Key).AvailableFreeSpace + removed.Where(file => System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file)) == folder.Key).Sum(LinkedFile.LengthOf);
            if (copied > 0 && FileSpace.VolumeOf(folder.Key) == FileSpace.VolumeOf(backup!))
                free -= copied;
            if (needed > free)
                throw new PmemException($"{folder.Key} has room for {Math.Max(free, 0)} bytes{(copied > 0 ? " beside the backup" : string.Empty)}, and the pool takes {needed} there: make room, or choose a smaller size");
        }
    }
}
