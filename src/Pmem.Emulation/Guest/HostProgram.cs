using System.Diagnostics;

namespace Pmem.Emulation.Guest;

/// <summary>Programs of the host: where they are, what package has them, what they say.</summary>
internal static class HostProgram
{
    private static readonly Dictionary<string, string> s_packages = new(StringComparer.Ordinal)
    {
        ["qemu-system-x86_64"] = "qemu-system-x86",
        ["busybox"] = "busybox-static",
        ["ndctl"] = "ndctl",
        ["daxctl"] = "daxctl",
        ["mkfs.ext4"] = "e2fsprogs",
        ["xz"] = "xz-utils",
        ["zstd"] = "zstd",
        ["dpkg-deb"] = "dpkg",
        ["apt-get"] = "apt",
        ["apt-cache"] = "apt",
        ["ldd"] = "libc-bin",
    };

    /// <summary>Path of an installed program, or null. Folders of the administrator's programs are looked at too.</summary>
    public static string? Find(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return File.Exists(name) ? name : null;
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Concat(["/usr/sbin", "/sbin"])
            .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>Path of a program that is needed.</summary>
    /// <exception cref="PmemException">It is not installed; the message names the package.</exception>
    public static string Demand(string name) =>
        Find(name) ?? throw new PmemException($"{name} is not installed: get it with 'apt-get install {s_packages.GetValueOrDefault(name, name)}' (Debian, Ubuntu), or the package of your distribution that has it");

    /// <summary>Runs a program to its end and returns what it wrote to its standard output.</summary>
    /// <exception cref="PmemException">It failed and was not allowed to.</exception>
    public static byte[] Run(string name, IReadOnlyList<string> arguments, bool mayFail = false, string? folder = null)
    {
        var start = new ProcessStartInfo(Demand(name), arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder ?? string.Empty };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = Task.Run(process.StandardError.ReadToEnd);
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        string said = error.GetAwaiter().GetResult();
        if (process.ExitCode != 0 && !mayFail)
            throw new PmemException($"{name} {string.Join(' ', arguments)} failed: {said.Trim()}");
        return output.ToArray();
    }
}
