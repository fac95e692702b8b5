namespace Pmem.Platform.Images;

/// <summary>
/// A file that appears under its name when it is complete and durable: a crash leaves what was there before, and at most a file with a
/// <see cref="TemporaryName"/>, which nothing of a user's ever has.
/// </summary>
internal sealed class NewImage : IDisposable
{
    private readonly string _path;
    private bool _isComplete;

    private NewImage(string path)
    {
        _path = path;
        PartialPath = TemporaryName.Beside(path);
    }

    public string PartialPath { get; }

    public static NewImage Begin(string path, ImageOptions options, params ReadOnlySpan<string> sources)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        foreach (string source in sources)
        {
            if (System.IO.Path.GetFullPath(source) == System.IO.Path.GetFullPath(path))
                throw new PmemException($"{path} is what is read: write to another file");
        }

        if (Directory.Exists(path))
            throw new PmemException($"{path} is a folder: name a file");
        if (!options.Overwrite && File.Exists(path))
            throw new PmemException($"{path} exists already: name another file, or replace it (--force)");
        NewFile.DemandFolder(path, "the image");
        return new NewImage(path);
    }

    public FileStream Create() => new(PartialPath, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);

    /// <summary>Gives the file, which the caller has made durable, its name.</summary>
    public void Complete()
    {
        File.Move(PartialPath, _path, overwrite: true);
        _isComplete = true;
        PersistentMap.SyncDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(_path))!);
    }

    public void Dispose()
    {
        if (!_isComplete)
            File.Delete(PartialPath);
    }
}
