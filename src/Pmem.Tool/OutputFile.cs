using System.CommandLine;
using Pmem.Emulation;

namespace Pmem.Tool;

/// <summary>
/// Files that verbs write because <c>--output</c> names them. One that is there is replaced with <c>--force</c> alone; what the verb reads, and the files of a
/// platform, never. A file is written under another name and gets its own when it is whole and durable; pipes and devices are written to directly.
/// </summary>
internal static class OutputFile
{
    /// <summary>The option without which no file is replaced.</summary>
    public static Option<bool> ForceOption() => new("--force", "-f") { Description = "Replace a file that is there; never one of a platform, nor what is read." };

    /// <summary>Refuses a name that must not be written to. Changes nothing.</summary>
    /// <param name="path">The name.</param>
    /// <param name="force">Whether a file that is there may be replaced.</param>
    /// <param name="sources">What is read: files, and folders of platforms; null for nothing.</param>
    /// <exception cref="PmemException">It must not.</exception>
    public static void Demand(string path, bool force, params ReadOnlySpan<string?> sources)
    {
        NewFile.DemandFolder(path, "the output");
        if (Directory.Exists(path))
            throw new PmemException($"{path} is a folder: name a file");
        DemandForeign(path, sources);
        if (!force && !IsStream(path) && File.Exists(path))
            throw new PmemException($"{path} is there already: take another name, or --force");
    }

    /// <summary>Refuses what is read, and files of platforms.</summary>
    /// <exception cref="PmemException">It is one.</exception>
    public static void DemandForeign(string path, params ReadOnlySpan<string?> sources)
    {
        if (IsStream(path) || !File.Exists(path))
            return;
        if (VirtualPlatform.FolderOf(path) is { } folder)
            throw new PmemException($"{path} is a file of the platform in {folder}, none of which is ever replaced: take another name");
        foreach (string? source in sources)
        {
            if (source is null)
                continue;
            if (File.Exists(source) && LinkedFile.AreSame(source, path))
                throw new PmemException($"{path} is what is read here: take another name");

            // A DIMM's file may be a link to elsewhere.
            if (Directory.Exists(source) && Directory.EnumerateFiles(source).FirstOrDefault(file => LinkedFile.AreSame(file, path)) is { } same)
                throw new PmemException($"{path} is {same}, a file of the platform, none of which is ever replaced: take another name");
        }
    }

    /// <summary>Writes a file; durable at return.</summary>
    /// <exception cref="PmemException">The name must not be written to; nothing was changed.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes, bool force, params ReadOnlySpan<string?> sources)
    {
        Demand(path, force, sources);
        byte[] content = bytes.ToArray();
        Replace(path, stream => stream.Write(content));
    }

    /// <summary>Writes a file whose name was demanded; durable at return. What fails leaves what was there before.</summary>
    public static void Replace(string path, Action<Stream> write)
    {
        if (IsStream(path))
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(stream);
            return;
        }

        string real = LinkedFile.RealPath(path);
        string part = TemporaryName.Beside(real);
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows() && File.Exists(real))
                options.UnixCreateMode = File.GetUnixFileMode(real);
            using (var file = new FileStream(part, options))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(part, real, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }

    private static bool IsStream(string path) => path is "/dev/stdout" or "/dev/stderr" || (File.Exists(path) && !LinkedFile.IsRegular(path));
}
