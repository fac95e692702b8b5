using Pmem.Pools.Sets;

namespace Pmem.Pools.Checking;

/// <summary>
/// Compares a pool with the backup that an unfinished change made of it: what was used since is not what the backup holds, and must not be lost for it.
/// </summary>
internal static class BackupComparison
{
    /// <summary>Removing files: what is left of the pool must be in the backup.</summary>
    public const string Removal = "removal";

    /// <summary>Creating a pool where one is: the same.</summary>
    public const string Replacement = "replacement";

    private const int Block = 1 << 20;

    /// <summary>Throws if a backup is there that an interrupted change made, and this change must not take for its own.</summary>
    /// <exception cref="PmemException">It is.</exception>
    public static void DemandResumable(string subject, string backup, string verb)
    {
        if (!BackupMark.IsUnfinished(backup, subject))
            return;
        if (IsRemoval(verb))
        {
            if (FindDifference(subject, backup, isWhole: false) is { } file)
                throw new PmemException($"{file} is not what the backup {backup} holds: it was changed since the interrupted run that made the backup; name another backup; nothing was changed");
        }
        else if (BackupMark.VerbOf(backup) is var begun && begun != verb && FindDifference(subject, backup, isWhole: true) is not null)
        {
            throw new PmemException($"the backup {backup} is that of an interrupted run{(begun.Length > 0 ? $" ({begun})" : string.Empty)}, and {subject} was changed since: finish that run, or name another backup; nothing was changed");
        }
    }

    /// <summary>Ends a change that failed: see <see cref="PoolBackup.Finishing"/>. Never throws for the backup's sake, for the failure is to be told.</summary>
    public static void GiveUp(string subject, string backup, string verb, bool isCancelled)
    {
        try
        {
            if (!BackupMark.IsUnfinished(backup, subject))
                return;
            bool isUnchanged = FindDifference(subject, backup, isWhole: true) is null;
            if (!isUnchanged && (isCancelled || IsRemoval(verb)))
                return;

            // The note first: without it a half-removed backup is taken for nothing.
            BackupMark.Finish(backup);
            if (!isUnchanged)
                return;
            if (Directory.Exists(backup))
                Directory.Delete(backup, recursive: true);
            else
                File.Delete(backup);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PmemException)
        {
            // The backup stays; it is whole, or its name is taken.
        }
    }

    private static bool IsRemoval(string verb) => verb is Removal or Replacement;

    /// <summary>A file of the pool that is not as in the backup, or null; if not the whole pool is wanted, what is missing or not complete is no difference.</summary>
    private static string? FindDifference(string subject, string backup, bool isWhole)
    {
        if (!File.Exists(subject))
            return isWhole ? subject : null;
        if (!PoolSetFile.IsPoolSet(subject))
            return Differs(subject, backup, isWhole) ? subject : null;
        SetLayout layout = SetLayout.Of(PoolSetFile.Read(subject));
        for (int r = 0; r < layout.Replicas.Count; r++)
        {
            for (int p = 0; p < layout.Replicas[r].Parts.Count; p++)
            {
                string file = layout.Replicas[r].Parts[p].Path;
                if (Differs(file, Path.Combine(backup, SetBackup.NameOf(layout.Replicas[r], r, p)), isWhole))
                    return file;
            }
        }

        return null;
    }

    private static bool Differs(string file, string copy, bool isWhole)
    {
        if (!File.Exists(file) || (!OperatingSystem.IsWindows() && File.GetUnixFileMode(LinkedFile.RealPath(file)) == UnixFileMode.None))
            return isWhole && File.Exists(copy);
        if (PersistentMap.IsDeviceDax(file))
            return isWhole;
        if (!File.Exists(copy))
            return true;
        using FileStream one = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using FileStream other = new(copy, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (one.Length != other.Length)
            return true;
        byte[] left = new byte[Block];
        byte[] right = new byte[Block];
        while (one.ReadAtLeast(left, Block, throwOnEndOfStream: false) is > 0 and var count)
        {
            if (other.ReadAtLeast(right, Block, throwOnEndOfStream: false) != count || !left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
                return true;
        }

        return false;
    }
}
