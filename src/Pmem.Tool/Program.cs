using System.CommandLine;
using Pmem.Tool.Btt;
using Pmem.Tool.Crash;
using Pmem.Tool.Health;
using Pmem.Tool.Images;
using Pmem.Tool.InfoBlocks;
using Pmem.Tool.Io;
using Pmem.Tool.Labels;
using Pmem.Tool.Nfit;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Dimms;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Platforms.Triage;
using Pmem.Tool.Pool;
using Pmem.Tool.Vm;

namespace Pmem.Tool;

/// <summary>The <c>pmem</c> command.</summary>
internal static class Program
{
    /// <summary>Everything was as wanted.</summary>
    public const int Success = 0;

    /// <summary>The tool worked, and what it looked at is not in order.</summary>
    public const int NotConsistent = 1;

    /// <summary>Wrong usage, or the file could not be read or written.</summary>
    public const int Failure = 2;

    public static int Main(string[] args)
    {
        if (Persona.Pmempool.IsInvoked)
            return Persona.Pmempool.Start(args);
        if (args is [Persona.Pmempool.Name, ..])
            return Persona.Pmempool.Start(args[1..]);
        if (Persona.Ndctl.NdctlProgram.IsInvoked)
            return Persona.Ndctl.NdctlProgram.Start(args);
        if (args is [Persona.Ndctl.NdctlProgram.Name, ..])
            return Persona.Ndctl.NdctlProgram.Start(args[1..]);
        RootCommand root = CreateCommand();
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
                Console.Error.WriteLine($"pmem: {FailureText.Of(error)}");
            Console.Error.WriteLine($"Try '{Path(parsed.CommandResult)} --help'.");
            return Failure;
        }

        if (MistypedOption.Find(parsed, args) is { } unknown)
        {
            Console.Error.WriteLine($"pmem: {unknown}: see '{Path(parsed.CommandResult)} --help'");
            return Failure;
        }

        if (EmptyValue.Find(parsed) is { } empty)
        {
            Console.Error.WriteLine($"pmem: {empty}");
            return Failure;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,

                // A verb that takes signals ends in order, however long it writes back what a guest changed.
                ProcessTerminationTimeout = Timeout.InfiniteTimeSpan,
            });
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException or ArgumentException or OperationCanceledException)
        {
            Console.Error.WriteLine($"pmem: {FailureText.Of(e)}");
            return Failure;
        }
        catch (Exception e)
        {
            // A mistake of ours: still one sentence, and no stack trace.
            Console.Error.WriteLine($"pmem: internal error, please report it: {e.GetType().Name}: {FailureText.FirstLine(e.Message)}");
            return Failure;
        }
    }

    internal static RootCommand CreateCommand() =>
        new("Program, manage and prove persistent memory.\n\nExit codes: 0 all is well, 1 what was looked at is not in order, 2 wrong usage or an I/O error.")
        {
            PoolCommand.Create(),
            CrashCommand.Create(),
            NfitCommand.Create(),
            LabelsCommand.Create(),
            PlatformCommand.Create(),
            NamespaceCommand.Create(),
            TranslateCommand.Create(),
            RegionCommand.Create(),
            DimmCommand.Create(),
            ListCommand.Create(),
            ExplainCommand.Create(),
            CaptureCommand.Create(),
            SmartCommand.Create(),
            ScrubCommand.Create(),
            InjectErrorCommand.Create(),
            InjectSmartCommand.Create(),
            MonitorCommand.Create(),
            InfoBlockCommand.Create(),
            BttCommand.Create(),
            ImageCommand.Create(),
            IoCommand.Create(),
            VmCommand.Create(),
        };

    private static string Path(System.CommandLine.Parsing.CommandResult command)
    {
        string name = command.Command is RootCommand ? "pmem" : command.Command.Name;
        return command.Parent is System.CommandLine.Parsing.CommandResult parent ? $"{Path(parent)} {name}" : name;
    }
}
