using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary>
/// The file that a dump is written to. It is written under another name and gets its own when it is whole, so that a dump that fails leaves what was
/// there before; and it is never the pool, whatever links lead there.
/// </summary>
internal sealed class DumpTarget
{
    private readonly string _path;
    private readonly string? _partial;
    private readonly UnixFileMode? _mode;

    private DumpTarget(string path, bool isReplaced)
    {
        _path = path;
        _partial = isReplaced ? TemporaryName.Beside(path) : null;
        if (isReplaced && !OperatingSystem.IsWindows() && File.Exists(path))
            _mode = File.GetUnixFileMode(path);
    }

    /// <summary>A file for the dump of a pool. Pipes and devices such as <c>/dev/stdout</c> are written to directly; symbolic links stay.</summary>
    /// <exception cref="PmemException">The file is a pool, or belongs to one.</exception>
    public static DumpTarget Of(string output, string pool)
    {
        NewFile.DemandFolder(output, "the dump");
        if (Directory.Exists(output))
            throw new PmemException($"{output} is a folder: name a file to write the dump to");
        if (IsFileOf(pool, output))
            throw new PmemException($"{output} belongs to the pool that is dumped: write the dump to another file");
        bool isReplaced = !File.Exists(output) || LinkedFile.IsRegular(output);
        if (isReplaced && File.Exists(output) && (PoolSetFile.IsPoolSet(output) || PoolFile.ReadHeader(output)?.Kind is not null))
            throw new PmemException($"{output} is a pool: write the dump to another file, or remove the pool first");
        return new DumpTarget(isReplaced ? LinkedFile.RealPath(output) : output, isReplaced);
    }

    /// <summary>Whether a path leads to the pool's file, its set file, or one of its parts.</summary>
    public static bool IsFileOf(string pool, string path)
    {
        // Something that is no file yet can only be a part's place: a dump there would be taken for the part.
        string full = LinkedFile.RealPath(path);
        return FilesOf(pool).Any(file => LinkedFile.RealPath(file) == full || LinkedFile.AreSame(file, path));
    }

    public Stream Create()
    {
        if (_partial is null)
            return new FileStream(_path, FileMode.Open, FileAccess.Write);

        // Never more readable than the file that it replaces, not even for a moment.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (_mode is { } mode && !OperatingSystem.IsWindows())
            options.UnixCreateMode = mode;
        return new FileStream(_partial, options);
    }

    /// <summary>Gives the file its name, once it is written and closed.</summary>
    public void Complete()
    {
        if (_partial is null)
            return;
        if (_mode is { } mode && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(_partial, mode);
        File.Move(_partial, _path, overwrite: true);
    }

    /// <summary>Removes what was written; does nothing behind <see cref="Complete"/>.</summary>
    public void Abandon()
    {
        if (_partial is not null)
            File.Delete(_partial);
    }

    private static IEnumerable<string> FilesOf(string pool)
    {
        if (!File.Exists(pool))
            return [];
        try
        {
            return PoolSetFile.IsPoolSet(pool) ? [pool, .. PoolSetFile.Read(pool).PartFiles().SelectMany(parts => parts)] : [pool];
        }
        catch (PmemException)
        {
            // A set file that cannot be read: the dump says so itself. It is to be kept all the same.
            return [pool];
        }
    }
}
