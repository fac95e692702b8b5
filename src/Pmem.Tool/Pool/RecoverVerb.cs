using System.CommandLine;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool recover</c>.</summary>
internal static class RecoverVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("recover", "Open an object pool, finish or roll back what a crash interrupted, and close it cleanly.\n\nExample: pmem pool recover accounts.pool") { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        bool wasDirty = PoolFile.ReadHeader(path) is { } header && header.ShutdownState.Dirty != 0;
        using ObjectStore store = PoolCommand.Open(path);
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteBoolean("wasDirty", wasDirty);
                writer.WriteNumber("operationsFinished", store.RecoveredOperations);
                writer.WriteNumber("transactionsRolledBack", store.RecoveredTransactions);
                writer.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine(
                $"{path}: {(wasDirty ? "was not closed" : "was closed properly")}; {store.RecoveredOperations} operation(s) finished, {store.RecoveredTransactions} transaction(s) rolled back");
        }

        return Program.Success;
    }
}
