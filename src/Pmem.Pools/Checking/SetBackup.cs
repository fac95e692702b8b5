using System.Text;
using Pmem.Pools.Sets;
using Pmem.Tracing;

namespace Pmem.Pools.Checking;

/// <summary>
/// Copies the files of a set to a new folder, with a set file that names them there. The folder is made under a name that nothing has, and renamed when
/// all is durable in it; so what is removed after a failure was made here.
/// </summary>
internal sealed class SetBackup(SetLayout layout, string backup, bool leaveOutMissing, IProgress<PoolProgress>? progress, CancellationToken cancellation)
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Readers = Owner | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private string _partial = string.Empty;
    private readonly Dictionary<PartLayout, PersistentMap> _open = new(ReferenceEqualityComparer.Instance);

    public void Run()
    {
        bool isMade = false;
        try
        {
            foreach (PartLayout part in layout.Replicas.SelectMany(replica => replica.Parts).Where(IsCopied))
            {
                if (part.IsDevice || !File.Exists(part.Path) || LinkedFile.LengthOf(part.Path) > 0)
                    _open.Add(part, PersistentMap.Open(part.Path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true }));
            }

            _partial = BackupMark.BeginCopy(backup);
            CreateFolder(_partial);
            isMade = true;
            var text = new StringBuilder($"{PoolSetFile.Signature}\n{(layout.SingleHeader ? "OPTION SINGLEHDR\n" : string.Empty)}");
            for (int r = 0; r < layout.Replicas.Count; r++)
            {
                if (r > 0)
                    text.Append("REPLICA\n");
                CopyReplica(layout.Replicas[r], r, text);
            }

            using (FileStream set = NewFile.CreatePrivate(Path.Combine(_partial, Path.GetFileName(layout.Path))))
            {
                set.Write(Encoding.UTF8.GetBytes(text.ToString()));
                NewFile.GiveModeOf(set, layout.Path);
                set.Flush(flushToDisk: true);
            }

            // As open to others as the folder of the set file, at most; none but the owner may write.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(_partial, Owner | (Readers & File.GetUnixFileMode(Path.GetDirectoryName(LinkedFile.RealPath(layout.Path))!)));
            PersistentMap.SyncDirectory(_partial);
            PersistenceTrace.Mark("backup about to get its name");
            Directory.Move(_partial, backup);
            PersistentMap.SyncDirectory(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(backup))!);
        }
        catch
        {
            if (isMade)
                Directory.Delete(_partial, recursive: true);
            throw;
        }
        finally
        {
            foreach (PersistentMap map in _open.Values)
                map.Dispose();
        }
    }

    private bool IsCopied(PartLayout part) =>
        !leaveOutMissing || part.IsDevice || (File.Exists(part.Path) && (OperatingSystem.IsWindows() || File.GetUnixFileMode(LinkedFile.RealPath(part.Path)) != UnixFileMode.None));

    private void CopyReplica(ReplicaLayout replica, int number, StringBuilder lines)
    {
        for (int d = 0; d < replica.Directories.Count; d++)
        {
            string name = $"r{number}d{d}";
            CreateFolder(Path.Combine(_partial, name));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(Path.Combine(_partial, name), Owner | (Readers & File.GetUnixFileMode(LinkedFile.RealPath(replica.Directories[d].Path))));
            lines.Append($"{replica.Directories[d].Reservation} {Path.Combine(backup, name)}\n");
        }

        for (int p = 0; p < replica.Parts.Count; p++)
        {
            PartLayout part = replica.Parts[p];
            string name = NameOf(replica, number, p);
            if (_open.TryGetValue(part, out PersistentMap? map))
                PoolBackup.Copy(map, Path.Combine(_partial, name), progress, cancellation);
            else if (IsCopied(part))
                PoolBackup.CopyEmpty(part.Path, Path.Combine(_partial, name));
            if (FolderOf(replica, part) < 0)
                lines.Append($"{part.FileSize} {Path.Combine(backup, name)}\n");
        }
    }

    /// <summary>Where the copy of a part lies in the folder of the backup.</summary>
    public static string NameOf(ReplicaLayout replica, int number, int part)
    {
        string file = Path.GetFileName(replica.Parts[part].Path);
        int directory = FolderOf(replica, replica.Parts[part]);
        return directory >= 0 ? Path.Combine($"r{number}d{directory}", file) : $"r{number}p{part}-{file}";
    }

    private static int FolderOf(ReplicaLayout replica, PartLayout part) => replica.Directories.ToList().FindIndex(d => Path.GetFullPath(d.Path).TrimEnd('/') == Path.GetDirectoryName(part.Path));

    private static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, Owner);
    }
}
