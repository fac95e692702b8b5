using System.Runtime.Versioning;

namespace Pmem.Objects.Tests.Sets;

/// <summary>A folder with the files of a pool set, on tmpfs where there is one; removed at the end of the test.</summary>
[SupportedOSPlatform("linux")]
public sealed class StoreFolder : IDisposable
{
    private readonly string _path = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-sets-{Guid.NewGuid():n}")).FullName;

    public string Root => _path;

    public string File(string name) => Path.Combine(_path, name);

    /// <summary>Writes a set file whose lines name parts by file name; names that end with a slash become folders.</summary>
    public string Write(string name, params string[] lines)
    {
        var text = new List<string> { "PMEMPOOLSET" };
        foreach (string line in lines)
        {
            string[] words = line.Split(' ');
            bool isPart = char.IsAsciiDigit(line[0]);
            if (isPart && words[1].EndsWith('/'))
                Directory.CreateDirectory(File(words[1]));
            text.Add(isPart ? $"{words[0]} {File(words[1])}" : line);
        }

        System.IO.File.WriteAllLines(File(name), text);
        return File(name);
    }

    /// <summary>Copies every file below this folder into a fresh one, set files rewritten to name the copies.</summary>
    public StoreFolder Copy()
    {
        var copy = new StoreFolder();
        foreach (string file in Directory.GetFiles(_path, "*", SearchOption.AllDirectories))
        {
            string target = copy.File(Path.GetRelativePath(_path, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (file.EndsWith(".set", StringComparison.Ordinal))
            {
                System.IO.File.WriteAllText(target, System.IO.File.ReadAllText(file).Replace(_path, copy._path, StringComparison.Ordinal));
                continue;
            }

            if (System.IO.File.GetUnixFileMode(file) == UnixFileMode.None)
            {
                // Whose content nobody may read, and nobody trusts.
                using (FileStream empty = System.IO.File.Create(target))
                    empty.SetLength(new FileInfo(file).Length);
                System.IO.File.SetUnixFileMode(target, UnixFileMode.None);
                continue;
            }

            // The files are mapped and locked, and streams respect locks.
            using System.Diagnostics.Process copying = System.Diagnostics.Process.Start("cp", ["-p", "--sparse=always", file, target]);
            copying.WaitForExit();
            Assert.Equal(0, copying.ExitCode);
        }

        foreach (string folder in Directory.GetDirectories(_path))
            Directory.CreateDirectory(copy.File(Path.GetFileName(folder)));
        return copy;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
