using System.Globalization;
using System.Text;
using Pmem.Pools.Checking;
using Pmem.Pools.Sets;
using Pmem.Tracing;

namespace Pmem.Pools;

/// <summary>
/// Makes the pool of a set of files larger or smaller: the last part of each replica changes its length, and the set file says so.
/// </summary>
/// <remarks>
/// A part behind the size that the set file gives is never in use. So it grows by three steps: longer files, a new set file, the kind's own size;
/// and shrinks by three: the kind's own size, a new set file, shorter files. Whenever it is interrupted, the next call cuts the parts to what the
/// set file says, if they are longer, and starts again. The new set file is written first, so that a folder that takes no file stops it before any
/// change, and it takes the place of the old one at once. Whatever else fails until then, the parts are cut back.
/// </remarks>
public static class PoolSetResize
{
    /// <summary>Resizes a closed pool.</summary>
    /// <param name="path">The pool set file; nobody may have the pool open. Its lines of last parts get new sizes.</param>
    /// <param name="kind">The kind of pool.</param>
    /// <param name="size">Bytes that the pool shall have, all parts of a replica together; rounded down to a page.</param>
    /// <param name="demandFree">Throws if the kind cannot have that size in a map.</param>
    /// <param name="storeSize">Stores that size in a map, durably.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <exception cref="PmemException">The last part cannot change so much, parts are devices or folders, the pool is in use or not valid.</exception>
    public static PoolResize Run(string path, PoolKind kind, long size, Action<PersistentMap, long> demandFree, Action<PersistentMap, long> storeSize, PoolRepairOptions options)
    {
        ArgumentNullException.ThrowIfNull(demandFree);
        ArgumentNullException.ThrowIfNull(storeSize);
        ArgumentNullException.ThrowIfNull(options);
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);
        return PoolBackup.Finishing(path, options.BackupPath, "resize", () => Resize(path, kind, size, demandFree, storeSize, options));
    }

    private static PoolResize Resize(string path, PoolKind kind, long size, Action<PersistentMap, long> demandFree, Action<PersistentMap, long> storeSize, PoolRepairOptions options)
    {
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
        if (layout.IsDirectoryBased)
            throw new PmemException($"{path} is a set of folders, which grows by itself when the pool needs room, and does not shrink");
        if (layout.Replicas.Exists(replica => replica.Parts[0].IsDevice))
            throw new PmemException($"{path}: the parts are device DAX, whose size nobody can change");
        size &= -PoolFile.PageSize;
        long old = layout.PoolSize;
        long[] lengths = NewLengths(layout, size);
        PoolBackup.DemandRoom(path, options.BackupPath, size);
        if (!options.DryRun)
        {
            PoolBackup.Begin(path, options.BackupPath, "resize", progress: options.Progress, cancellation: options.Cancellation);
            CutToLayout(layout);
        }

        NewSetFile? beside = null;
        try
        {
            using (RepairSet set = RepairSet.Open(path, kind, options, "resize"))
            {
                var mends = new List<PoolMend>();
                if (!set.MendHeaders(() => false, mends) || mends.Count > 0)
                    throw new PmemException($"{path}: {mends[0].Problem.What}: expected {mends[0].Problem.Expected}, found {mends[0].Problem.Found}; repair the pool first");
                demandFree(set.Maps[0], size);
                PoolSpace.Demand(layout.Replicas.Select((replica, r) => (replica.Parts[^1].Path, lengths[r] - replica.Parts[^1].FileSize)));
                if (options.DryRun)
                    return new PoolResize(old, size);

                // Before anything is changed: what cannot be finished is not begun.
                beside = NewSetFile.Write(path, WithLengths(layout, lengths));
                PersistenceTrace.Mark("new set file written");
                foreach (PersistentMap map in size <= old ? set.Maps : [])
                    storeSize(map, size);
            }

            PersistenceTrace.Mark("smaller sizes stored");
            for (int r = 0; r < lengths.Length; r++)
            {
                if (lengths[r] > layout.Replicas[r].Parts[^1].FileSize)
                    PoolFileSize.Lengthen(layout.Replicas[r].Parts[^1].Path, lengths[r], options.Progress, options.Cancellation);
                PersistenceTrace.Mark("part lengthened");
            }

            beside.Replace();
        }
        catch when (beside is not null)
        {
            CutBack(layout, lengths);
            beside.Delete();
            throw;
        }

        PersistentMap.SyncDirectory(Path.GetDirectoryName(LinkedFile.RealPath(path))!);
        PersistenceTrace.Mark("set file replaced");
        layout = SetLayout.Of(PoolSetFile.Read(path));
        CutToLayout(layout);
        if (size > old)
        {
            using RepairSet set = RepairSet.Open(path, kind, new PoolRepairOptions(), "resize");
            foreach (PersistentMap map in set.Maps)
                storeSize(map, size);
        }

        return new PoolResize(old, size);
    }

    /// <summary>Cuts parts that are longer than the set file says: what an interrupted resize left.</summary>
    /// <exception cref="PmemException">A part is not the pool's, or the pool uses what would be cut; nothing was changed.</exception>
    public static void FinishInterrupted(string path)
    {
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(path));
        if (!layout.IsDirectoryBased)
            CutToLayout(layout);
    }

    private static void CutToLayout(SetLayout layout)
    {
        if (layout.Replicas.Exists(replica => IsLonger(replica.Parts[^1])))
            InterruptedResize.Demand(layout);
        foreach (PartLayout part in layout.Replicas.Select(replica => replica.Parts[^1]))
        {
            if (IsLonger(part))
                PoolFileSize.Shorten(part.Path, part.FileSize);
            PersistenceTrace.Mark("part cut");
        }
    }

    /// <summary>What the files of a set need in addition for a pool of some size; nothing of a set of folders or devices, which is not resized. What an interrupted resize left is counted as there.</summary>
    internal static IEnumerable<(string Path, long Bytes)> Growth(SetLayout layout, long size)
    {
        if (layout.IsDirectoryBased || layout.Replicas.Exists(replica => replica.Parts[0].IsDevice))
            return [];
        long[] lengths = NewLengths(layout, size & -PoolFile.PageSize);
        return layout.Replicas.Select((replica, r) => (Part: replica.Parts[^1], Length: lengths[r])).Where(last => File.Exists(last.Part.Path))
            .Select(last => (last.Part.Path, last.Length - (IsLonger(last.Part) ? LinkedFile.LengthOf(last.Part.Path) : last.Part.FileSize)));
    }

    private static bool IsLonger(PartLayout part) => !part.IsDevice && File.Exists(part.Path) && LinkedFile.LengthOf(part.Path) > part.FileSize;

    private static long[] NewLengths(SetLayout layout, long size)
    {
        long[] lengths = new long[layout.Replicas.Count];
        long least = layout.Replicas.Count > 1 ? PoolFile.MinimumSize(PoolKind.Object) : PoolFile.MinimumPartSize;
        for (int r = 0; r < lengths.Length; r++)
        {
            ReplicaLayout replica = layout.Replicas[r];
            if (size >= layout.PoolSize && replica.Size(layout.SingleHeader) >= size)
            {
                // A replica may be larger than the pool.
                lengths[r] = replica.Parts[^1].FileSize;
                continue;
            }

            lengths[r] = size - replica.Size(layout.SingleHeader) + (replica.Parts[^1].FileSize & -PoolFile.PageSize);
            if (lengths[r] < least)
                throw new PmemException($"{layout.NameOf(r, replica.Parts.Count - 1)} would have {lengths[r]} bytes, and a part has at least {least}: the pool cannot have less than {size - lengths[r] + least} bytes with these parts");
        }

        return lengths;
    }

    /// <summary>Makes the parts as long again as the set file says that was not replaced.</summary>
    private static void CutBack(SetLayout layout, long[] lengths)
    {
        for (int r = 0; r < lengths.Length; r++)
        {
            PartLayout part = layout.Replicas[r].Parts[^1];
            if (lengths[r] <= part.FileSize || !IsLonger(part))
                continue;
            try
            {
                PoolFileSize.Shorten(part.Path, part.FileSize);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or PmemException)
            {
                // Why the resize failed is what the user has to know; the next one cuts it.
            }
        }
    }

    /// <summary>The set file with other numbers in the lines of the last parts, and everything else as the user wrote it.</summary>
    private static string WithLengths(SetLayout layout, long[] lengths)
    {
        string text = Encoding.UTF8.GetString(File.ReadAllBytes(layout.Path));
        string[] lines = text.Split('\n');
        for (int r = 0; r < lengths.Length; r++)
        {
            int line = layout.File!.Replicas[r].Parts[^1].Line - 1;
            string content = lines[line].TrimStart(' ', '\t');
            int end = content.AsSpan().IndexOfAny(' ', '\t');
            lines[line] = string.Concat(lengths[r].ToString(CultureInfo.InvariantCulture), content.AsSpan(end));
        }

        return string.Join('\n', lines);
    }
}
