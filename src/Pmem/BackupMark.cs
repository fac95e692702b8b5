using System.Text;

namespace Pmem;

/// <summary>
/// A note beside a backup that the change it was made for is not finished. A run that is killed leaves it, and the next one with the same backup knows by it
/// that the backup is whole, and shows what was there before the first run: so it keeps it and goes on.
/// </summary>
/// <remarks>
/// The note is durable before the backup gets its name, and goes when the change is done. It is a hidden file in the folder of the backup; it names what
/// was backed up by its path from there, so that a folder may be moved with all that is in it. Not for several runs with one backup at once.
/// </remarks>
public static class BackupMark
{
    private const string Signature = "backup of an unfinished change of ";
    private const string Extension = "pmem-unfinished";
    private const int LongestNote = 1 << 16;

    /// <summary>Whether a backup is there that was made for a change of the same thing which is not finished.</summary>
    /// <param name="backup">The file or folder.</param>
    /// <param name="subject">The path of what it is a backup of.</param>
    public static bool IsUnfinished(string backup, string subject)
    {
        ArgumentNullException.ThrowIfNull(backup);
        if (string.IsNullOrWhiteSpace(backup) || (!File.Exists(backup) && !Directory.Exists(backup)))
            return false;
        string path = PathOf(backup);
        return File.Exists(path) && LinkedFile.LengthOf(path) <= LongestNote && File.ReadAllText(path) == TextOf(backup, subject);
    }

    /// <summary>Notes that a backup is about to be made; durable at return.</summary>
    /// <param name="backup">The file or folder, which is not there yet.</param>
    /// <param name="subject">The path of what it is a backup of.</param>
    /// <exception cref="IOException">The note cannot be written, or a file that is none has its name.</exception>
    public static void Begin(string backup, string subject)
    {
        string path = PathOf(backup);
        if (File.Exists(path) && !IsNote(path))
            throw new IOException($"{path} is in the way: its name is for notes about backups; move it, or name another backup");
        using (FileStream file = new(path, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes(TextOf(backup, subject)));
            file.Flush(flushToDisk: true);
        }

        PersistentMap.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Takes the note away, if there is one: the change is done.</summary>
    /// <param name="backup">The file or folder.</param>
    public static void Finish(string backup)
    {
        string path = PathOf(backup);
        if (!File.Exists(path) || !IsNote(path))
            return;
        File.Delete(path);
        PersistentMap.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private static string PathOf(string backup) => TemporaryName.Beside(backup, Extension);

    private static bool IsNote(string path) => LinkedFile.LengthOf(path) <= LongestNote && File.ReadAllText(path).StartsWith(Signature, StringComparison.Ordinal);

    private static string TextOf(string backup, string subject) =>
        $"{Signature}{Path.GetRelativePath(LinkedFile.RealPath(Path.GetDirectoryName(PathOf(backup))!), LinkedFile.RealPath(subject))}\n";
}
