using System.CommandLine;
using Pmem.Blocks.Checking;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Btt;

/// <summary><c>pmem btt check</c>.</summary>
internal static class BttCheckVerb
{
    public static Command Create()
    {
        Argument<string> file = BttFile.FileArgument();
        Option<string?> offset = BttFile.OffsetOption();
        Option<string?> size = BttFile.SizeOption();
        Option<string?> space = BttFile.NamespaceOption();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("check", """
            Check info blocks and their copies, the geometry, every map entry and the flog. Never changes a byte.

            Exit codes: 0 consistent (interrupted writes may be pending), 1 not consistent, 2 the file cannot be read.

            Examples:
              pmem btt check disk.img --offset 1MiB --size 64MiB
              pmem btt check vm1.capture --namespace namespace0.1
            """) { file, offset, size, space, json };
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(BttFile.ToRead(parsed.GetValue(file)!, parsed.GetValue(offset), parsed.GetValue(size), parsed.GetValue(space)), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(BttFile file, bool json, CancellationToken cancellation)
    {
        using PersistentMap map = file.OpenToRead();
        using var progress = new ProgressLine();
        BttCheckResult result = file.Check(map, new PoolCheckOptions { Progress = progress, Cancellation = cancellation });
        progress.Dispose();
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", file.Path);
                writer.WriteBoolean("consistent", result.IsConsistent);
                writer.WriteString("variant", BttFile.VariantName(result.Format));
                writer.WriteBoolean("laidOut", result.IsLaidOut);
                writer.WriteNumber("arenas", result.Arenas.Count);
                writer.WriteNumber("pendingWrites", result.PendingWrites);
                BttJson.WriteFindings(writer, result);
                writer.WriteEndObject();
            });
        }
        else
        {
            BttJson.WriteFindings(result);
            string layout = result.IsLaidOut || !result.IsConsistent ? string.Empty : ", not laid out yet: all blocks are zero";
            long errors = result.Findings.Count(finding => finding.Severity == BttSeverity.Error) + result.Unlisted;
            Console.WriteLine(result.IsConsistent ? $"{file.Path}: consistent ({BttFile.VariantName(result.Format)}, {result.Arenas.Count} arena(s)){layout}" : $"{file.Path}: not consistent, {errors} problem(s)");
            if (result.PendingWrites > 0)
                Console.WriteLine($"{result.PendingWrites} interrupted write(s) will be completed by the next program that opens it for writing.");
        }

        return result.IsConsistent ? Program.Success : Program.NotConsistent;
    }
}
