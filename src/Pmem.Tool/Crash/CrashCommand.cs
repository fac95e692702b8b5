using System.CommandLine;
using Pmem.CrashTesting;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash</c>: what crashes leave of a program's data.</summary>
internal static class CrashCommand
{
    public static Command Create() =>
        new("crash", """
            Record what a program stores, and try the memory images that a crash can leave of it.

            Examples:
              pmem crash record -o bank.pmtrace -- dotnet Bank.dll accounts.pool
              pmem crash lint bank.pmtrace
              pmem crash explore bank.pmtrace --check-pool
              pmem crash explore bank.pmtrace --check 'dotnet Bank.dll verify {image}' --html bank.html
              pmem crash replay bank.pmtrace p17,0=1 --out failing.img
              pmem crash export bank.pmtrace --format pmemcheck -o bank.log
              pmem crash import store.log -o store.pmtrace
            """)
        {
            RecordVerb.Create(),
            ExploreVerb.Create(),
            ReplayVerb.Create(),
            LintVerb.Create(),
            ExportVerb.Create(),
            ImportVerb.Create(),
        };

    public static Argument<string> TraceArgument() => new("TRACE") { Description = "The trace file." };

    public static Option<bool> JsonOption() => PoolCommand.JsonOption();

    public static Option<string?> CheckOption() => new("--check")
    {
        Description = "A command of the shell that recovers an image and judges it; {image} stands for the file. Exit code 0 means that it is good.",
    };

    public static Option<bool> CheckPoolOption() => new("--check-pool") { Description = "Open the image as the pool that it is, let it recover, and check every structure." };

    public static Option<double> TimeoutOption() => new("--timeout") { Description = "Seconds that a check may take.", DefaultValueFactory = _ => 30 };

    /// <summary>Reads a trace; a failure names the file.</summary>
    public static Trace Load(string path)
    {
        try
        {
            return Trace.Load(path);
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{path}: {problem.Message}", problem);
        }
    }

    /// <summary>The check that the options ask for; null when they ask for none.</summary>
    public static ImageCheck? CheckOf(string? command, bool pool, double timeout, CancellationToken cancellation)
    {
        if (timeout is not (> 0 and < 1e6))
            throw new PmemException("--timeout takes a number of seconds");
        if (command is not null && pool)
            throw new PmemException("--check and --check-pool exclude each other");
        if (command is not null && !command.Contains(ImageCheck.Placeholder, StringComparison.Ordinal))
            throw new PmemException($"--check needs {ImageCheck.Placeholder} where the image's path belongs, such as --check 'myapp verify {ImageCheck.Placeholder}'");
        return command is not null ? new CommandCheck(command, TimeSpan.FromSeconds(timeout), cancellation) : pool ? new PoolImageCheck() : null;
    }
}
