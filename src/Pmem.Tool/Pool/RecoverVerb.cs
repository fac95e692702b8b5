using System.CommandLine;
using Pmem.Blocks;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool recover</c>.</summary>
internal static class RecoverVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("recover", "Open an object or block pool, finish or roll back what a crash interrupted, and close it cleanly.\n\nExample: pmem pool recover accounts.pool") { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        if (NamespacePath.Parse(path) is { } space)
        {
            (bool dirty, long operations, long transactions) = space.Recover();
            Tell(path, dirty, operations, transactions, json);
            return Program.Success;
        }

        PoolHeader? header = PoolFile.ReadHeader(path);
        bool wasDirty = header is { } known && known.ShutdownState.Dirty != 0;
        if (header?.Kind == PoolKind.Block)
        {
            using BlockPool pool = BlockPool.Open(path);
            Tell(path, wasDirty, pool.Table.RecoveredWrites + pool.Table.RestoredInfoBlocks, 0, json);
            return Program.Success;
        }

        using ObjectStore store = PoolCommand.Open(path);
        Tell(path, wasDirty, store.RecoveredOperations, store.RecoveredTransactions, json);
        return Program.Success;
    }

    private static void Tell(string path, bool wasDirty, long operations, long transactions, bool json)
    {
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteBoolean("wasDirty", wasDirty);
                writer.WriteNumber("operationsFinished", operations);
                writer.WriteNumber("transactionsRolledBack", transactions);
                writer.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine(
                $"{path}: {(wasDirty ? "was not closed" : "was closed properly")}; {operations} operation(s) finished, {transactions} transaction(s) rolled back");
        }
    }
}
