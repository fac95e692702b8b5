using System.CommandLine;
using System.Text.Json;
using Pmem.Objects;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool objects</c>.</summary>
internal static class ObjectsVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("objects", "List every allocated object of an object pool, in heap order. Never changes a byte of the file.\n\nExample: pmem pool objects accounts.pool --json") { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    /// <summary>The members of an object.</summary>
    public static void WriteMembers(Utf8JsonWriter writer, ObjectStore store, StoreObject item)
    {
        writer.WriteNumber("offset", item.Offset);
        writer.WriteNumber("usableSize", item.UsableSize);
        writer.WriteNumber("typeNumber", item.TypeNumber);
        writer.WriteBoolean("internal", item.IsInternal);
        writer.WriteBoolean("root", item.Offset == store.RootOffset);
    }

    private static int Run(string path, bool json)
    {
        using ObjectStore store = PoolCommand.OpenToRead(path);
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartArray();
                foreach (StoreObject item in store.EnumerateObjects())
                {
                    writer.WriteStartObject();
                    WriteMembers(writer, store, item);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return Program.Success;
        }

        using var output = new StreamWriter(Console.OpenStandardOutput());
        output.WriteLine($"{"offset",-18}{"usable size",14}{"type number",22}  flags");
        long count = 0;
        foreach (StoreObject item in store.EnumerateObjects())
        {
            string flags = item.Offset == store.RootOffset ? "root" : item.IsInternal ? "internal" : string.Empty;
            output.WriteLine($"0x{item.Offset,-16:x}{item.UsableSize,14}{item.TypeNumber,22}  {flags}".TrimEnd());
            count++;
        }

        output.WriteLine(count == 1 ? "1 object" : $"{count} objects");
        if (PoolSummary.IsDirty(store.Header) || store.RecoveredOperations > 0 || store.RecoveredTransactions > 0)
            output.WriteLine(PoolCommand.RecoveryPending);
        return Program.Success;
    }
}
