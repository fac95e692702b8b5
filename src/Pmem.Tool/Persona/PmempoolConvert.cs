using System.Diagnostics;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool convert</c>: hands over to the program <c>pmdk-convert</c>, as pmempool does, and says so when it is not installed.</summary>
internal static class PmempoolConvert
{
    private const string Program = "pmdk-convert";

    public static int Run(Terminal terminal, string[] arguments)
    {
        string? path = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, Program)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            terminal.Error.Write($"{Program} is not installed. Please install it.\n");
            return 1;
        }

        terminal.Out.Flush();
        using Process process = Process.Start(new ProcessStartInfo(path, arguments) { UseShellExecute = false })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
