using Pmem.Pools.Sets;
using Pmem.Tracing;

namespace Pmem.Pools.Checking;

/// <summary>
/// Copies of closed pools: of a file a file; of a pool set a folder with all parts and a set file that names them there, so that the copy opens as
/// a pool. A backup has its name only when it is whole and durable; an existing file or folder is never written over. Nobody can read a copy who could
/// not read the file, not even while it is made.
/// </summary>
public static class PoolBackup
{
    private const int CopyBlock = 4 << 20;

    /// <summary>Copies a pool that nobody has open; it is locked meanwhile.</summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="backup">The file or folder to make.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between two blocks; nothing is left then.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written.</exception>
    /// <exception cref="PmemException">
    /// The pool is in use, a part is missing, or cannot be read; the backup has no name, no folder to be in, or, of a set, white space in its path.
    /// </exception>
    public static void Write(string path, string backup, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!PoolSetFile.IsPoolSet(path))
        {
            WriteFile(path, backup, progress, cancellation);
            return;
        }

        DemandNew(path, backup);
        new SetBackup(SetLayout.Of(PoolSetFile.Read(path)), Path.GetFullPath(backup), leaveOutMissing: false, progress, cancellation).Run();
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
        NewFile.Demand(backup, "the backup");
        string partial = BackupMark.BeginCopy(backup);
        try
        {
            Copy(map, partial, progress, cancellation);
            PersistenceTrace.Mark("backup about to get its name");
            File.Move(partial, backup);
            PersistentMap.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(backup))!);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    /// <summary>
    /// Copies a pool before it is changed, and notes (<see cref="BackupMark"/>) that the change is not finished, until <see cref="Finish"/>. A backup that an
    /// interrupted run made for the same pool is kept, for it shows what was there before the first change.
    /// </summary>
    /// <param name="path">The pool file or pool set file.</param>
    /// <param name="backup">The file or folder to make; null makes none.</param>
    /// <param name="verb">The change, as <see cref="Finishing"/> has it, for the note.</param>
    /// <param name="leaveOutMissing">Whether files of a set that are missing, or that an interrupted creation left, are to be missing in the copy too.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between two blocks; nothing is left then.</param>
    /// <exception cref="IOException">The backup exists and is no such one, or cannot be written.</exception>
    /// <exception cref="PmemException">The pool cannot be read, or the backup not be made.</exception>
    public static void Begin(string path, string? backup, string verb, bool leaveOutMissing = false, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (backup is null)
            return;
        if (!PoolSetFile.IsPoolSet(path))
        {
            Noted(path, backup, verb, () => WriteFile(path, backup, progress, cancellation));
            return;
        }

        if (!BackupMark.IsUnfinished(backup, path))
            DemandNew(path, backup);
        Noted(path, backup, verb, () => new SetBackup(SetLayout.Of(PoolSetFile.Read(path)), Path.GetFullPath(backup), leaveOutMissing, progress, cancellation).Run());
    }

    /// <summary>The same of a mapped pool.</summary>
    /// <param name="map">The pool, which nobody may change meanwhile.</param>
    /// <param name="subject">The path that says what it is.</param>
    /// <param name="backup">The file to make; null makes none.</param>
    /// <param name="verb">The change, as <see cref="Finishing"/> has it, for the note.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops between two blocks; nothing is left then.</param>
    /// <exception cref="IOException">The backup exists and is no such one, or cannot be written.</exception>
    /// <exception cref="MediaErrorException">A part of the pool cannot be read.</exception>
    public static void Begin(PersistentMap map, string subject, string? backup, string verb, IProgress<PoolProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (backup is not null)
            Noted(subject, backup, verb, () => Write(map, backup, progress, cancellation));
    }

    /// <summary>Throws unless there is room for the backup of a pool and for the new length of its files, together; asked before the backup is made.</summary>
    /// <param name="path">The pool file or pool set file. Of sets of folders or devices the room is judged elsewhere.</param>
    /// <param name="backup">The backup that will be made, or is there already; null for none.</param>
    /// <param name="size">Bytes that the pool shall have.</param>
    /// <param name="available">Free bytes on the file system of a path; null asks the system.</param>
    /// <exception cref="OutOfSpaceException">There is not.</exception>
    /// <exception cref="PmemException">The parts of a set cannot make up a pool of that size.</exception>
    public static void DemandRoom(string path, string? backup, long size, Func<string, long>? available = null)
    {
        if (!File.Exists(path) || PersistentMap.IsDeviceDax(path))
            return;
        SetLayout? set = PoolSetFile.IsPoolSet(path) ? SetLayout.Of(PoolSetFile.Read(path)) : null;
        long old = set is null ? LinkedFile.LengthOf(path) : set.Replicas.SelectMany(replica => replica.Parts).Sum(part => part.IsDevice || !File.Exists(part.Path) ? 0 : LinkedFile.LengthOf(part.Path));
        List<(string Path, long Bytes)> wanted = set is null ? [(path, size - old)] : [.. PoolSetResize.Growth(set, size)];
        if (backup is not null && !File.Exists(backup) && !Directory.Exists(backup) && Directory.Exists(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(backup)))))
            wanted.Add((backup, old));
        PoolSpace.Demand(wanted, available);
    }

    /// <summary>Notes that the change is done that a backup was made for.</summary>
    /// <param name="backup">The backup, or null.</param>
    public static void Finish(string? backup)
    {
        if (backup is not null)
            BackupMark.Finish(backup);
    }

    /// <summary>
    /// Makes a change that begins with a backup (<see cref="Begin(string, string?, string, bool, IProgress{PoolProgress}?, CancellationToken)"/>), and notes at its end that the backup is
    /// not needed to finish it any more.
    /// </summary>
    /// <remarks>
    /// A change that fails by itself, and not by being killed, leaves no backup that a later one could take for its own: if the pool is as before, the backup
    /// goes; if not, it stays without the note, so that its name is taken. What was cancelled, or removed a part of the files, can be resumed.
    /// </remarks>
    /// <param name="subject">The pool file or pool set file.</param>
    /// <param name="backup">The backup that the change begins with, or null.</param>
    /// <param name="verb">The change: one that another began is not resumed by it.</param>
    /// <param name="change">The change.</param>
    /// <exception cref="PmemException">The backup is that of an interrupted change, and the pool is neither what it holds nor what that change left.</exception>
    public static T Finishing<T>(string subject, string? backup, string verb, Func<T> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return Noting(subject, backup, verb, () =>
        {
            T result = change();
            Finish(backup);
            return result;
        });
    }

    /// <summary>The same of a change that is not finished then.</summary>
    internal static T Noting<T>(string subject, string? backup, string verb, Func<T> change)
    {
        if (backup is null)
            return change();
        bool isNew = !File.Exists(backup) && !Directory.Exists(backup);
        BackupComparison.DemandResumable(subject, backup, verb);
        try
        {
            return change();
        }
        catch (Exception cause) when (isNew)
        {
            BackupComparison.GiveUp(subject, backup, verb, cause is OperationCanceledException);
            throw;
        }
    }

    /// <summary>Throws if both a dry run and a backup are wanted.</summary>
    /// <exception cref="ArgumentException">They are.</exception>
    public static void DemandNoDryRun(bool dryRun, string? backup)
    {
        if (dryRun && backup is not null)
            throw new ArgumentException("a dry run changes nothing, so it needs no backup: leave one of the two out", nameof(backup));
    }

    internal static void Copy(PersistentMap map, string target, IProgress<PoolProgress>? progress, CancellationToken cancellation)
    {
        using FileStream file = NewFile.CreatePrivate(target);
        byte[] block = new byte[CopyBlock];
        for (long at = 0; at < map.Length; at += CopyBlock)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new PoolProgress("backing up", at, map.Length));
            Span<byte> part = block.AsSpan(0, (int)Math.Min(CopyBlock, map.Length - at));
            map.CheckedRead(at, part);
            file.Write(part);
        }

        NewFile.GiveModeOf(file, map.Path);
        file.Flush(flushToDisk: true);
    }

    /// <summary>A file that is too short to be mapped is no pool, but may be about to be replaced by one.</summary>
    internal static void CopyEmpty(string path, string target)
    {
        using FileStream file = NewFile.CreatePrivate(target);
        NewFile.GiveModeOf(file, path);
        file.Flush(flushToDisk: true);
    }

    private static void WriteFile(string path, string backup, IProgress<PoolProgress>? progress, CancellationToken cancellation)
    {
        NewFile.Demand(backup, "the backup");
        if (File.Exists(path) && !PersistentMap.IsDeviceDax(path) && LinkedFile.LengthOf(path) == 0)
        {
            CopyEmpty(path, backup);
            return;
        }

        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        Write(map, backup, progress, cancellation);
    }

    private static void Noted(string subject, string backup, string verb, Action write)
    {
        if (BackupMark.IsUnfinished(backup, subject))
            return;
        NewFile.Demand(backup, "the backup");
        BackupMark.Begin(backup, subject, verb);
        try
        {
            write();
        }
        catch
        {
            BackupMark.Finish(backup);
            throw;
        }

        PersistenceTrace.Mark("backup made");
    }

    private static void DemandNew(string path, string backup)
    {
        NewFile.Demand(backup, "the backup");
        if (Path.GetFullPath(backup).Any(char.IsWhiteSpace))
            throw new PmemException($"the backup of {path} is a folder with a set file that names files in '{Path.GetFullPath(backup)}', and a path in a set file has no white space: name another folder");
    }
}
