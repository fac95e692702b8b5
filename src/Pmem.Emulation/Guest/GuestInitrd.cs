using System.Text;

namespace Pmem.Emulation.Guest;

/// <summary>What goes into the initial RAM disk of a guest.</summary>
public sealed record GuestInitrdOptions
{
    /// <summary>Modules that every guest with persistent memory needs: buses, namespaces, device and file system DAX.</summary>
    public static readonly IReadOnlyList<string> PersistentMemoryModules = ["libnvdimm", "nfit", "nd_btt", "nd_pmem", "device_dax", "dax_pmem", "virtio_pci", "virtio_pmem"];

    /// <summary>Modules of the ext4 file system; its checksum is found by name when it mounts.</summary>
    public static readonly IReadOnlyList<string> Ext4Modules = ["crc32c_generic", "ext4"];

    /// <summary>Modules to load, in this order; those that they need come before them.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [.. PersistentMemoryModules, .. Ext4Modules];

    /// <summary>Programs of the host that go along with their libraries, found in the path: names or paths. Those that are not installed are left out.</summary>
    public IReadOnlyList<string> Programs { get; init; } = ["ndctl", "daxctl", "mkfs.ext4", "e2fsck"];

    /// <summary>Programs that must be there.</summary>
    public IReadOnlyList<string> RequiredPrograms { get; init; } = [];

    /// <summary>More files: path in the guest, and content.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; init; } = new Dictionary<string, byte[]>();
}

/// <summary>
/// Makes the initial RAM disk of a guest from programs of the host and modules of a kernel: it mounts what programs expect, loads the modules, waits for the buses, runs
/// <c>/run.sh</c> (of a second archive, <see cref="VirtualMachineOptions.Script"/>) or a shell, and powers the guest off.
/// </summary>
public static class GuestInitrd
{
    /// <summary>Builds the archive, compressed.</summary>
    /// <exception cref="PmemException">busybox, a required program or a module is missing; the message names the package.</exception>
    public static byte[] Build(GuestKernel kernel, GuestInitrdOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        options ??= new GuestInitrdOptions();
        using var archive = new CpioArchive();
        foreach (string folder in (string[])["proc", "sys", "dev", "tmp", "mnt", "bin", "sbin", "etc"])
            archive.AddFolder(folder);
        var added = new HashSet<string>(StringComparer.Ordinal);
        AddProgram(archive, added, HostProgram.Demand("busybox"), "bin/busybox");
        // A symbolic link of the system's own table to the kernel's: mkfs and ndctl look at it.
        archive.AddLink("etc/mtab", "/proc/mounts");
        foreach (string name in options.RequiredPrograms)
            AddProgram(archive, added, HostProgram.Demand(name), $"bin/{Path.GetFileName(name)}");
        foreach (string name in options.Programs)
        {
            if (HostProgram.Find(name) is { } path)
                AddProgram(archive, added, path, $"bin/{Path.GetFileName(name)}");
        }

        IReadOnlyList<(string Name, byte[] Content)> modules = kernel.ReadModules(options.Modules.Where(kernel.HasModule));
        foreach ((string name, byte[] content) in modules)
            archive.AddFile($"modules/{name}.ko", content);
        foreach ((string path, byte[] content) in options.Files)
            archive.AddFile(path.TrimStart('/'), content);
        archive.AddText("init", Init(modules.Select(module => module.Name)));
        return archive.ToArray();
    }

    /// <summary>The first program. What a script prints is read line by line on the host, so the kernel keeps quiet when one runs.</summary>
    private static string Init(IEnumerable<string> modules) => $$"""
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin:/sbin HOME=/ TERM=linux PS1='guest# '
        mount -t proc proc /proc
        mount -t sysfs sys /sys
        mount -t devtmpfs dev /dev
        mkdir -p /dev/shm && mount -t tmpfs tmp /dev/shm
        for m in {{string.Join(' ', modules)}}; do insmod /modules/$m.ko || echo "module $m did not load"; done
        for b in /sys/bus/nd/devices/ndbus*; do [ -e $b/wait_probe ] && cat $b/wait_probe >/dev/null; done
        if [ -e /run.sh ]; then
          sh /run.sh </dev/null
          echo "{{GuestConsole.EndLine}} $?"
        else
          echo "Persistent memory: $(ls /dev/pmem* /dev/dax* 2>/dev/null | tr '\n' ' '). 'exit' ends the guest."
          setsid cttyhack sh
        fi
        sync
        poweroff -f

        """.ReplaceLineEndings("\n");

    private static void AddProgram(CpioArchive archive, HashSet<string> added, string path, string target)
    {
        if (!added.Add(target))
            return;
        archive.AddFile(target, File.ReadAllBytes(path));
        // A static program has no libraries, and ldd says so with an exit code.
        foreach (string word in Encoding.UTF8.GetString(HostProgram.Run("ldd", [path], mayFail: true)).Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith('/') && File.Exists(word) && added.Add(word))
                archive.AddFile(word.TrimStart('/'), File.ReadAllBytes(word));
        }
    }
}
