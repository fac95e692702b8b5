using Pmem.Emulation;
using Pmem.Emulation.Guest;
using Pmem.Platform.Acpi;

namespace Interop.Guest;

/// <summary>
/// A virtual machine whose memory is a file: the tables and registers of a platform lie in it, below 4 GiB, and can be looked at while it runs
/// and afterwards. One boot serves many tests: the script's output is cut at its markers.
/// </summary>
internal sealed class GuestMachine : IDisposable
{
    public const string Marker = GuestConsole.Marker;

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
    public IReadOnlyDictionary<string, string> Run(IReadOnlyList<byte[]> tables, E820Range platform, string script) =>
        Boot(options => options with { LowMemorySize = MemorySize, MemoryFile = MemoryFile, Tables = tables, Reserved = [platform], Script = script }).Sections;

    /// <summary>Boots with modules of QEMU's own, each of a size with a label area, and runs a script.</summary>
    public static IReadOnlyDictionary<string, string> RunWithModules(IReadOnlyList<(int SizeMiB, int LabelKiB)> modules, string script)
    {
        var arguments = new List<string> { "-machine", "nvdimm=on,nvdimm-persistence=mem-ctrl", "-m", "512M,slots=8,maxmem=8G" };
        for (int i = 0; i < modules.Count; i++)
        {
            arguments.AddRange(["-object", $"memory-backend-ram,id=m{i},size={modules[i].SizeMiB}M"]);
            arguments.AddRange(["-device", $"nvdimm,id=nv{i},memdev=m{i}{(modules[i].LabelKiB == 0 ? string.Empty : $",label-size={modules[i].LabelKiB}K")}"]);
        }

        return Boot(options => options with { ExtraArguments = arguments, Script = script }).Sections;
    }

    /// <summary>Boots with devices of QEMU's own in place of our tables, and returns everything that the script printed.</summary>
    public static string RunImages(IReadOnlyList<GuestMemoryDevice> devices, string script, GuestKernel? kernel = null) =>
        Boot(options => options with { Devices = devices, Script = script }, kernel).Text;

    /// <summary>Boots on the memory and with the tables of a virtual platform, and runs a script.</summary>
    public static IReadOnlyDictionary<string, string> Run(GuestMemory memory, string script) => Boot(options => memory.AddTo(options) with { Script = script }).Sections;

    /// <summary>Boots on a platform, as <c>pmem vm run</c> does, with more files in the guest (<c>dax_store</c> and the like), and runs a script.</summary>
    public static IReadOnlyDictionary<string, string> Run(VirtualPlatform platform, IReadOnlyDictionary<string, string> files, string script, GuestAttachment attachment = GuestAttachment.Tables)
    {
        using var archive = new CpioArchive();
        foreach ((string path, string from) in files)
            archive.AddFile(path, File.ReadAllBytes(from));
        VirtualMachineOptions options = Options() with { Script = script };
        return Task.Run(() => PlatformGuest.RunAsync(platform, options with { Initrd = [.. options.Initrd, archive.ToArray()] }, attachment)).GetAwaiter().GetResult().Sections;
    }

    /// <summary>Boots the machine of the peers with what a test adds to it, and waits for its end.</summary>
    public static GuestConsole Boot(Func<VirtualMachineOptions, VirtualMachineOptions> configure, GuestKernel? kernel = null)
    {
        VirtualMachineOptions options = configure(Options(kernel));
        // On a thread of its own: a continuation would wait for the test runner's threads, which all wait here.
        return Task.Run(() => VirtualMachine.RunAsync(options)).GetAwaiter().GetResult();
    }

    private static VirtualMachineOptions Options(GuestKernel? kernel = null)
    {
        Peers.Tool("qemu-system-x86_64");
        kernel ??= GuestSystem.Kernel;
        return new VirtualMachineOptions { Kernel = kernel.Image, Initrd = [GuestSystem.InitrdOf(kernel)], Timeout = s_limit };
    }
}
