using System.CommandLine;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Traces;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash export</c>.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        Argument<string> file = CrashCommand.TraceArgument();
        var format = new Option<string>("--format") { Description = "pmemcheck: a store log as pmreorder reads it. json: one object a line.", DefaultValueFactory = _ => "pmemcheck" };
        format.AcceptOnlyFromAmong("pmemcheck", "json");
        var output = new Option<string?>("--output", "-o") { Description = "The file; standard output without it." };
        var image = new Option<string?>("--initial") { Description = "Also write what the memory held when the recording began; the log then names this file." };
        Option<bool> force = OutputFile.ForceOption();
        var command = new Command("export", """
            Write a trace in another format.

            A pmemcheck log knows no threads and no non-temporal stores: these become stores and flushes, and any fence completes all flushes.

            Examples:
              pmem crash export bank.pmtrace --format json | grep '"store"'
              pmem crash export bank.pmtrace -o bank.log --initial bank.img
            """) { file, format, output, image, force };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(format)!, parsed.GetValue(output), parsed.GetValue(image), parsed.GetValue(force)));
        return command;
    }

    private static int Run(string path, string format, string? output, string? image, bool force)
    {
        foreach (string? made in (string?[])[output, image])
        {
            if (made is not null)
                OutputFile.Demand(made, force, path);
        }

        Trace trace = CrashCommand.Load(path);
        if (image is not null)
            OutputFile.Write(image, trace.Initial, force, path);
        if (output is not null)
        {
            OutputFile.Replace(output, stream => Write(trace, format, path, image, stream));
            return Program.Success;
        }

        using Stream stream = Console.OpenStandardOutput();
        Write(trace, format, path, image, stream);
        return Program.Success;
    }

    private static void Write(Trace trace, string format, string path, string? image, Stream stream)
    {
        if (format == "json")
        {
            using var buffered = new BufferedStream(stream, 1 << 16);
            TraceJsonLines.Write(trace, buffered);
        }
        else
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            PmemcheckLog.Export(trace, writer, Path.GetFullPath(image ?? Path.ChangeExtension(path, ".img")));
        }
    }
}
