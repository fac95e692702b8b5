using System.Diagnostics;

namespace Interop;

/// <summary>
/// The peers: PMDK's tools, and small C programs compiled against its libraries. Missing ones skip a test, or fail it when PMEM_PEERS says
/// that they are required.
/// </summary>
internal static class Peers
{
    private static readonly Lazy<string> s_programs = new(Build);

    /// <summary>A fresh folder for pools, on tmpfs where there is one; removed by the caller.</summary>
    public static string NewFolder()
    {
        string parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        return Directory.CreateDirectory(Path.Combine(parent, $"pmem-interop-{Guid.NewGuid():n}")).FullName;
    }

    /// <summary>Path of a compiled program of the peers folder.</summary>
    public static string Program(string name)
    {
        Demand(File.Exists("/usr/include/libpmemobj.h") && Find("gcc") is not null, "gcc and libpmemobj-dev");
        return Path.Combine(s_programs.Value, name);
    }

    /// <summary>Path of an installed tool.</summary>
    public static string Tool(string name)
    {
        string? path = Find(name);
        Demand(path is not null, name);
        return path!;
    }

    /// <summary>Runs a program to its end and returns what it wrote.</summary>
    public static PeerResult Run(string program, IEnumerable<string> arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        using Process process = Process.Start(start)!;
        // On threads of their own: a continuation would wait for the test runner's threads, which all wait here.
        Task<string> output = Task.Run(process.StandardOutput.ReadToEnd);
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        try
        {
            process.StandardInput.Write(input ?? string.Empty);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended before it read everything; its exit code says why.
        }

        process.WaitForExit();
        return new PeerResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    /// <summary>Runs a program that must succeed and returns its standard output.</summary>
    public static string Succeed(string program, IEnumerable<string> arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        PeerResult result = Run(program, arguments, input, environment);
        Assert.True(result.ExitCode == 0, $"{program} ended with {result.ExitCode}: {result.Error}{result.Output}");
        return result.Output;
    }

    /// <summary>Skips the test, or fails it when peers are required.</summary>
    public static void Demand(bool present, string what)
    {
        if (present)
            return;
        string message = $"{what} is not installed; ./test.sh --with-peers installs it";
        if (Environment.GetEnvironmentVariable("PMEM_PEERS") == "required")
            Assert.Fail(message);
        Assert.Skip(message);
    }

    private static string? Find(string name)
    {
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':'))
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                return path;
        }

        return null;
    }

    private static string Build()
    {
        string source = Path.Combine(AppContext.BaseDirectory, "peers");
        string target = Directory.CreateTempSubdirectory("pmem-peers-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(target, recursive: true);
        foreach (string file in Directory.GetFiles(source, "*.c"))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            string[] arguments = name switch
            {
                "trace_shim" => ["-O2", "-shared", "-fPIC", "-o", Path.Combine(target, "libtrace_shim.so"), file, "-ldl"],

                // Runs in guests, which have no libraries.
                "dax_store" => ["-O2", "-static", "-o", Path.Combine(target, name), file],
                _ => ["-O2", "-rdynamic", "-o", Path.Combine(target, name), file, "-lpmemobj", "-lpmemlog", "-lpmemblk", "-lpmem", "-ldl", "-lpthread"],
            };
            PeerResult result = Run("gcc", arguments);
            Assert.True(result.ExitCode == 0, $"gcc {file}: {result.Error}");
        }

        return target;
    }
}

/// <summary>How a program ended.</summary>
internal sealed record PeerResult(int ExitCode, string Output, string Error);
