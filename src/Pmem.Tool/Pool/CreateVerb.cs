using System.CommandLine;
using System.Text;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool create</c>.</summary>
internal static class CreateVerb
{
    private const int MaximumLayoutBytes = 1023;
    private const int DefaultBlockSize = 512;

    public static Command Create()
    {
        var kind = new Argument<string>("KIND") { Description = "obj: an object store; log: an append-only log; blk: an array of blocks." };
        Argument<string> file = PoolCommand.FileArgument();
        var size = new Option<string>("--size", "-s") { Description = "Size of the file, such as 64MiB; default is the smallest of the kind." };
        var largest = new Option<bool>("--max-size", "-M") { Description = "As large as the file system has room for." };
        var inherit = new Option<string>("--inherit", "-i") { Description = "Take size and layout of another pool, where they are not given." };
        var layout = new Option<string>("--layout", "-l") { Description = "Layout name of an object pool, at most 1023 bytes; programs check it at open." };
        var blockSize = new Option<string>("--bsize", "-B") { Description = "Bytes of a block of a blk pool, from 1 up; default 512." };
        var mode = new Option<string>("--mode", "-m") { Description = "Permissions of the file, octal.", DefaultValueFactory = _ => "664" };
        var force = new Option<bool>("--force", "-f") { Description = "Replace an existing file; refused while a process has it open." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("create", """
            Create a pool file.

            Examples:
              pmem pool create obj accounts.pool --size 1GiB --layout bank
              pmem pool create log events.pool --size 64MiB
              pmem pool create blk disk.pool --bsize 4KiB --size 1GiB
              pmem pool create obj accounts.set --layout bank
              pmem pool create obj vm1:namespace0.0 --layout bank
            """) { kind, file, size, largest, inherit, layout, blockSize, mode, force, json };
        command.SetAction(parsed =>
        {
            if (!TryParseKind(parsed.GetValue(kind)!, out PoolKind wanted))
                return PoolCommand.Fail($"cannot create a pool of kind '{parsed.GetValue(kind)}': obj, log and blk are supported");
            if (wanted != PoolKind.Object && parsed.GetValue(layout) is not null)
                return PoolCommand.Fail($"a {(wanted == PoolKind.Log ? "log" : "block pool")} has no layout name: leave out --layout");
            if (wanted != PoolKind.Block && parsed.GetValue(blockSize) is not null)
                return PoolCommand.Fail("only block pools have a block size: leave out --bsize");
            if (!TryParseMode(parsed.GetValue(mode)!, out UnixFileMode permissions))
                return PoolCommand.Fail($"'{parsed.GetValue(mode)}' is not an octal file mode such as 664");
            if (Encoding.UTF8.GetByteCount(parsed.GetValue(layout) ?? string.Empty) > MaximumLayoutBytes)
                return PoolCommand.Fail($"the layout name is longer than {MaximumLayoutBytes} bytes; choose a shorter one");
            PoolSummary? model = parsed.GetValue(inherit) is { } other ? PoolSummary.Of(other) : null;
            if (model is not null && model.Header.Kind != wanted)
                return PoolCommand.Fail($"{model.Path} is a pool of kind {InfoVerb.TypeName(model.Header.Kind)}: inherit from one of the kind that you create");
            string path = parsed.GetValue(file)!;
            if (NamespacePath.Parse(path) is { } space)
                return CreateOn(space, wanted, parsed.GetValue(size) is not null || parsed.GetValue(largest), parsed.GetValue(layout) ?? model?.Layout, parsed.GetValue(blockSize), parsed.GetValue(force), parsed.GetValue(json));
            if (!TryGetSize(parsed.GetValue(size), parsed.GetValue(largest), model, wanted, path, out long bytes, out string problem))
                return PoolCommand.Fail(problem);
            long block = model?.BlockSize ?? DefaultBlockSize;
            if (parsed.GetValue(blockSize) is { } wantedBlock && (!ByteSize.TryParse(wantedBlock, out block) || block is < 1 or > int.MaxValue))
                return PoolCommand.Fail($"'{wantedBlock}' is not a block size; write a number such as 512 or 4KiB");
            if (wanted == PoolKind.Block)
                return CreateBlocks(path, (int)block, bytes, new BlockDeviceOptions { Mode = permissions }, parsed.GetValue(force), parsed.GetValue(json));
            return Run(wanted, path, parsed.GetValue(layout) ?? model?.Layout ?? string.Empty, bytes, permissions, parsed.GetValue(force), parsed.GetValue(json));
        });
        return command;
    }

    private static int CreateOn(NamespacePath space, PoolKind kind, bool hasSize, string? layout, string? blockSize, bool force, bool json)
    {
        if (hasSize)
            return PoolCommand.Fail("a pool on a namespace takes all of it: leave out --size and --max-size");
        long block = DefaultBlockSize;
        if (blockSize is not null && (!ByteSize.TryParse(blockSize, out block) || block is < 1 or > int.MaxValue))
            return PoolCommand.Fail($"'{blockSize}' is not a block size; write a number such as 512 or 4KiB");
        PoolSummary made = space.Create(kind, layout ?? string.Empty, (int)block, force);
        Tell(made, $"pool of kind {InfoVerb.TypeName(kind)} in {ByteSize.Format(made.Size)}", json);
        return Program.Success;
    }

    private static bool TryGetSize(string? size, bool largest, PoolSummary? model, PoolKind kind, string path, out long bytes, out string problem)
    {
        bytes = model?.Size ?? PoolFile.MinimumSize(kind);
        problem = string.Empty;
        if (PoolSetFile.IsPoolSet(path))
        {
            bytes = 0;
            problem = size is null && !largest ? string.Empty : "a pool set file says itself how large its parts are: leave out --size and --max-size";
            return problem.Length == 0;
        }

        string minimum = ByteSize.Format(PoolFile.MinimumSize(kind)).Split('(')[0].Replace(" ", string.Empty, StringComparison.Ordinal);
        if (largest && size is not null)
            problem = "give either --size or --max-size";
        else if (largest)
            bytes = new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace & -PoolFile.PageSize;
        else if (size is not null && !ByteSize.TryParse(size, out bytes))
            bytes = 0;
        if (problem.Length == 0 && bytes < PoolFile.MinimumSize(kind))
            problem = largest ? $"the file system has {ByteSize.Format(bytes)} free, less than the smallest pool" : $"'{size}' is not a size of at least {minimum}; write a number with a unit, such as 64MiB";
        return problem.Length == 0;
    }

    private static bool TryParseKind(string text, out PoolKind kind)
    {
        kind = text switch
        {
            "log" => PoolKind.Log,
            "blk" => PoolKind.Block,
            _ => PoolKind.Object,
        };
        return text is "obj" or "log" or "blk";
    }

    private static int Run(PoolKind kind, string path, string layout, long size, UnixFileMode mode, bool force, bool json)
    {
        foreach (string file in force ? FilesOf(path) : [])
            PoolRemoval.Remove(file);
        if (kind == PoolKind.Log)
        {
            using PersistentLog log = PersistentLog.Create(path, size, new PersistentLogOptions { Mode = mode });
            Tell(PoolSummary.Of(log, path), $"log of {ByteSize.Format(log.Map.Length)}", json);
            return Program.Success;
        }

        using ObjectStore store = ObjectStore.Create(path, layout, size, new ObjectStoreOptions { Mode = mode });
        Tell(PoolSummary.Of(store, path), $"object pool of {ByteSize.Format(store.Map.Length)}, layout \"{store.Layout}\"", json);
        return Program.Success;
    }

    private static int CreateBlocks(string path, int blockSize, long size, BlockDeviceOptions options, bool force, bool json)
    {
        if (BlockPool.FindSizeProblem(size > 0 ? size : PoolSetFile.Read(path).SizeOfPool(), blockSize) is { } problem)
            return PoolCommand.Fail($"{problem}; choose a larger --size or smaller blocks");
        foreach (string file in force ? FilesOf(path) : [])
            PoolRemoval.Remove(file);
        using BlockPool pool = BlockPool.Create(path, blockSize, size, options);
        Tell(PoolSummary.Of(pool, path), $"{pool.BlockCount} blocks of {pool.BlockSize} bytes in {ByteSize.Format(pool.Map.Length)}", json);
        return Program.Success;
    }

    private static void Tell(PoolSummary summary, string what, bool json)
    {
        if (json)
            JsonOutput.Write(writer => InfoVerb.WriteJson(writer, summary));
        else
            Console.WriteLine($"created {summary.Path}: {what}");
    }

    /// <summary>What a pool that is replaced consists of: not the set file itself.</summary>
    private static IEnumerable<string> FilesOf(string path) =>
        (PoolSetFile.IsPoolSet(path) ? PoolSetFile.Read(path).PartFiles().SelectMany(parts => parts) : [path]).Where(file => File.Exists(file) && !PersistentMap.IsDeviceDax(file));

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
