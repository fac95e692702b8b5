using System.Text;

namespace Pmem;

/// <summary>Names for files and folders that are renamed when they are complete, and for notes beside them. Thread-safe.</summary>
public static class TemporaryName
{
    private const string Partial = "pmem-partial-";
    private const int LongestKept = 200; // bytes of a name are 255 at most on all file systems that hold pools

    /// <summary>
    /// A name in the same folder that nothing has, now or from an earlier run: so nothing of a user's is ever written over or deleted under it. It starts with
    /// a dot and says <c>.pmem-partial-</c>, so that a user knows what a killed run left behind.
    /// </summary>
    /// <param name="path">What the file or folder shall be called at the end.</param>
    public static string Beside(string path) => Beside(path, $"{Partial}{Guid.NewGuid():n}");

    /// <summary>Whether a file name is such a one.</summary>
    internal static bool IsOne(string name)
    {
        int at = name.LastIndexOf($".{Partial}", StringComparison.Ordinal);
        return name.StartsWith('.') && at > 0 && Guid.TryParseExact(name[(at + 1 + Partial.Length)..], "n", out _);
    }

    /// <summary>The hidden name in the same folder that ends with an extension.</summary>
    internal static string Beside(string path, string extension)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string name = Path.GetFileName(full);
        while (Encoding.UTF8.GetByteCount(name) > LongestKept)
            name = name[..^1];
        return Path.Combine(Path.GetDirectoryName(full) ?? full, $".{name}.{extension}");
    }
}
