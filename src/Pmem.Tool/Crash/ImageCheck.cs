using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Pmem.Blocks;
using Pmem.CrashTesting;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary>Recovers an image and judges it; throws when it is not good. Thread-safe.</summary>
internal abstract class ImageCheck : IDisposable
{
    /// <summary>Stands for the image's path.</summary>
    public const string Placeholder = "{image}";

    public abstract void Judge(CrashState state);

    public abstract void Dispose();
}

/// <summary>What a check found wrong.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);

/// <summary>Opens the image as a pool, which recovers it, and checks every structure.</summary>
internal sealed class PoolImageCheck : ImageCheck
{
    public override void Dispose()
    {
        // It keeps nothing.
    }

    public override void Judge(CrashState state)
    {
        ReadOnlySpan<byte> signature = state.Image[..Math.Min(8, state.Image.Length)];
        if (signature.SequenceEqual("PMEMBLK\0"u8))
        {
            using var blocks = BlockPool.Open(state.Map);
            return;
        }

        if (signature.SequenceEqual("PMEMLOG\0"u8))
            Demand(PersistentLog.Check(state.Map).Problems);
        else
            Demand([.. ObjectStore.Check(state.Map).Problems.Select(p => new PoolProblem(p.Offset, p.What, p.Expected, p.Found))]);
    }

    private static void Demand(IReadOnlyList<PoolProblem> problems)
    {
        if (problems.Count > 0)
            throw new CheckFailedException($"the pool is not consistent: {CheckVerb.Describe(problems[0])}");
    }
}

/// <summary>Runs a command of the shell on the image in a file.</summary>
internal sealed class CommandCheck : ImageCheck
{
    private const int Page = 4096;
    private const int MaximumOutput = 4000;

    private readonly string _command;
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _cancellation;
    private readonly string _folder;
    private readonly ConcurrentBag<string> _free = [];
    private int _files;

    public CommandCheck(string command, TimeSpan timeout, CancellationToken cancellation)
    {
        _command = command;
        _timeout = timeout;
        _cancellation = cancellation;
        _folder = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-crash-{Guid.NewGuid():n}")).FullName;
    }

    public override void Judge(CrashState state)
    {
        if (!_free.TryTake(out string? path))
            path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"image{Interlocked.Increment(ref _files)}"));
        try
        {
            Write(path, state.Image);
            Run(path);
        }
        finally
        {
            _free.Add(path);
        }
    }

    public override void Dispose()
    {
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // A command that was killed may still hold a file; the folder is in memory or for the system to clean.
        }
    }

    // Pages of zeroes stay holes: images are mostly empty.
    private static void Write(string path, ReadOnlySpan<byte> image)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.SetLength(image.Length);
        for (int at = 0; at < image.Length; at += Page)
        {
            ReadOnlySpan<byte> page = image.Slice(at, Math.Min(Page, image.Length - at));
            if (!page.ContainsAnyExcept((byte)0))
                continue;
            file.Position = at;
            file.Write(page);
        }
    }

    private void Run(string path)
    {
        _cancellation.ThrowIfCancellationRequested();
        string command = _command.Replace(Placeholder, path, StringComparison.Ordinal);
        ProcessStartInfo start = OperatingSystem.IsWindows() ? new ProcessStartInfo("cmd.exe", ["/c", command]) : new ProcessStartInfo("/bin/sh", ["-c", command]);
        start.UseShellExecute = false;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = new Process { StartInfo = start };
        var output = new StringBuilder();
        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (output)
            {
                if (line.Data is not null && output.Length < MaximumOutput)
                    output.Append(line.Data).Append('\n');
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using (_cancellation.Register(() => Kill(process)))
        {
            if (!process.WaitForExit(_timeout))
            {
                Kill(process);
                throw new TimeoutException($"the check did not end within {_timeout.TotalSeconds:0.#} seconds");
            }
        }

        _cancellation.ThrowIfCancellationRequested();
        process.WaitForExit(); // the rest of its output
        if (process.ExitCode == 0)
            return;
        string last;
        lock (output)
            last = output.ToString().Trim().Split('\n')[^1].Trim();
        throw new CheckFailedException($"the check ended with exit code {process.ExitCode}{(last.Length > 0 ? $": {last}" : string.Empty)}");
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended by itself.
        }
    }
}
