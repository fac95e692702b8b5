using System.Diagnostics;
using Pmem.Platform.Acpi;

namespace Interop.Guest;

/// <summary>
/// A virtual machine whose memory is a file: the tables and registers of a platform lie in it, below 4 GiB, and can be looked at while it runs
/// and afterwards. One boot serves many tests: the script's output is cut at its markers.
/// </summary>
internal sealed class GuestMachine : IDisposable
{
    public const string Marker = "@@";

    /// <summary>Bytes of memory; the range of the platform is cut out of it with memmap=.</summary>
    public const long MemorySize = 2L << 30;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4);
    private readonly string _folder = Peers.NewFolder();

    public string MemoryFile => Path.Combine(_folder, "memory");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Creates the memory and writes into it.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        using var file = new FileStream(MemoryFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        if (file.Length < MemorySize)
            file.SetLength(MemorySize);
        file.Position = (long)address;
        file.Write(bytes);
    }

    public byte[] Read(ulong address, int length)
    {
        using var file = new FileStream(MemoryFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = (long)address;
        byte[] bytes = new byte[length];
        file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Boots with tables of ours, runs a script, and returns what it printed, by section: a line <c>@@name</c> begins one.</summary>
    public IReadOnlyDictionary<string, string> Run(IReadOnlyList<byte[]> tables, E820Range platform, string script)
    {
        var arguments = new List<string>
        {
            "-machine", "pc,accel=tcg,memory-backend=ram", "-m", "2G",
            "-object", $"memory-backend-file,id=ram,share=on,mem-path={MemoryFile},size={MemorySize}",
        };
        for (int i = 0; i < tables.Count; i++)
        {
            string path = Path.Combine(_folder, $"table{i}.aml");
            File.WriteAllBytes(path, tables[i]);
            arguments.AddRange(["-acpitable", $"file={path}"]);
        }

        return Boot(arguments, $"memmap={new MemmapEntry(MemmapForm.Reserved, platform.Length, platform.Base)}", script);
    }

    /// <summary>Boots with modules of QEMU's own, each of a size with a label area, and runs a script.</summary>
    public IReadOnlyDictionary<string, string> RunWithModules(IReadOnlyList<(int SizeMiB, int LabelKiB)> modules, string script)
    {
        var arguments = new List<string> { "-machine", "pc,accel=tcg,nvdimm=on,nvdimm-persistence=mem-ctrl", "-m", "512M,slots=8,maxmem=8G" };
        for (int i = 0; i < modules.Count; i++)
        {
            arguments.AddRange(["-object", $"memory-backend-ram,id=m{i},size={modules[i].SizeMiB}M"]);
            arguments.AddRange(["-device", $"nvdimm,id=nv{i},memdev=m{i}{(modules[i].LabelKiB == 0 ? string.Empty : $",label-size={modules[i].LabelKiB}K")}"]);
        }

        return Boot(arguments, string.Empty, script);
    }

    private Dictionary<string, string> Boot(IEnumerable<string> platform, string parameters, string script)
    {
        string qemu = Peers.Tool("qemu-system-x86_64");
        string kernel = GuestSystem.Kernel();
        string initrd = Path.Combine(_folder, "initrd");
        using (var archive = new CpioArchive())
        {
            archive.AddText("run.sh", script.ReplaceLineEndings("\n"));
            File.WriteAllBytes(initrd, [.. GuestSystem.Initrd, .. archive.ToArray()]);
        }

        // On a busy host the emulated timer is late, which the kernel takes for a broken one: no_timer_check.
        return Sections(Execute(qemu,
        [
            .. platform, "-cpu", "max", "-nodefaults", "-net", "none", "-vga", "none", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", kernel, "-initrd", initrd, "-append", $"console=ttyS0 quiet panic=-1 no_timer_check {parameters}",
        ]));
    }

    /// <summary>Boots with devices of QEMU's own in place of our tables, and returns everything that the script printed.</summary>
    public static string RunImages(IReadOnlyList<string> devices, string script)
    {
        string qemu = Peers.Tool("qemu-system-x86_64");
        string kernel = GuestSystem.Kernel();
        string folder = Peers.NewFolder();
        try
        {
            string initrd = Path.Combine(folder, "initrd");
            using (var archive = new CpioArchive())
            {
                archive.AddText("run.sh", script.ReplaceLineEndings("\n"));
                File.WriteAllBytes(initrd, [.. GuestSystem.Initrd, .. archive.ToArray()]);
            }

            string[] arguments =
            [
                "-machine", "pc,accel=tcg,nvdimm=on", "-cpu", "max", "-m", "1G,slots=32,maxmem=8G", .. devices,
                "-nodefaults", "-net", "none", "-vga", "none", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
                "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 no_timer_check",
            ];
            return Execute(qemu, arguments);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Execute(string qemu, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(qemu, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = Task.Run(process.StandardOutput.ReadToEnd);
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        if (!process.WaitForExit(s_limit))
            process.Kill(entireProcessTree: true);
        string text = output.GetAwaiter().GetResult().Replace("\r", string.Empty, StringComparison.Ordinal);
        Assert.True(text.Contains($"{Marker}end", StringComparison.Ordinal), $"the guest did not come to its end: {error.GetAwaiter().GetResult()}{text}");
        return text;
    }

    private static Dictionary<string, string> Sections(string text)
    {
        var sections = new Dictionary<string, string>(StringComparer.Ordinal);
        string name = "boot";
        var lines = new List<string>();
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(Marker, StringComparison.Ordinal))
            {
                lines.Add(line);
                continue;
            }

            sections[name] = string.Join('\n', lines);
            name = line[Marker.Length..].Trim();
            lines.Clear();
        }

        sections[name] = string.Join('\n', lines);
        return sections;
    }
}
