using System.Text.Json;
using Pmem.Platform;

namespace Pmem.Tool;

/// <summary>Findings of the lints of tables, label areas and info blocks, as several verbs print them.</summary>
internal static class LintOutput
{
    public static void WriteJson(Utf8JsonWriter writer, IReadOnlyList<LintFinding> findings)
    {
        writer.WritePropertyName("findings");
        WriteArray(writer, findings);
    }

    public static void WriteArray(Utf8JsonWriter writer, IReadOnlyList<LintFinding> findings)
    {
        writer.WriteStartArray();
        foreach (LintFinding finding in findings)
        {
            writer.WriteStartObject();
            writer.WriteString("rule", finding.Rule);
            writer.WriteString("severity", Name(finding.Severity));
            writer.WriteNumber("offset", finding.Offset);
            writer.WriteString("message", finding.Message);
            writer.WriteString("effect", finding.Effect);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    public static void WriteText(IEnumerable<LintFinding> findings)
    {
        foreach (LintFinding finding in findings)
            Console.WriteLine($"0x{finding.Offset:x}: {Name(finding.Severity)}: {finding.Message} [{finding.Rule}]: {finding.Effect}");
    }

    public static string Name(LintSeverity severity) => severity.ToString().ToLowerInvariant();
}
