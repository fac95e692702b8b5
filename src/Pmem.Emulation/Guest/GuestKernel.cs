using System.IO.Compression;
using System.Text;

namespace Pmem.Emulation.Guest;

/// <summary>A kernel for guests: an image, and the folder of its modules. Nothing of it is installed on the host.</summary>
public sealed class GuestKernel
{
    private readonly Lazy<IReadOnlyDictionary<string, string>> _files;
    private readonly Lazy<IReadOnlySet<string>> _builtIn;

    /// <summary>Takes a kernel.</summary>
    /// <param name="image">Path of the image (<c>vmlinuz</c>).</param>
    /// <param name="moduleFolder">Path of the folder with <c>kernel</c> and <c>modules.builtin</c>, such as <c>/lib/modules/6.1.0-49-amd64</c>.</param>
    public GuestKernel(string image, string moduleFolder)
    {
        (Image, ModuleFolder) = (image, moduleFolder);
        _files = new(() => FindModules(moduleFolder));
        _builtIn = new(() => FindBuiltIn(moduleFolder));
    }

    /// <summary>Path of the image.</summary>
    public string Image { get; }

    /// <summary>Path of the folder of modules.</summary>
    public string ModuleFolder { get; }

    /// <summary>Its release, such as <c>6.1.0-49-amd64</c>.</summary>
    public string Release => Path.GetFileName(Path.TrimEndingDirectorySeparator(ModuleFolder));

    /// <summary>The kernel of a folder that has <c>boot/vmlinuz-RELEASE</c> and <c>lib/modules/RELEASE</c> (an unpacked package, or the root of a system); the newest.</summary>
    /// <exception cref="PmemException">There is none.</exception>
    public static GuestKernel Open(string folder) => TryOpen(folder)
        ?? throw new PmemException($"{folder} has no boot/vmlinuz-RELEASE with lib/modules/RELEASE (or usr/lib/modules/RELEASE): unpack a kernel package into it, as 'pmem vm prepare --kernel PACKAGE.deb' does");

    /// <summary>The kernel of a folder as <see cref="Open"/>; null if there is none.</summary>
    public static GuestKernel? TryOpen(string folder)
    {
        string boot = Path.Combine(folder, "boot");
        if (!Directory.Exists(boot))
            return null;
        foreach (string image in Directory.GetFiles(boot, "vmlinuz-*").OrderByDescending(path => path, VersionOrder.Instance))
        {
            string release = Path.GetFileName(image)["vmlinuz-".Length..];
            foreach (string modules in (string[])["lib/modules", "usr/lib/modules"])
            {
                string path = Path.Combine(folder, modules, release);
                if (Directory.Exists(path))
                    return new GuestKernel(image, path);
            }
        }

        return null;
    }

    /// <summary>Unpacks a Debian kernel package into a folder, and returns its kernel.</summary>
    /// <exception cref="PmemException">The package cannot be read or has no kernel.</exception>
    public static GuestKernel Unpack(string package, string folder)
    {
        Directory.CreateDirectory(folder);
        HostProgram.Run("dpkg-deb", ["-x", package, folder]);
        return Open(folder);
    }

    /// <summary>Name of the kernel package that the empty package <c>linux-image-amd64</c> stands for.</summary>
    /// <exception cref="PmemException">The system's package lists do not have it.</exception>
    public static string FindPackage()
    {
        const string Depends = "Depends: ";
        string said = Encoding.UTF8.GetString(HostProgram.Run("apt-cache", ["depends", "linux-image-amd64"], mayFail: true));
        return said.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith($"{Depends}linux-image-", StringComparison.Ordinal))?[Depends.Length..]
            ?? throw new PmemException("the package lists have no linux-image-amd64: run 'sudo apt-get update', or name a package file with --kernel");
    }

    /// <summary>Fetches a package with <c>apt-get download</c>, which needs no root.</summary>
    /// <returns>Path of the package in the folder.</returns>
    /// <exception cref="PmemException">It cannot be fetched.</exception>
    public static string Download(string package, string folder)
    {
        HostProgram.Run("apt-get", ["download", package], folder: folder);
        return Directory.GetFiles(folder, "*.deb") is [{ } path] ? path : throw new PmemException($"apt-get fetched no package {package}");
    }

    /// <summary>Modules in an order in which they can be loaded: each after those that it needs. Those that are part of the kernel are left out.</summary>
    /// <param name="names">Names with <c>_</c> or <c>-</c>.</param>
    /// <returns>Name and content, not compressed.</returns>
    /// <exception cref="PmemException">A module is missing.</exception>
    public IReadOnlyList<(string Name, byte[] Content)> ReadModules(IEnumerable<string> names)
    {
        var order = new List<(string, byte[])>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var path = new Stack<(string Name, byte[]? Content)>(names.Reverse().Select(name => (Normalize(name), (byte[]?)null)));
        while (path.TryPop(out (string Name, byte[]? Content) next))
        {
            if (next.Content is not null)
            {
                order.Add((next.Name, next.Content));
                continue;
            }

            if (_builtIn.Value.Contains(next.Name) || !seen.Add(next.Name))
                continue;
            if (!_files.Value.TryGetValue(next.Name, out string? file))
                throw new PmemException($"the kernel {Release} has no module {next.Name} in {ModuleFolder}");
            byte[] content = ReadModule(file);
            path.Push((next.Name, content));
            foreach (string needed in DependenciesOf(content))
                path.Push((needed, null));
        }

        return order;
    }

    /// <summary>Whether the kernel has a module, as a file or built in.</summary>
    public bool HasModule(string name) => _files.Value.ContainsKey(Normalize(name)) || _builtIn.Value.Contains(Normalize(name));

    /// <summary>Modules that one needs, from its <c>.modinfo</c> section: name=value texts, each ended by NUL.</summary>
    internal static IReadOnlyList<string> DependenciesOf(ReadOnlySpan<byte> module)
    {
        int at = module.IndexOf("\0depends="u8);
        if (at < 0)
            return [];
        ReadOnlySpan<byte> value = module[(at + "\0depends=".Length)..];
        int end = value.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? value : value[..end]).Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Normalize).ToArray();
    }

    // Debian 13 has .ko.xz, Fedora .ko.xz or .ko.zst.
    private static byte[] ReadModule(string path)
    {
        switch (Path.GetExtension(path))
        {
            case ".xz":
                return HostProgram.Run("xz", ["-dc", path]);
            case ".zst":
                return HostProgram.Run("zstd", ["-dcq", path]);
            case ".gz":
                using (var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
                using (var content = new MemoryStream())
                {
                    stream.CopyTo(content);
                    return content.ToArray();
                }

            default:
                return File.ReadAllBytes(path);
        }
    }

    private static Dictionary<string, string> FindModules(string folder)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(folder, "*.ko*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            string name = Path.GetFileName(path);
            files.TryAdd(Normalize(name[..name.IndexOf(".ko", StringComparison.Ordinal)]), path);
        }

        return files;
    }

    private static HashSet<string> FindBuiltIn(string folder)
    {
        string list = Path.Combine(folder, "modules.builtin");
        return File.Exists(list) ? [.. File.ReadLines(list).Select(line => Normalize(Path.GetFileNameWithoutExtension(line)))] : [];
    }

    private static string Normalize(string name) => name.Trim().Replace('-', '_');

    /// <summary>6.1.0-9 before 6.1.0-49: runs of digits count as numbers.</summary>
    private sealed class VersionOrder : IComparer<string>
    {
        public static VersionOrder Instance { get; } = new();

        public int Compare(string? x, string? y) => string.CompareOrdinal(Key(x!), Key(y!));

        private static string Key(string path)
        {
            var key = new StringBuilder();
            string name = Path.GetFileName(path);
            for (int i = 0; i < name.Length;)
            {
                int end = i;
                while (end < name.Length && char.IsAsciiDigit(name[end]))
                    end++;
                key.Append(end > i ? name[i..end].PadLeft(12, '0') : name[i]);
                i = Math.Max(end, i + 1);
            }

            return key.ToString();
        }
    }
}
