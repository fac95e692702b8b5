using System.Diagnostics;
using System.Globalization;

namespace Pmem.Bench;

/// <summary>PMDK's side: a co-process made from peers/*.c.</summary>
internal sealed class TheirSide : IDisposable
{
    private readonly Process _process;

    private TheirSide(Process process) => _process = process;

    /// <summary>Compiles and starts it; null, with the reason, when gcc or PMDK are missing.</summary>
    public static TheirSide? TryStart(string folder, out string reason)
    {
        string program = Path.Combine(folder, "bench-c");
        string[] sources = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "peers"), "*.c");
        try
        {
            using Process gcc = Process.Start(new ProcessStartInfo("gcc", ["-O2", "-o", program, .. sources, "-lpmemobj", "-lpmemlog", "-lpmemblk", "-lpmem", "-lpthread"]) { RedirectStandardError = true, UseShellExecute = false })!;
            reason = gcc.StandardError.ReadToEnd();
            gcc.WaitForExit();
            if (gcc.ExitCode != 0)
                return null;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            reason = e.Message;
            return null;
        }

        var start = new ProcessStartInfo(program, [folder]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        return new TheirSide(Process.Start(start)!);
    }

    /// <summary>Runs one repetition; returns nanoseconds.</summary>
    public double Run(Case item)
    {
        // C's side of the bare flush is its ordinary one.
        string name = item.Name == "persist-bare" ? "persist" : item.Name == "tx-snapshots-batched" ? "tx-snapshots" : item.Name;
        _process.StandardInput.WriteLine($"{name} {item.Parameter} {item.Count}");
        _process.StandardInput.Flush();
        string line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the C side ended; its error is above");
        return double.Parse(line, CultureInfo.InvariantCulture);
    }

    /// <summary>Runs on these processors from now on, and so do threads that it starts.</summary>
    public void RunOn(nint processors) => Processors.Set(_process, processors);

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
