using System.Text.Json;
using Pmem.Blocks.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Btt;

/// <summary>The members that several verbs write about tables.</summary>
internal static class BttJson
{
    public static void WriteFindings(Utf8JsonWriter writer, BttCheckResult result)
    {
        writer.WriteStartArray("findings");
        foreach (BttFinding finding in result.Findings)
        {
            writer.WriteStartObject();
            writer.WriteString("rule", finding.Rule);
            writer.WriteString("severity", finding.Severity == BttSeverity.Error ? "error" : "note");
            writer.WriteNumber("arena", finding.Arena);
            writer.WriteNumber("offset", finding.Offset);
            writer.WriteString("what", finding.What);
            writer.WriteString("expected", finding.Expected);
            writer.WriteString("found", finding.Found);
            writer.WriteString("message", finding.Message);
            writer.WriteString("remedy", finding.Remedy switch
            {
                BttRemedy.Safe => "safe",
                BttRemedy.LosesBlocks => "loses blocks",
                _ => "none",
            });
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("unlisted", result.Unlisted);
    }

    public static void WriteFindings(BttCheckResult result)
    {
        foreach (BttFinding finding in result.Findings)
            Console.WriteLine($"{(finding.Severity == BttSeverity.Error ? string.Empty : "note: ")}{finding}");
        if (result.Unlisted > 0)
            Console.WriteLine($"and {result.Unlisted} more of the same kinds");
    }

    /// <summary>What a repair left, and why.</summary>
    public static void WriteObstacles(BttCheckResult after)
    {
        foreach (BttFinding finding in after.Findings.Where(finding => finding.Severity == BttSeverity.Error))
            Console.WriteLine($"{finding}\n    not mended: {BttRepair.ObstacleOf(finding)}");
    }

    /// <summary>What <c>pool info</c> tells of a block pool.</summary>
    public static void WriteBlocks(Utf8JsonWriter writer, PoolSummary summary)
    {
        writer.WriteStartObject("blocks");
        writer.WriteNumber("size", summary.BlockSize!.Value);
        writer.WriteNumber("count", summary.BlockCount);
        writer.WriteNumber("arenas", summary.Arenas.Count);
        writer.WriteNumber("normal", summary.Arenas.Sum(arena => arena.Normal));
        writer.WriteNumber("zero", summary.Arenas.Sum(arena => arena.Zero));
        writer.WriteNumber("bad", summary.Arenas.Sum(arena => arena.Bad));
        writer.WriteEndObject();
    }
}
