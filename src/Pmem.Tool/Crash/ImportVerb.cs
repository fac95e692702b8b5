using System.CommandLine;
using Pmem.CrashTesting.Linting;
using Pmem.CrashTesting.Traces;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash import</c>.</summary>
internal static class ImportVerb
{
    public static Command Create()
    {
        var log = new Argument<string>("LOG") { Description = "The store log." };
        var output = new Option<string>("--output", "-o") { Description = "The trace file.", Required = true };
        var initial = new Option<string?>("--initial") { Description = "What the file held when the log began; zeroes without it." };
        var file = new Option<string?>("--file") { Description = "The registered file that the trace is to be about, by the end of its path; the first without it." };
        Option<bool> force = OutputFile.ForceOption();
        Option<bool> json = CrashCommand.JsonOption();
        var command = new Command("import", """
            Make a trace of a store log that pmemcheck wrote (valgrind --tool=pmemcheck --log-stores=yes --log-file=store.log).

            Exit codes: 0 made, 2 it is no store log, or cannot be read or written.

            Example: pmem crash import store.log -o store.pmtrace --initial before.pool
            """) { log, output, initial, file, force, json };
        command.SetAction(parsed => Run(parsed.GetValue(log)!, parsed.GetValue(output)!, parsed.GetValue(initial), parsed.GetValue(file), parsed.GetValue(force), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string log, string output, string? initial, string? file, bool force, bool json)
    {
        OutputFile.Demand(output, force, log, initial);
        var options = new PmemcheckImportOptions { File = file, Initial = initial is null ? default : File.ReadAllBytes(initial) };
        PmemcheckImport import;
        try
        {
            using var reader = new StreamReader(log);
            import = PmemcheckLog.Import(reader, options);
        }
        catch (PmemFormatException problem)
        {
            throw new PmemException($"{log}: {problem.Message}", problem);
        }

        import.Trace.Save(output);
        if (json)
            WriteJson(output, import);
        else
            WriteText(output, import);
        return Program.Success;
    }

    private static void WriteText(string output, PmemcheckImport import)
    {
        foreach (LintFinding finding in import.Findings)
            Console.WriteLine($"{CrashOutput.Name(finding.Rule.Severity),-8} {finding}");
        if (import.OtherFiles.Count > 0)
            Console.WriteLine($"Left out: {string.Join(", ", import.OtherFiles)}; --file chooses.");
        if (import.IgnoredStores > 0)
            Console.WriteLine($"{import.IgnoredStores} store(s) to other memory were left out.");
        Console.WriteLine($"{output}: {import.Trace.Events.Count} events on {import.File}, {ByteSize.Format(import.Trace.Initial.Length)}{(import.Trace.IsComplete ? string.Empty : "; the log was cut off")}");
    }

    private static void WriteJson(string output, PmemcheckImport import) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("trace", output);
        writer.WriteString("file", import.File);
        writer.WriteNumber("events", import.Trace.Events.Count);
        writer.WriteNumber("size", import.Trace.Initial.Length);
        writer.WriteBoolean("complete", import.Trace.IsComplete);
        writer.WriteNumber("ignoredStores", import.IgnoredStores);
        writer.WriteStartArray("otherFiles");
        foreach (string other in import.OtherFiles)
            writer.WriteStringValue(other);
        writer.WriteEndArray();
        CrashOutput.WriteFindings(writer, import.Findings);
        writer.WriteEndObject();
    });
}
