using System.Text;

namespace Interop.Guest;

/// <summary>An unmodified Debian kernel with the programs that judge: busybox, ndctl. Built once a run from installed packages.</summary>
internal static class GuestSystem
{
    /// <summary>Modules that a guest loads, with those that they need before them.</summary>
    private static readonly string[] s_modules = ["libnvdimm", "nfit", "nd_btt", "nd_pmem", "device_dax", "dax_pmem"];

    private static readonly Lazy<byte[]> s_initrd = new(BuildInitrd);

    public static byte[] Initrd => s_initrd.Value;

    /// <summary>The kernel image: an unpacked package in artifacts/guest-kernel, which eng/install-peers.sh makes, or the folder that PMEM_GUEST_KERNEL names.</summary>
    public static string Kernel()
    {
        string folder = KernelFolder();
        string? image = Directory.Exists(Path.Combine(folder, "boot")) ? Directory.GetFiles(Path.Combine(folder, "boot"), "vmlinuz-*").Order(StringComparer.Ordinal).LastOrDefault() : null;
        Peers.Demand(image is not null, $"a Debian kernel package unpacked in {folder}");
        return image!;
    }

    private static string KernelFolder()
    {
        if (Environment.GetEnvironmentVariable("PMEM_GUEST_KERNEL") is { Length: > 0 } given)
            return given;
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Pmem.slnx")))
            root = Path.GetDirectoryName(root);
        return Path.Combine(root ?? throw new DirectoryNotFoundException("the tests do not run inside the repository"), "artifacts", "guest-kernel");
    }

    private static byte[] BuildInitrd()
    {
        using var archive = new CpioArchive();
        foreach (string folder in (string[])["proc", "sys", "dev", "tmp", "sbin"])
            archive.AddFolder(folder);
        var added = new HashSet<string>(StringComparer.Ordinal);
        AddProgram(archive, added, Peers.Tool("busybox"), "bin/busybox");
        AddProgram(archive, added, Peers.Tool("ndctl"), "bin/ndctl");
        string[] order = AddModules(archive);
        archive.AddText("init", $"""
            #!/bin/busybox sh
            /bin/busybox --install -s /bin
            export PATH=/bin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
            for m in {string.Join(' ', order)}; do insmod /modules/$m.ko; done
            for b in /sys/bus/nd/devices/ndbus*; do [ -e $b/wait_probe ] && cat $b/wait_probe >/dev/null; done
            sh /run.sh
            echo "{GuestMachine.Marker}end"
            poweroff -f

            """.ReplaceLineEndings("\n"));
        return archive.ToArray();
    }

    private static void AddProgram(CpioArchive archive, HashSet<string> added, string path, string target)
    {
        archive.AddFile(target, File.ReadAllBytes(path));
        // A static program has no libraries, and ldd says so with an exit code.
        foreach (string word in Peers.Run("ldd", [path]).Output.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith('/') && File.Exists(word) && added.Add(word))
                archive.AddFile(word.TrimStart('/'), File.ReadAllBytes(word));
        }
    }

    private static string[] AddModules(CpioArchive archive)
    {
        _ = Kernel();
        var files = Directory.EnumerateFiles(Path.Combine(KernelFolder(), "lib", "modules"), "*.ko", SearchOption.AllDirectories)
            .GroupBy(NameOf, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.First(), StringComparer.Ordinal);
        var order = new List<string>();
        foreach (string module in s_modules)
            Add(module);
        return [.. order];

        void Add(string module)
        {
            if (order.Contains(module, StringComparer.Ordinal))
                return;
            Peers.Demand(files.TryGetValue(module, out string? path), $"a kernel package with the module {module}.ko");
            byte[] content = File.ReadAllBytes(path!);
            foreach (string needed in DependenciesOf(content))
                Add(needed);
            order.Add(module);
            archive.AddFile($"modules/{module}.ko", content);
        }
    }

    private static string NameOf(string path) => Path.GetFileNameWithoutExtension(path).Replace('-', '_');

    // .modinfo holds name=value texts, each ended by NUL.
    private static string[] DependenciesOf(ReadOnlySpan<byte> module)
    {
        int at = module.IndexOf("\0depends="u8);
        if (at < 0)
            return [];
        ReadOnlySpan<byte> value = module[(at + "\0depends=".Length)..];
        return Encoding.ASCII.GetString(value[..value.IndexOf((byte)0)]).Replace('-', '_').Split(',', StringSplitOptions.RemoveEmptyEntries);
    }
}
