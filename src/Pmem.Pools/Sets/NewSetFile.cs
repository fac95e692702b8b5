using System.Text;

namespace Pmem.Pools.Sets;

/// <summary>
/// A set file that is written beside the one whose place it takes, complete and durable, so that the old one is replaced at once. It is locked
/// until then: one that is not locked was left by a run that was killed, and the next run removes it.
/// </summary>
internal sealed class NewSetFile
{
    private readonly FileStream _file;
    private readonly string _path;

    private NewSetFile(FileStream file, string path)
    {
        _file = file;
        _path = path;
    }

    /// <summary>Writes it, and removes what killed runs left.</summary>
    /// <param name="path">The set file. Where it is a link it stays one, and the file behind it is what is replaced.</param>
    /// <param name="text">The new content.</param>
    /// <exception cref="PmemException">The folder takes no file; nothing was changed.</exception>
    public static NewSetFile Write(string path, string text)
    {
        string real = LinkedFile.RealPath(path);
        RemoveLeftOvers(real);
        string beside = TemporaryName.Beside(real);
        FileStream? file = null;
        try
        {
            file = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(beside, File.GetUnixFileMode(real));
            return new NewSetFile(file, real);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Close(file);
            if (file is not null)
                File.Delete(beside);
            string why = e is UnauthorizedAccessException ? "nobody may write there, or not this user" : "the file system takes no file more: it is full or read-only";
            throw new PmemException($"the set file {path} must get new sizes, and {Path.GetDirectoryName(real)} takes no new file: {why}; make it writable, or move the set file; nothing was changed", e);
        }
    }

    /// <summary>Takes the place of the old one. Durable when the folder is.</summary>
    public void Replace()
    {
        _file.Dispose();
        File.Move(_file.Name, _path, overwrite: true);
    }

    /// <summary>Removes it, when it is not wanted after all.</summary>
    public void Delete()
    {
        _file.Dispose();
        try
        {
            File.Delete(_file.Name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run does; why it is not wanted is what the user has to know.
        }
    }

    private static void Close(FileStream? file)
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException)
        {
            // What it could not write before it cannot now, and it is deleted.
        }
    }

    private static void RemoveLeftOvers(string real)
    {
        const int UniqueLength = 32; // the hexadecimal uuid that such a name ends with
        string stem = Path.GetFileName(TemporaryName.Beside(real))[..^UniqueLength];
        foreach (string other in Directory.GetFiles(Path.GetDirectoryName(real)!, ".*"))
        {
            string name = Path.GetFileName(other);
            if (!name.StartsWith(stem, StringComparison.Ordinal) || !Guid.TryParseExact(name[stem.Length..], "n", out _))
                continue;
            try
            {
                new FileStream(other, FileMode.Open, FileAccess.Write, FileShare.None).Dispose();
                File.Delete(other);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another run is at work, or nobody may remove it.
            }
        }
    }
}
