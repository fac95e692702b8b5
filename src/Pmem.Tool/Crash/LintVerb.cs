using System.CommandLine;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Linting;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary><c>pmem crash lint</c>.</summary>
internal static class LintVerb
{
    public static Command Create()
    {
        Argument<string> file = CrashCommand.TraceArgument();
        Option<bool> json = CrashCommand.JsonOption();
        var all = new Option<bool>("--all") { Description = "Show findings that the program accepts, too." };
        var command = new Command("lint", """
            Find in a trace, without trying any image, what is likely wrong: stores that are never flushed, flushes and fences that do nothing, commit
            words that come too early or can tear, stores that a transaction does not cover.

            Exit codes: 0 no finding of severity error, 1 at least one, 2 the trace cannot be read.

            Example: pmem crash lint bank.pmtrace
            """) { file, json, all };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(file)!;
            IReadOnlyList<LintFinding> findings = TraceLinter.Lint(CrashCommand.Load(path));
            if (parsed.GetValue(json))
                WriteJson(path, findings);
            else
                WriteText(path, findings, parsed.GetValue(all));
            return findings.Any(f => f.Accepted is null && f.Rule.Severity == LintSeverity.Error) ? Program.NotConsistent : Program.Success;
        });
        return command;
    }

    private static void WriteJson(string path, IReadOnlyList<LintFinding> findings) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("trace", path);
        CrashOutput.WriteFindings(writer, findings);
        writer.WriteEndObject();
    });

    private static void WriteText(string path, IReadOnlyList<LintFinding> findings, bool all)
    {
        LintFinding[] shown = [.. findings.Where(f => all || f.Accepted is null)];
        foreach (LintFinding finding in shown)
            Console.WriteLine($"{CrashOutput.Name(finding.Rule.Severity),-8} {finding}");
        int errors = findings.Count(f => f.Accepted is null && f.Rule.Severity == LintSeverity.Error);
        int accepted = findings.Count(f => f.Accepted is not null);
        string also = accepted > 0 ? $"; {accepted} accepted by the program" : string.Empty;
        Console.WriteLine(findings.Count == accepted ? $"{path}: no findings{also}" : $"{path}: {findings.Count - accepted} finding(s), {errors} of severity error{also}");
    }
}
