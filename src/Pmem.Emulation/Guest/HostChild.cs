using System.Diagnostics;

namespace Pmem.Emulation.Guest;

/// <summary>
/// A program that the kernel kills when this process ends, even by SIGKILL: a guest that went on would write into memory that the next command writes back already.
/// </summary>
/// <remarks>
/// The kernel takes the thread that started a program for its parent (prctl(2), PR_SET_PDEATHSIG). Threads of the pool end when they are idle, so each program has a thread
/// of its own that waits until it is disposed.
/// </remarks>
internal sealed class HostChild : IDisposable
{
    private static readonly Lazy<string?> s_setpriv = new(FindSetpriv);

    private readonly ManualResetEventSlim _end = new();
    private readonly TaskCompletionSource<Process> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;

    private HostChild(ProcessStartInfo start)
    {
        _thread = new Thread(() => Run(start)) { IsBackground = true, Name = "parent of a guest" };
        _thread.Start();
        Process = _started.Task.GetAwaiter().GetResult();
    }

    /// <summary>The program.</summary>
    public Process Process { get; }

    /// <summary>Starts a program whose arguments are a list; without a setpriv that can do it, it may outlive this process.</summary>
    public static HostChild Start(ProcessStartInfo start)
    {
        if (s_setpriv.Value is { } setpriv)
        {
            // setpriv becomes the program: the id of the process stays.
            foreach ((int at, string argument) in new[] { "--pdeathsig", "KILL", "--", start.FileName }.Index())
                start.ArgumentList.Insert(at, argument);
            start.FileName = setpriv;
        }

        return new HostChild(start);
    }

    /// <summary>Lets go of the program, which must have ended.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
        Process.Dispose();
    }

    private void Run(ProcessStartInfo start)
    {
        try
        {
            _started.SetResult(Process.Start(start)!);
        }
        catch (Exception e)
        {
            // Whoever started it is told.
            _started.SetException(e);
            return;
        }

        _end.Wait();
    }

    // That of busybox and old ones of util-linux lack the option.
    private static string? FindSetpriv()
    {
        try
        {
            string? path = HostProgram.Find("setpriv");
            if (path is not null)
                HostProgram.Run(path, ["--pdeathsig", "KILL", "--", "true"]);
            return path;
        }
        catch (Exception e) when (e is PmemException or IOException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
