using System.Text.Json;
using Pmem.CrashTesting;
using Pmem.CrashTesting.Linting;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Crash;

/// <summary>What the verbs of <c>pmem crash</c> print.</summary>
internal static class CrashOutput
{
    public static void WriteText(string path, CrashReport report, int first, string? html)
    {
        if (!report.Trace.IsComplete)
            Console.WriteLine($"{path} was cut off: the program was killed. What it holds is explored.");
        if (first > 0)
            Console.WriteLine($"Crashes before event {first} are left out.");
        if (report.FailingImage is { } image)
        {
            Console.WriteLine(report.Failure);
            Console.WriteLine($"Replay:  pmem crash replay {path} {image.ToReplay()} --out failing.img");
        }
        else
        {
            Console.WriteLine($"{path}: every image that was tried is good.");
        }

        Console.WriteLine(report.Summary);
        int findings = report.Findings.Count(f => f.Accepted is null && f.Rule.Severity > LintSeverity.Information);
        if (findings > 0)
            Console.WriteLine($"{findings} finding(s) of lint rules: 'pmem crash lint {path}' shows them.");
        if (html is not null)
            Console.WriteLine($"Page:    {html}");
    }

    public static void WriteJson(string path, CrashReport report, int first) => JsonOutput.Write(writer =>
    {
        ExplorationResult result = report.Exploration;
        writer.WriteStartObject();
        writer.WriteString("trace", path);
        writer.WriteString("fingerprint", $"{report.Trace.Fingerprint:x16}");
        writer.WriteBoolean("complete", report.Trace.IsComplete);
        writer.WriteNumber("events", report.Trace.Events.Count);
        writer.WriteNumber("size", report.Trace.Initial.Length);
        writer.WriteNumber("from", first);
        writer.WriteNumber("points", result.Points);
        writer.WriteNumber("images", result.Images);
        writer.WriteNumber("duplicates", result.Duplicates);
        writer.WriteNumber("possible", double.IsFinite(result.LegalImages) ? result.LegalImages : double.MaxValue);
        writer.WriteBoolean("exhaustive", result.Exhaustive);
        writer.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 3));
        writer.WriteBoolean("good", report.FailingImage is null);
        if (report.FailingImage is { } image)
        {
            writer.WriteStartObject("failure");
            writer.WriteString("image", image.ToReplay());
            writer.WriteString("replay", report.ReplayLine);
            writer.WriteString("crash", image.Kind switch { CrashKind.ProcessKill => "processKill", CrashKind.PowerLoss => "powerLoss", _ => "powerLossWithoutAdr" });
            writer.WriteNumber("point", image.Point);
            writer.WriteString("message", report.Cause?.Message);
            writer.WriteString("advice", report.Advice);
            WriteEvents(writer, "lost", report, report.LostEvents);
            WriteEvents(writer, "early", report, report.EarlyEvents);
            writer.WriteEndObject();
        }

        WriteFindings(writer, report.Findings);
        writer.WriteEndObject();
    });

    /// <summary>The member <c>findings</c>.</summary>
    public static void WriteFindings(Utf8JsonWriter writer, IReadOnlyList<LintFinding> findings)
    {
        writer.WriteStartArray("findings");
        foreach (LintFinding finding in findings)
        {
            writer.WriteStartObject();
            writer.WriteString("rule", finding.Rule.Id);
            writer.WriteString("severity", Name(finding.Rule.Severity));
            writer.WriteString("title", finding.Rule.Title);
            writer.WriteString("detail", finding.Detail);
            writer.WriteString("remedy", finding.Rule.Remedy);
            writer.WriteNumber("event", finding.EventIndex);
            writer.WriteNumber("offset", finding.Offset);
            writer.WriteNumber("length", finding.Length);
            writer.WriteNumber("count", finding.Count);
            if (finding.Source?.User is { } frame)
                writer.WriteString("source", frame.ToString());
            if (finding.Accepted is not null)
                writer.WriteString("accepted", finding.Accepted);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    public static string Name(LintSeverity severity) => severity switch
    {
        LintSeverity.Error => "error",
        LintSeverity.Warning => "warning",
        _ => "info",
    };

    private static void WriteEvents(Utf8JsonWriter writer, string name, CrashReport report, IReadOnlyList<int> events)
    {
        writer.WriteStartArray(name);
        foreach (int index in events)
        {
            writer.WriteStartObject();
            writer.WriteNumber("event", index);
            writer.WriteString("what", (report.Trace.Events[index] with { Source = null }).ToString());
            if (report.Trace.Events[index].Source?.User is { } frame)
                writer.WriteString("source", frame.ToString());
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
