namespace Pmem;

/// <summary>What must hold before a file or folder is made under a name that a user gave; the messages say what to do. Thread-safe.</summary>
public static class NewFile
{
    /// <summary>Throws unless a file or folder of that name can be made: it is not empty, nothing has it, and its folder is there. Changes nothing.</summary>
    /// <param name="path">The name.</param>
    /// <param name="what">What it is to be, for the message, such as "the backup".</param>
    /// <exception cref="IOException">Something has that name.</exception>
    /// <exception cref="PmemException">The name is empty, or there is no such folder.</exception>
    public static void Demand(string path, string what)
    {
        DemandFolder(path, what);
        if (Directory.Exists(path))
            throw new IOException($"{what} {path} exists already as a folder: name another place");
        if (File.Exists(path))
            throw new IOException($"{what} {path} exists already: name another file, or remove it");
    }

    /// <summary>Throws unless the name is not empty, and the folder that it is in is there. Changes nothing.</summary>
    /// <param name="path">The name.</param>
    /// <param name="what">What it is to be, for the message, such as "the backup".</param>
    /// <exception cref="PmemException">The name is empty, or there is no such folder.</exception>
    public static void DemandFolder(string path, string what)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (string.IsNullOrWhiteSpace(path))
            throw new PmemException($"the name of {what} is empty: say where to make it");
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is { } folder && !Directory.Exists(folder))
            throw new PmemException($"there is no folder {folder} for {what}: make it first, or name another place");
    }

    /// <summary>Makes a file that only its owner can read until somebody changes that.</summary>
    /// <param name="path">A name that nothing has.</param>
    /// <exception cref="IOException">Something has that name, or it cannot be made.</exception>
    public static FileStream CreatePrivate(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    /// <summary>Gives a copy that is whole the permissions of what was copied.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="source">The file that was copied; null, or something that is no file, changes nothing.</param>
    public static void GiveModeOf(FileStream copy, string? source)
    {
        ArgumentNullException.ThrowIfNull(copy);
        if (source is not null && !OperatingSystem.IsWindows() && File.Exists(source))
            File.SetUnixFileMode(copy.SafeFileHandle, File.GetUnixFileMode(LinkedFile.RealPath(source)));
    }
}
