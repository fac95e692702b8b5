using System.CommandLine;
using Pmem.Emulation.Guest;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Vm;

/// <summary><c>pmem vm prepare</c>.</summary>
internal static class PrepareVerb
{
    public static Command Create()
    {
        var folder = new Argument<string>("DIR") { Description = $"Where {GuestFolder.Kernel} and {GuestFolder.Initrd} shall be." };
        var kernel = new Option<string?>("--kernel", "-k") { Description = "A Debian kernel package (.deb), or a folder with boot/vmlinuz-RELEASE and lib/modules/RELEASE; the running system if not given." };
        var download = new Option<string?>("--download") { Description = "Fetch a kernel package with apt-get download, which needs no root: the named one, or that of linux-image-amd64.", Arity = ArgumentArity.ZeroOrOne };
        var module = new Option<string[]>("--module", "-m") { Description = "One more kernel module, such as xfs; may be repeated.", DefaultValueFactory = _ => [] };
        var program = new Option<string[]>("--program") { Description = "One more program of this system, with its libraries; may be repeated.", DefaultValueFactory = _ => [] };
        var file = new Option<string[]>("--file") { Description = "One more file: HOST-PATH:GUEST-PATH; may be repeated.", DefaultValueFactory = _ => [] };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("prepare", """
            Make a kernel and a small initial RAM disk for guests: busybox, ndctl, daxctl, ext4 tools as far as they are installed, and the kernel's modules for
            persistent memory and ext4. Nothing is installed.

            Examples:
              pmem vm prepare guest --download
              pmem vm prepare guest --kernel linux-image-6.1.0-49-amd64_6.1.174-1_amd64.deb
              pmem vm prepare guest --module xfs --program mkfs.xfs
            """) { folder, kernel, download, module, program, file, json };
        command.SetAction(parsed =>
        {
            bool fetch = parsed.GetResult(download) is not null;
            if (fetch && parsed.GetValue(kernel) is not null)
                return PoolCommand.Fail("give either --kernel or --download");
            var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            foreach (string pair in parsed.GetValue(file)!)
            {
                if (pair.Split(':') is not [{ Length: > 0 } from, { Length: > 0 } to])
                    return PoolCommand.Fail($"'{pair}' is not HOST-PATH:GUEST-PATH");
                files[to] = File.ReadAllBytes(from);
            }

            string target = parsed.GetValue(folder)!;
            var options = new GuestInitrdOptions { RequiredPrograms = parsed.GetValue(program)!, Files = files };
            options = options with { Modules = [.. options.Modules, .. parsed.GetValue(module)!] };
            using var work = new WorkFolder(target);
            GuestKernel found = fetch ? Download(parsed.GetValue(download), work.Path) : Find(parsed.GetValue(kernel), work.Path);
            Make(target, work.Path, found, options);
            Tell(target, found, parsed.GetValue(json));
            return Program.Success;
        });
        return command;
    }

    private static GuestKernel Find(string? kernel, string work)
    {
        if (kernel is null)
            return GuestKernel.TryOpen("/") ?? throw new PmemException("this system has no /boot/vmlinuz-RELEASE with /lib/modules/RELEASE: give --kernel PACKAGE.deb, or let --download fetch one");
        return Directory.Exists(kernel) ? GuestKernel.Open(kernel)
            : File.Exists(kernel) ? GuestKernel.Unpack(kernel, work)
            : throw new PmemException($"there is no package or folder {kernel}");
    }

    private static GuestKernel Download(string? package, string work)
    {
        string name = package ?? GuestKernel.FindPackage();
        Console.Error.WriteLine($"fetching {name}");
        return GuestKernel.Unpack(GuestKernel.Download(name, work), work);
    }

    // Both are whole before either has its name.
    private static void Make(string target, string work, GuestKernel kernel, GuestInitrdOptions options)
    {
        byte[] initrd = GuestInitrd.Build(kernel, options);
        byte[] image;
        try
        {
            image = File.ReadAllBytes(kernel.Image);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new PmemException($"{kernel.Image} may be read by root alone (Ubuntu): give --kernel PACKAGE.deb, or let --download fetch one", e);
        }

        foreach ((string name, byte[] bytes) in new[] { (GuestFolder.Kernel, image), (GuestFolder.Initrd, initrd) })
            File.WriteAllBytes(Path.Combine(work, name), bytes);
        foreach (string name in new[] { GuestFolder.Kernel, GuestFolder.Initrd })
            File.Move(Path.Combine(work, name), Path.Combine(target, name), overwrite: true);
    }

    private static void Tell(string target, GuestKernel kernel, bool json)
    {
        (string image, string initrd) = GuestFolder.Open(target);
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", target);
                writer.WriteString("release", kernel.Release);
                writer.WriteString("kernel", image);
                writer.WriteString("initrd", initrd);
                writer.WriteNumber("initrdSize", new FileInfo(initrd).Length);
                writer.WriteEndObject();
            });
            return;
        }

        Console.WriteLine($"{target}: kernel {kernel.Release}, initial RAM disk of {ByteSize.Format(new FileInfo(initrd).Length)}");
    }

    /// <summary>
    /// A folder inside the target for what is unpacked, gone at the end: packages are too large for a small /tmp. With it go the target and the folders around it that were made
    /// for it, if nothing was put there.
    /// </summary>
    private sealed class WorkFolder : IDisposable
    {
        // From the inside out.
        private readonly List<string> _made = [];

        public WorkFolder(string target)
        {
            for (string? folder = System.IO.Path.GetFullPath(target).TrimEnd('/'); folder is { Length: > 0 } && !Directory.Exists(folder); folder = System.IO.Path.GetDirectoryName(folder))
                _made.Add(folder);
            Directory.CreateDirectory(target);
            Path = Directory.CreateDirectory(System.IO.Path.Combine(target, $".unpack-{Environment.ProcessId}")).FullName;
        }

        public string Path { get; }

        public void Dispose()
        {
            Directory.Delete(Path, recursive: true);
            foreach (string folder in _made.TakeWhile(folder => !Directory.EnumerateFileSystemEntries(folder).Any()))
                Directory.Delete(folder);
        }
    }
}
