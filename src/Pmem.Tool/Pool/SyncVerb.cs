using System.CommandLine;
using Pmem.Pools;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool sync</c>.</summary>
internal static class SyncVerb
{
    public static Command Create()
    {
        var file = new Argument<string>("SET") { Description = "The pool set file that the pool was created with." };
        var badBlocks = new Option<bool>("--bad-blocks", "-b") { Description = "Also mend bad blocks from replicas in which they are good, or finish a run that did." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("sync", """
            Rebuild the missing and broken parts of an object pool's set from a healthy replica. No process may have the pool open.
            A run that was interrupted is finished by doing it again.

            Exit codes: 0 all parts are healthy now, 1 a dry run found broken parts, 2 it cannot be done.

            Examples:
              pmem pool sync accounts.set --dry-run
              pmem pool sync accounts.set --backup before-sync
            """) { file, badBlocks, json };
        var change = ChangeOptions.Add(command, "the set as it is", backupLetter: false, peerLetter: true);
        command.SetAction((parsed, cancellation) =>
        {
            var options = new PoolSyncOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, parsed.GetValue(file)!), FixBadBlocks = parsed.GetValue(badBlocks), Cancellation = cancellation };
            return Task.FromResult(Run(parsed.GetValue(file)!, options, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string path, PoolSyncOptions options, bool json)
    {
        NamespacePath.Refuse(path, _ => "a pool on it has no replicas to rebuild it from, so name a pool set file; 'pmem pool repair' mends what it can without replicas");
        using var progress = new ProgressLine();
        bool dryRun = options.DryRun;
        PoolSyncResult result = PoolSync.Run(path, options with { Progress = progress });
        progress.Dispose();
        if (json)
            WriteJson(path, result, dryRun);
        else
            WriteText(path, result, dryRun);
        return dryRun && result.Parts.Count + result.BadBlocks.Count > 0 ? Program.NotConsistent : Program.Success;
    }

    private static void WriteJson(string path, PoolSyncResult result, bool dryRun) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        writer.WriteBoolean("dryRun", dryRun);
        writer.WriteNumber("sourceReplica", result.Source);
        writer.WriteNumber("bytesCopied", result.BytesCopied);
        writer.WriteStartArray("brokenParts");
        foreach (BrokenPart part in result.Parts)
        {
            writer.WriteStartObject();
            writer.WriteNumber("replica", part.Replica);
            writer.WriteNumber("part", part.Part);
            writer.WriteString("path", part.Path);
            writer.WriteString("reason", part.Reason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("badBlocks");
        foreach (PartBadBlocks part in result.BadBlocks)
        {
            foreach (BadBlock block in part.Blocks)
            {
                writer.WriteStartObject();
                writer.WriteString("path", part.Path);
                writer.WriteNumber("offset", block.Offset);
                writer.WriteNumber("length", block.Length);
                writer.WriteEndObject();
            }
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteText(string path, PoolSyncResult result, bool dryRun)
    {
        foreach (PartBadBlocks part in result.BadBlocks)
        {
            foreach (BadBlock block in part.Blocks)
                Console.WriteLine($"{part.Path}: bad block at {block.Offset}, {block.Length} bytes: {(dryRun ? "would be mended" : "mended")}");
        }

        foreach (BrokenPart part in result.Parts)
            Console.WriteLine($"replica {part.Replica}, part {part.Part}: {part.Path}: {part.Reason}");
        Console.WriteLine(result.Parts.Count == 0
            ? $"{path}: all parts are healthy"
            : dryRun
                ? $"{path}: {result.Parts.Count} part(s) would be rebuilt from replica {result.Source} (dry run: nothing was changed)"
                : $"{path}: {result.Parts.Count} part(s) rebuilt from replica {result.Source}, {ByteSize.Format(result.BytesCopied)} copied");
    }
}
