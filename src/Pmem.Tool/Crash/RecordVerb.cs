using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Pmem.CrashTesting;
using Pmem.Tool.Pool;
using Trace = Pmem.CrashTesting.Trace;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash record</c>: runs a .NET program with tracing on, and a hook that writes what is traced.</summary>
internal static class RecordVerb
{
    private const string PathVariable = "PMEM_CRASH_RECORD";
    private const string HookVariable = "DOTNET_STARTUP_HOOKS";

    public static Command Create()
    {
        var output = new Option<string>("--output", "-o") { Description = "The trace file. Further maps of the program get FILE-2, FILE-3 and so on.", DefaultValueFactory = _ => "pmem.pmtrace" };
        var force = new Option<bool>("--force") { Description = "Replace trace files that are there." };
        Option<bool> json = CrashCommand.JsonOption();
        var program = new Argument<string[]>("COMMAND") { Description = "The program and its arguments, behind --.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("record", """
            Run a .NET program that uses Pmem, and write down everything it does to persistent memory: a trace file for each map it stores to. The
            program needs no change. Every event is in the file before the program goes on, so that the program may as well be killed.

            Exit codes: 0 recorded, 1 recorded, but the program ended with an error, 2 nothing was recorded.

            Examples:
              pmem crash record -- dotnet run --project Bank -- transfer
              pmem crash record -o bank.pmtrace --force -- ./Bank accounts.pool
            """) { output, force, json, program };
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(parsed.GetValue(output)!, parsed.GetValue(program)!, parsed.GetValue(force), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string output, string[] program, bool force, bool json, CancellationToken cancellation)
    {
        string path = Path.GetFullPath(output);
        Clear(path, force);
        int code = Execute(path, program, json, cancellation);
        string[] files = [.. Files(path)];
        if (files.Length == 0)
            throw new PmemException($"nothing was recorded: '{program[0]}' stored to no map of Pmem, or is no .NET program (exit code {code})");
        (string Path, Trace Trace)[] traces = [.. files.Select(f => (f, CrashCommand.Load(f)))];
        if (json)
            WriteJson(traces, code);
        else
            WriteText(traces, code);
        return code == 0 ? Program.Success : Program.NotConsistent;
    }

    private static void Clear(string path, bool force)
    {
        foreach (string file in Files(path).ToArray())
        {
            if (!force)
                throw new PmemException($"{file} exists: name another file, or replace it with --force");
            OutputFile.DemandForeign(file);
            File.Delete(file);
        }
    }

    private static IEnumerable<string> Files(string path)
    {
        for (int number = 1; ; number++)
        {
            string file = number == 1 ? path : Path.Combine(Path.GetDirectoryName(path)!, string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}"));
            if (!File.Exists(file))
                yield break;
            yield return file;
        }
    }

    private static int Execute(string path, string[] program, bool json, CancellationToken cancellation)
    {
        bool isLibrary = program[0].EndsWith(".dll", StringComparison.OrdinalIgnoreCase);
        var start = new ProcessStartInfo(isLibrary ? "dotnet" : program[0], isLibrary ? program : program[1..]) { UseShellExecute = false, RedirectStandardOutput = json };
        string hook = Path.Combine(AppContext.BaseDirectory, "Pmem.CrashTesting.dll");
        if (!File.Exists(hook))
            throw new PmemException($"{hook} is missing: install the tool again");
        string? others = Environment.GetEnvironmentVariable(HookVariable);
        start.Environment[HookVariable] = string.IsNullOrEmpty(others) ? hook : $"{hook}{Path.PathSeparator}{others}";
        start.Environment["PMEM_TRACING"] = "1";
        start.Environment[PathVariable] = path;
        try
        {
            using Process process = Process.Start(start)!;
            if (json)
            {
                // Standard output is for the result; what the program says goes beside it.
                process.OutputDataReceived += (_, line) => Console.Error.WriteLine(line.Data);
                process.BeginOutputReadLine();
            }

            using (cancellation.Register(() => process.Kill(entireProcessTree: true)))
                process.WaitForExit();
            return process.ExitCode;
        }
        catch (Win32Exception problem)
        {
            throw new PmemException($"'{start.FileName}' cannot be started: {problem.Message}", problem);
        }
    }

    private static void WriteText((string Path, Trace Trace)[] traces, int code)
    {
        foreach ((string path, Trace trace) in traces)
            Console.WriteLine($"{path}: {trace.Events.Count} events on {ByteSize.Format(trace.Initial.Length)}{(trace.IsComplete ? string.Empty : "; the program was killed, the trace goes as far as it did")}");
        if (code != 0)
            Console.WriteLine($"The program ended with exit code {code}.");
    }

    private static void WriteJson((string Path, Trace Trace)[] traces, int code) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("exitCode", code);
        writer.WriteStartArray("traces");
        foreach ((string path, Trace trace) in traces)
        {
            writer.WriteStartObject();
            writer.WriteString("path", path);
            writer.WriteNumber("events", trace.Events.Count);
            writer.WriteNumber("size", trace.Initial.Length);
            writer.WriteBoolean("complete", trace.IsComplete);
            writer.WriteString("fingerprint", $"{trace.Fingerprint:x16}");
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
