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
        return SubjectIn(PathOf(backup)) == SubjectOf(backup, subject);
    }

    /// <summary>Notes that a backup is about to be made; durable at return.</summary>
    /// <param name="backup">The file or folder, which is not there yet.</param>
    /// <param name="subject">The path of what it is a backup of.</param>
    /// <param name="verb">The change that it is made for.</param>
    /// <exception cref="IOException">The note cannot be written, or a file that is none has its name.</exception>
    public static void Begin(string backup, string subject, string verb = "")
    {
        string path = PathOf(backup);
        if (File.Exists(path) && LinkedFile.LengthOf(path) > 0 && !IsNote(path)) // empty if a crash came before its text
            throw new IOException($"{path} is in the way: its name is for notes about backups; move it, or name another backup");

        // The note of an interrupted run for the same thing also says what that run left.
        if (SubjectIn(path) != SubjectOf(backup, subject))
            Write(path, SubjectOf(backup, subject), partial: null, verb);
        else if (VerbIn(path) != verb)
            Write(path, SubjectOf(backup, subject), Path.GetFileName(PartialIn(path)), verb);
    }

    /// <summary>The change that a noted backup was made for; empty if the note does not tell, or there is none.</summary>
    /// <param name="backup">The file or folder.</param>
    public static string VerbOf(string backup) => VerbIn(PathOf(backup));

    /// <summary>
    /// A name for the backup until it is whole, noted so that it is removed by the next run if this one is killed; and removes what a run left that was. Call it
    /// when what is backed up is locked: then that run does not live any more.
    /// </summary>
    /// <param name="backup">The file or folder.</param>
    /// <exception cref="IOException">The note cannot be written, or what was left not be removed.</exception>
    public static string BeginCopy(string backup)
    {
        string path = PathOf(backup);
        string partial = TemporaryName.Beside(backup);
        if (SubjectIn(path) is not { } subject)
            return partial;
        if (PartialIn(path) is { } left)
        {
            if (Directory.Exists(left))
                Directory.Delete(left, recursive: true);
            else
                File.Delete(left);
        }

        Write(path, subject, Path.GetFileName(partial), VerbIn(path));
        return partial;
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

    private static bool IsNote(string path) => SubjectIn(path) is not null;

    private static string SubjectOf(string backup, string subject) => Path.GetRelativePath(LinkedFile.RealPath(Path.GetDirectoryName(PathOf(backup))!), LinkedFile.RealPath(subject));

    private static string[] Read(string path) => File.Exists(path) && LinkedFile.LengthOf(path) <= LongestNote ? File.ReadAllText(path).Split('\n') : [];

    private static string? SubjectIn(string path) => Read(path) is [{ } first, ..] && first.StartsWith(Signature, StringComparison.Ordinal) ? first[Signature.Length..] : null;

    /// <summary>What the noted run was making; only a name that this library gives, in the same folder.</summary>
    private static string? PartialIn(string path) =>
        Read(path) is [_, { Length: > 0 } name, ..] && name == Path.GetFileName(name) && TemporaryName.IsOne(name) ? Path.Combine(Path.GetDirectoryName(path)!, name) : null;

    private static string VerbIn(string path) => Read(path) is [_, _, { } verb, ..] ? verb : string.Empty;

    private static void Write(string path, string subject, string? partial, string verb)
    {
        using (FileStream file = new(path, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes($"{Signature}{subject}\n{partial}\n{verb}\n"));
            file.Flush(flushToDisk: true);
        }

        PersistentMap.SyncDirectory(Path.GetDirectoryName(path)!);
    }
}
