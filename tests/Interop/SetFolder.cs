using System.Text;

namespace Interop;

/// <summary>A folder with the files of one pool set; removed at the end of the test.</summary>
internal sealed class SetFolder : IDisposable
{
    private const int HeaderSize = 4096;

    private readonly string _folder = Peers.NewFolder();

    /// <summary>Path of a file in the folder.</summary>
    public string File(string name) => Path.Combine(_folder, name);

    /// <summary>Writes a set file whose lines name parts by file name: <c>20M a</c> becomes a path in this folder.</summary>
    public string Write(string name, params string[] lines)
    {
        var text = new StringBuilder("PMEMPOOLSET\n");
        foreach (string line in lines)
        {
            string[] words = line.Split(' ');
            bool isPart = words.Length == 2 && char.IsAsciiDigit(words[0][0]);
            if (isPart && words[1].EndsWith('/'))
                Directory.CreateDirectory(File(words[1]));
            text.Append(isPart ? $"{words[0]} {File(words[1])}\n" : $"{line}\n");
        }

        System.IO.File.WriteAllText(File(name), text.ToString());
        return File(name);
    }

    /// <summary>The same lines with other file names.</summary>
    public static string[] Rename(string[] lines, string prefix) =>
        [.. lines.Select(line => line.Split(' ') is [{ } size, { } name] && char.IsAsciiDigit(size[0]) ? $"{size} {prefix}{name}" : line)];

    /// <summary>Puts the parts of a replica together as the pool that they are, in a file of its own; with one header it is a pool of its own.</summary>
    public string Join(string name, bool singleHeader, params string[] parts)
    {
        using FileStream pool = System.IO.File.Create(File(name));
        for (int i = 0; i < parts.Length; i++)
        {
            byte[] bytes = System.IO.File.ReadAllBytes(parts[i].StartsWith('/') ? parts[i] : File(parts[i]));
            int length = bytes.Length & -HeaderSize;
            int from = i == 0 || singleHeader ? 0 : HeaderSize;
            pool.Write(bytes, from, length - from);
        }

        return File(name);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
