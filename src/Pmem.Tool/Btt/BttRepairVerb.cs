using System.CommandLine;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Btt;

/// <summary><c>pmem btt repair</c>.</summary>
internal static class BttRepairVerb
{
    public static Command Create()
    {
        Argument<string> file = BttFile.FileArgument();
        Option<string?> offset = BttFile.OffsetOption();
        Option<string?> size = BttFile.SizeOption();
        var loss = new Option<bool>("--accept-loss") { Description = "Also mend what marks blocks as bad, because their place is doubtful, and make lost info blocks anew." };
        var variant = new Option<string?>("--variant") { Description = "pmdk-1.1, linux-1.1 or uefi-2.0, when no info block tells it." };
        var sector = new Option<string?>("--sector-size") { Description = "Bytes of a block, when no info block tells it." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("repair", """
            Restore info blocks from their copies, complete interrupted writes and, if loss is accepted, mend map and flog.
            Nobody may have the file open. A repair that was interrupted is finished by doing it again.

            Exit codes: 0 consistent now, 1 problems remain, 2 the file could not be read or written.

            Example: pmem btt repair namespace.img --backup namespace.before
            """) { file, offset, size, loss, variant, sector, json };
        var change = ChangeOptions.Add(command, "the file");
        command.SetAction((parsed, cancellation) =>
        {
            var window = BttFile.Of(parsed.GetValue(file)!, parsed.GetValue(offset), parsed.GetValue(size));
            if (window.IsPool)
                return Task.FromResult(PoolCommand.Fail($"{window.Path} is a block pool: repair it with 'pmem pool repair'"));
            long blockSize = 0;
            if (parsed.GetValue(sector) is { } text && (!ByteSize.TryParse(text, out blockSize) || blockSize is < 1 or > BttLayout.MaximumBlockSize))
                return Task.FromResult(PoolCommand.Fail($"'{text}' is not a block size; write a number such as 512 or 4KiB"));
            var known = new BttCheckOptions { Format = ParseVariant(parsed.GetValue(variant)), BlockSize = (int)blockSize, Cancellation = cancellation };
            var how = new PoolRepairOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, window.Path), Cancellation = cancellation };
            return Task.FromResult(Run(window, known, parsed.GetValue(loss), how, parsed.GetValue(json)));
        });
        return command;
    }

    private static BttFormat? ParseVariant(string? text) => text switch
    {
        null => null,
        "pmdk-1.1" => BttFormat.Pmdk,
        "linux-1.1" => BttFormat.Linux11,
        "uefi-2.0" => BttFormat.Uefi20,
        _ => throw new PmemException($"'{text}' is no variant: write pmdk-1.1, linux-1.1 or uefi-2.0"),
    };

    private static int Run(BttFile file, BttCheckOptions known, bool acceptLoss, PoolRepairOptions how, bool json)
    {
        using var progress = new ProgressLine();
        using IDisposable? held = how.DryRun ? null : PlatformFile.ToChange(file.Path);
        using PersistentMap map = RepairFile.Open(file.Path, how with { Progress = progress }, "repair");
        BttRepairResult result = BttRepair.Repair(map, file.Offset, file.LengthIn(map), new BttRepairOptions { Known = known with { Progress = progress }, AcceptLoss = acceptLoss });
        PoolBackup.Finish(how.BackupPath);
        progress.Dispose();
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", file.Path);
                writer.WriteBoolean("dryRun", how.DryRun);
                writer.WriteBoolean("consistent", result.After.IsConsistent);
                writer.WriteStartArray("actions");
                foreach (string action in result.Actions)
                    writer.WriteStringValue(action);
                writer.WriteEndArray();
                BttJson.WriteFindings(writer, result.After);
                writer.WriteEndObject();
            });
        }
        else
        {
            foreach (string action in result.Actions)
                Console.WriteLine($"{(how.DryRun ? "would be done: " : string.Empty)}{action}");
            BttJson.WriteObstacles(result.After);
            Console.WriteLine($"{file.Path}: {(result.After.IsConsistent ? "consistent" : "not consistent")}{(how.DryRun ? " then (dry run: nothing was changed)" : string.Empty)}");
        }

        return result.After.IsConsistent ? Program.Success : Program.NotConsistent;
    }
}
