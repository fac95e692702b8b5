using System.Text;
using Pmem.Pools.Sets;

namespace Pmem.Pools.Checking;

/// <summary>
/// Copies of closed pools: of a file a file; of a pool set a folder with all parts and a set file that names them there, so that the copy opens as
/// a pool. A backup has its name only when it is whole and durable; an existing file or folder is never written over.
/// </summary>
public static class PoolBackup
{
    private const int CopyBlock = 4 << 20;
    private const string Partial = ".pmem-backup-partial";

    /// <summary>Copies a pool that nobody has open; it is locked meanwhile.</summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="backup">The file or folder to make.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between two blocks; nothing is left then.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written.</exception>
    /// <exception cref="PmemException">The pool is in use, a part is missing, or cannot be read.</exception>
    public static void Write(string path, string backup, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(backup);
        if (PoolSetFile.IsPoolSet(path))
        {
            WriteSet(SetLayout.Of(PoolSetFile.Read(path)), Path.GetFullPath(backup), progress, cancellation);
            return;
        }

        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        Write(map, backup, progress, cancellation);
    }

    /// <summary>Copies a mapped pool to a new file; durable at return.</summary>
    /// <param name="map">The pool, which nobody may change meanwhile.</param>
    /// <param name="backup">The file to make.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between two blocks; nothing is left then.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written.</exception>
    /// <exception cref="MediaErrorException">A part of the pool cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Write(PersistentMap map, string backup, IProgress<PoolProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentException.ThrowIfNullOrEmpty(backup);
        DemandNew(backup);
        string partial = backup + Partial;
        try
        {
            Copy(map, partial, progress, cancellation);
            File.Move(partial, backup);
            PersistentMap.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(backup))!);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static void WriteSet(SetLayout layout, string backup, IProgress<PoolProgress>? progress, CancellationToken cancellation)
    {
        DemandNew(backup);
        string partial = backup + Partial;
        var open = new List<PersistentMap>();
        try
        {
            foreach (PartLayout part in layout.Replicas.SelectMany(replica => replica.Parts))
                open.Add(PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true }));
            if (Directory.Exists(partial))
                Directory.Delete(partial, recursive: true);
            Directory.CreateDirectory(partial);
            int next = 0;
            var text = new StringBuilder($"{PoolSetFile.Signature}\n{(layout.SingleHeader ? "OPTION SINGLEHDR\n" : string.Empty)}");
            for (int r = 0; r < layout.Replicas.Count; r++)
            {
                if (r > 0)
                    text.Append("REPLICA\n");
                CopyReplica(layout.Replicas[r], r, backup, text, (name) => Copy(open[next++], Path.Combine(partial, name), progress, cancellation));
            }

            using (FileStream set = new(Path.Combine(partial, Path.GetFileName(layout.Path)), FileMode.CreateNew, FileAccess.Write))
            {
                set.Write(Encoding.UTF8.GetBytes(text.ToString()));
                set.Flush(flushToDisk: true);
            }

            PersistentMap.SyncDirectory(partial);
            Directory.Move(partial, backup);
            PersistentMap.SyncDirectory(Path.GetDirectoryName(backup)!);
        }
        catch
        {
            if (Directory.Exists(partial))
                Directory.Delete(partial, recursive: true);
            throw;
        }
        finally
        {
            foreach (PersistentMap map in open)
                map.Dispose();
        }

        void CopyReplica(ReplicaLayout replica, int number, string folder, StringBuilder lines, Action<string> copy)
        {
            for (int d = 0; d < replica.Directories.Count; d++)
            {
                string name = $"r{number}d{d}";
                Directory.CreateDirectory(Path.Combine(partial, name));
                lines.Append($"{replica.Directories[d].Reservation} {Path.Combine(folder, name)}\n");
            }

            for (int p = 0; p < replica.Parts.Count; p++)
            {
                int directory = replica.Directories.ToList().FindIndex(d => Path.GetFullPath(d.Path).TrimEnd('/') == Path.GetDirectoryName(replica.Parts[p].Path));
                string name = directory >= 0 ? Path.Combine($"r{number}d{directory}", Path.GetFileName(replica.Parts[p].Path)) : $"r{number}p{p}-{Path.GetFileName(replica.Parts[p].Path)}";
                copy(name);
                if (directory < 0)
                    lines.Append($"{replica.Parts[p].FileSize} {Path.Combine(folder, name)}\n");
            }
        }
    }

    private static void DemandNew(string backup)
    {
        if (File.Exists(backup) || Directory.Exists(backup))
            throw new IOException($"the backup {backup} exists already; name another file, or remove it");
    }

    private static void Copy(PersistentMap map, string target, IProgress<PoolProgress>? progress, CancellationToken cancellation)
    {
        // Nobody else's until it has its content, and then for whom the pool is.
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(target, options);
        byte[] block = new byte[CopyBlock];
        for (long at = 0; at < map.Length; at += CopyBlock)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new PoolProgress("backing up", at, map.Length));
            Span<byte> part = block.AsSpan(0, (int)Math.Min(CopyBlock, map.Length - at));
            map.CheckedRead(at, part);
            file.Write(part);
        }

        if (!OperatingSystem.IsWindows() && map.Path is { } name && File.Exists(name))
            File.SetUnixFileMode(file.SafeFileHandle, File.GetUnixFileMode(name));
        file.Flush(flushToDisk: true);
    }
}
