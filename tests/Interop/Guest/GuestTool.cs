using System.Runtime.InteropServices;
using System.Text.Json;
using Pmem.Emulation;
using Pmem.Emulation.Guest;

namespace Interop.Guest;

/// <summary>
/// Our own program in a guest: it, the runtime and PMDK's programs are on a second disk, of which a guest reads what it needs. Made once a run. In a script of the
/// guest, <c>pmem</c> is our program.
/// </summary>
internal static class GuestTool
{
    private const string DiskModule = "virtio_blk";

    // On an idle core it takes little more than one of these.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(12);
    private static readonly string[] s_programs = ["pmempool", "daxio", "filefrag"];
    private static readonly string[] s_scripts = ["obj_script", "log_script", "blk_script"];
    private static readonly Lazy<string> s_disk = new(Build);

    /// <summary>
    /// What a script begins with. In it <c>pmem</c> asks one process of our program for everything (<see cref="StartupHook"/>), <c>pmem_once</c> starts one;
    /// <c>run NAME COMMAND</c> begins a section, whose last line is the exit code.
    /// </summary>
    private const string Preparation = """
        dmesg -n 1
        insmod /disk/virtio_blk.ko
        mkdir -p /net; mount -t ext4 -o ro /dev/vda /net || echo "no second disk"
        export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_EnableDiagnostics=0 DOTNET_TieredPGO=0 LD_LIBRARY_PATH=/net/lib PATH=/bin:/sbin:/net/bin
        mkfifo /tmp/pmem.commands /tmp/pmem.codes
        pmem_once() { /net/dotnet /net/tool/Pmem.Tool.dll "$@"; }
        DOTNET_STARTUP_HOOKS=/net/tool/Interop.dll pmem_once </tmp/pmem.commands >/tmp/pmem.log 2>&1 &
        exec 8<>/tmp/pmem.commands 9<>/tmp/pmem.codes
        pmem() { ( IFS='	'; echo "$*" ) >&8; read -t 300 code <&9 || { echo "pmem died:"; cat /tmp/pmem.log; code=99; }; cat /tmp/pmem.output; return $code; }
        run() { echo "@@$1"; shift; "$@" 2>&1; echo "exit $?"; }

        """;

    /// <summary>Boots on a platform and runs a script; returns what it printed, by section.</summary>
    public static GuestConsole Run(VirtualPlatform platform, string script)
    {
        GuestKernel kernel = GuestSystem.Kernel;
        using var archive = new CpioArchive();
        foreach ((string name, byte[] content) in kernel.ReadModules([DiskModule]))
            archive.AddFile($"disk/{name}.ko", content);
        byte[] modules = archive.ToArray();
        string disk = s_disk.Value;
        GuestMemory memory = platform.ExportGuest();
        try
        {
            return GuestMachine.Boot(options => memory.AddTo(options with
            {
                Initrd = [.. options.Initrd, modules],
                Script = Preparation + script,
                Timeout = s_limit,
                ExtraArguments = ["-drive", $"file={disk},if=virtio,format=raw,readonly=on"],
            }));
        }
        finally
        {
            platform.ImportGuest();
        }
    }

    private static string Build()
    {
        string folder = Peers.NewFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string tree = Path.Combine(folder, "tree");
        string runtime = Path.TrimEndingDirectorySeparator(RuntimeEnvironment.GetRuntimeDirectory());
        string root = Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
        CopyFolder(runtime, Path.Combine(tree, Path.GetRelativePath(root, runtime)));
        CopyFolder(Path.Combine(root, "host", "fxr"), Path.Combine(tree, "host", "fxr"));
        Copy(Path.Combine(root, "dotnet"), Path.Combine(tree, "dotnet"));
        foreach (string name in (string[])[.. ToolFiles(), "Interop.dll"])
            Copy(Path.Combine(AppContext.BaseDirectory, name), Path.Combine(tree, "tool", name));
        string[] programs = [.. s_programs.Select(Peers.Tool), .. s_scripts.Select(Peers.Program)];
        foreach (string program in programs)
            Copy(program, Path.Combine(tree, "bin", Path.GetFileName(program)));
        foreach (string library in Libraries([.. programs, Path.Combine(root, "dotnet"), .. Directory.GetFiles(runtime, "lib*.so")]))
            Copy(library, Path.Combine(tree, "lib", Path.GetFileName(library)));
        string disk = Path.Combine(folder, "disk");
        long size = Directory.GetFiles(tree, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        Peers.Succeed(Peers.Tool("mkfs.ext4"), ["-q", "-F", "-O", "^has_journal", "-b", "4096", "-m", "0", "-d", tree, disk, $"{(size / 1024 * 12 / 10) + (16 << 10)}K"]);
        Directory.Delete(tree, recursive: true);
        return disk;
    }

    /// <summary>Our program and what it was published with, without the tests that lie in the same folder.</summary>
    private static IEnumerable<string> ToolFiles()
    {
        using var dependencies = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Pmem.Tool.deps.json")));
        foreach (JsonProperty package in dependencies.RootElement.GetProperty("targets").EnumerateObject().First().Value.EnumerateObject())
        {
            if (!package.Value.TryGetProperty("runtime", out JsonElement files))
                continue;
            foreach (JsonProperty file in files.EnumerateObject())
                yield return Path.GetFileName(file.Name);
        }

        yield return "Pmem.Tool.runtimeconfig.json";
        yield return "Pmem.Tool.deps.json";
    }

    private static IEnumerable<string> Libraries(IEnumerable<string> programs) => programs
        .SelectMany(program => Peers.Run("ldd", [program]).Output.Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries))
        .Where(word => word.StartsWith('/') && File.Exists(word) && !Path.GetFileName(word).StartsWith("ld-", StringComparison.Ordinal))
        .DistinctBy(Path.GetFileName, StringComparer.Ordinal);

    private static void CopyFolder(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
    }
}
