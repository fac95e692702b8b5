using Pmem.Pools.Checking;
using Pmem.Pools.Sets;
using Pmem.Tracing;

namespace Pmem.Pools;

/// <summary>How a pool is removed.</summary>
public sealed record PoolRemovalOptions
{
    /// <summary>Only find out what would be removed.</summary>
    public bool DryRun { get; init; }

    /// <summary>Also the set file of a set.</summary>
    public bool SetFileToo { get; init; }

    /// <summary>Ignore files that are not there.</summary>
    public bool IgnoreMissing { get; init; }

    /// <summary>Where to copy the pool before anything of it is removed: a file, or a folder for a set; null makes no copy.</summary>
    public string? BackupPath { get; init; }

    /// <summary>Told how far the backup is.</summary>
    public IProgress<PoolProgress>? Progress { get; init; }

    /// <summary>Stops the backup; nothing was removed then.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Removes pools (<c>pmempool rm</c>).</summary>
public static class PoolRemoval
{
    private const long DeviceZeroLength = 2L << 20;

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

    /// <summary>
    /// Removes a pool. All its files are looked at before the first goes. One that was interrupted is finished by doing it again: of a set, parts that are gone
    /// are left out as long as something is there to be removed, unless a backup is still to be made.
    /// </summary>
    /// <param name="path">A pool file or pool set file.</param>
    /// <param name="options">What else goes, dry run, backup.</param>
    /// <returns>The files that were removed, or would be.</returns>
    /// <exception cref="FileNotFoundException">The file is not there, or no part of the set.</exception>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was removed.</exception>
    /// <exception cref="PmemException">A process has the pool open; nothing was removed.</exception>
    public static IReadOnlyList<string> Run(string path, PoolRemovalOptions? options = null)
    {
        options ??= new PoolRemovalOptions();
        PoolBackup.DemandNoDryRun(options.DryRun, options.BackupPath);

        // An interrupted run has copied everything and removed some of it.
        bool resumes = options.BackupPath is { } known && BackupMark.IsUnfinished(known, path);
        bool isSet = PoolSetFile.IsPoolSet(path);
        return PoolBackup.Finishing(path, options.BackupPath, BackupComparison.Removal, () =>
        {
            string[] files = Present(path, isSet, options, resumes);
            if (!resumes)
                PoolBackup.Begin(path, options.BackupPath, BackupComparison.Removal, options.IgnoreMissing, options.Progress, options.Cancellation);
            var removed = new List<string>();
            foreach (string file in files)
                Remove(file);
            if (options.SetFileToo && isSet)
                Remove(path);
            return removed;

            void Remove(string file)
            {
                if (!options.DryRun)
                {
                    if (file == path && isSet)
                        File.Delete(file);
                    else
                        PoolRemoval.Remove(file);
                }

                removed.Add(file);
            }
        });
    }

    /// <summary>
    /// Removes the files whose places a new pool takes, after a backup; of devices it zeroes the start. The note that the change is not finished stays too: call
    /// <see cref="PoolBackup.Finish"/> when the new pool is there. Plan first (<see cref="PoolFile.PlanCreation"/>), so that it will be.
    /// </summary>
    /// <param name="path">The pool file or pool set file that will be created.</param>
    /// <param name="options">Backup; the rest does not apply.</param>
    /// <exception cref="IOException">The backup exists, or cannot be written; nothing was removed.</exception>
    /// <exception cref="PmemException">A file is in use or cannot be accessed.</exception>
    public static void MakeRoom(string path, PoolRemovalOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] files = PoolSetFile.IsPoolSet(path) ? [.. SetLayout.Of(PoolSetFile.Read(path)).Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path)] : [path];
        files = [.. files.Where(File.Exists)];
        string? backup = files.Any(file => !IsInterrupted(file)) ? options.BackupPath : null;
        PoolBackup.Noting(path, backup, BackupComparison.Replacement, () =>
        {
            PoolBackup.Begin(path, backup, BackupComparison.Replacement, leaveOutMissing: true, options.Progress, options.Cancellation);
            foreach (string file in files)
                Remove(file);
            return files;
        });
    }

    /// <summary>The files that are there to be removed, none of them in use.</summary>
    private static string[] Present(string path, bool isSet, PoolRemovalOptions options, bool resumes)
    {
        IReadOnlyList<string> files = FilesOf(path);
        string[] present = [.. files.Where(file => File.Exists(file) || Directory.Exists(file))];
        bool mayMiss = options.IgnoreMissing || resumes || (isSet && options.BackupPath is null && (options.SetFileToo || present.Length > 0));
        foreach (string file in mayMiss ? present : files)
            DemandUnused(file);
        return present;
    }

    /// <summary>Throws when a file cannot be removed; changes nothing.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">A process has it open.</exception>
    internal static void DemandUnused(string file)
    {
        DemandFile(file);
        if (!IsInterrupted(file) && PersistentMap.LengthOf(file) > 0 && !PoolSetFile.IsPoolSet(file))
            PersistentMap.Open(file, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true }).Dispose();
    }

    /// <summary>Removes one file, but not while a process has the pool open. A device stays, and what a pool begins with is zeroed (PMDK <c>util_unlink</c>); durable at return.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PmemException">A process has it open.</exception>
    public static void Remove(string file)
    {
        DemandFile(file);
        if (PersistentMap.IsDeviceDax(file))
        {
            PersistenceTrace.Mark("device about to be zeroed");
            using PersistentMap device = PersistentMap.Open(file, new PersistentMapOptions { Lock = true });
            device.Fill(0, 0, Math.Min(DeviceZeroLength, device.Length));
            return;
        }

        PersistenceTrace.Mark("file about to be removed");
        if (IsInterrupted(file) || LinkedFile.LengthOf(file) == 0)
        {
            File.Delete(file);
            return;
        }

        using PersistentMap held = PersistentMap.Open(file, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        File.Delete(file);
    }

    private static void DemandFile(string file)
    {
        if (Directory.Exists(file))
            throw new PmemException($"{file} is a folder: name a pool file or a pool set file");
        if (!File.Exists(file))
            throw new FileNotFoundException($"there is no file {file}", file);
    }

    /// <summary>An interrupted creation cannot be opened, nor be in use; and an empty file cannot be mapped.</summary>
    private static bool IsInterrupted(string file) => !OperatingSystem.IsWindows() && File.GetUnixFileMode(LinkedFile.RealPath(file)) == UnixFileMode.None;

    private static bool IsPart(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return name.Length >= 6 && name.All(char.IsAsciiDigit);
    }
}
