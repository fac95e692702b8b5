using System.CommandLine;
using System.Text;
using Pmem.Objects;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool create</c>.</summary>
internal static class CreateVerb
{
    private const int MaximumLayoutBytes = 1023;

    public static Command Create()
    {
        var kind = new Argument<string>("KIND") { Description = "obj: an object store. (log and blk pools are not supported yet.)" };
        Argument<string> file = PoolCommand.FileArgument();
        var size = new Option<string>("--size", "-s") { Description = "Size of the file, such as 64MiB; default is the smallest, 8MiB.", DefaultValueFactory = _ => "8MiB" };
        var layout = new Option<string>("--layout", "-l") { Description = "Layout name, at most 1023 bytes; programs check it at open.", DefaultValueFactory = _ => string.Empty };
        var mode = new Option<string>("--mode", "-m") { Description = "Permissions of the file, octal.", DefaultValueFactory = _ => "664" };
        var force = new Option<bool>("--force", "-f") { Description = "Replace an existing file; refused while a process has it open." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("create", "Create a pool file.\n\nExample: pmem pool create obj accounts.pool --size 1GiB --layout bank") { kind, file, size, layout, mode, force, json };
        command.SetAction(parsed =>
        {
            if (!string.Equals(parsed.GetValue(kind), "obj", StringComparison.Ordinal))
            {
                Console.Error.WriteLine($"pmem: cannot create a pool of kind '{parsed.GetValue(kind)}': only obj is supported");
                return Program.Failure;
            }

            if (!ByteSize.TryParse(parsed.GetValue(size)!, out long bytes) || bytes < ObjectStore.MinimumPoolSize)
            {
                Console.Error.WriteLine($"pmem: '{parsed.GetValue(size)}' is not a size of at least 8MiB; write a number with a unit, such as 64MiB");
                return Program.Failure;
            }

            if (!TryParseMode(parsed.GetValue(mode)!, out UnixFileMode permissions))
            {
                Console.Error.WriteLine($"pmem: '{parsed.GetValue(mode)}' is not an octal file mode such as 664");
                return Program.Failure;
            }

            if (Encoding.UTF8.GetByteCount(parsed.GetValue(layout)!) > MaximumLayoutBytes)
            {
                Console.Error.WriteLine($"pmem: the layout name is longer than {MaximumLayoutBytes} bytes; choose a shorter one");
                return Program.Failure;
            }

            return Run(parsed.GetValue(file)!, parsed.GetValue(layout)!, bytes, permissions, parsed.GetValue(force), parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(string path, string layout, long size, UnixFileMode mode, bool force, bool json)
    {
        if (force && File.Exists(path))
            Remove(path);
        using ObjectStore store = ObjectStore.Create(path, layout, size, new ObjectStoreOptions { Mode = mode });
        if (json)
            JsonOutput.Write(writer => InfoVerb.WriteJson(writer, PoolSummary.Of(store, path)));
        else
            Console.WriteLine($"created {path}: object pool of {ByteSize.Format(store.Map.Length)}, layout \"{store.Layout}\"");
        return Program.Success;
    }

    private static void Remove(string path)
    {
        // Not while somebody has it open: they would go on writing to a file without a name. An interrupted creation cannot be opened, nor be in use.
        bool interrupted = !OperatingSystem.IsWindows() && File.GetUnixFileMode(path) == UnixFileMode.None;
        if (interrupted || new FileInfo(path).Length == 0)
        {
            File.Delete(path);
            return;
        }

        using PersistentMap old = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly, Lock = true });
        File.Delete(path);
    }

    private static bool TryParseMode(string text, out UnixFileMode mode)
    {
        mode = default;
        int value = 0;
        foreach (char digit in text)
        {
            if (digit is < '0' or > '7')
                return false;
            value = (value * 8) + (digit - '0');
        }

        mode = (UnixFileMode)value;
        return text.Length is > 0 and <= 4 && value <= Convert.ToInt32("777", 8);
    }
}
