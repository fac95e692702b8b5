using System.CommandLine;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool recover</c>.</summary>
internal static class RecoverVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("recover", """
            Open a pool, finish or roll back what a crash interrupted, and close it cleanly. No process may have it open.

            Examples:
              pmem pool recover accounts.pool --dry-run
              pmem pool recover accounts.pool --backup accounts.crashed
            """) { file, json };
        var change = ChangeOptions.Add(command);
        command.SetAction((parsed, cancellation) =>
        {
            string path = parsed.GetValue(file)!;
            var options = new PoolRepairOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, path), Cancellation = cancellation };
            return Task.FromResult(Run(path, options, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string path, PoolRepairOptions options, bool json)
    {
        using var progress = new ProgressLine();
        options = options with { Progress = progress };
        PoolRecovery done = NamespacePath.Parse(path) is { } space ? space.Recover(options) : PoolFile.ReadHeader(path)?.Kind switch
        {
            PoolKind.Log => PersistentLog.Recover(path, options),
            PoolKind.Block => BlockPool.Recover(path, options),
            _ => PoolCommand.Named(path, () => ObjectStore.Recover(path, options)),
        };
        progress.Dispose();
        Tell(path, done, options.DryRun, json);
        return Program.Success;
    }

    private static void Tell(string path, PoolRecovery done, bool dryRun, bool json)
    {
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteBoolean("dryRun", dryRun);
                writer.WriteBoolean("wasDirty", done.WasDirty);
                writer.WriteNumber("operationsFinished", done.Operations);
                writer.WriteNumber("transactionsRolledBack", done.Transactions);
                writer.WriteEndObject();
            });
            return;
        }

        string would = dryRun ? " would be" : string.Empty;
        Console.WriteLine(
            $"{path}: {(done.WasDirty ? "was not closed" : "was closed properly")}; {done.Operations} operation(s){would} finished, {done.Transactions} transaction(s){would} rolled back{(dryRun ? " (dry run: nothing was changed)" : string.Empty)}");
    }
}
