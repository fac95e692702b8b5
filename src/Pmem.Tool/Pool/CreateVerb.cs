using System.CommandLine;
using System.Text;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Pools.Checking;
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
        var force = new Option<bool>("--force", "-f") { Description = "Replace an existing file, or the existing parts of a set; refused while a process has one open." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("create", """
            Create a pool file.

            Examples:
              pmem pool create obj accounts.pool --size 1GiB --layout bank
              pmem pool create log events.pool --size 64MiB
              pmem pool create blk disk.pool --bsize 4KiB --size 1GiB
              pmem pool create obj accounts.set --layout bank --dry-run
              pmem pool create obj accounts.pool --force --backup accounts.old
              pmem pool create obj vm1:namespace0.0 --layout bank
              pmem pool create obj /dev/dax0.0 --layout bank
            """) { kind, file, size, largest, inherit, layout, blockSize, mode, force, json };
        var change = ChangeOptions.Add(command, "what --force replaces");
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(parsed, cancellation)));
        return command;

        int Run(ParseResult parsed, CancellationToken cancellation)
        {
            if (!TryParseKind(parsed.GetValue(kind)!, out PoolKind wanted))
                return PoolCommand.Fail($"cannot create a pool of kind '{parsed.GetValue(kind)}': obj, log and blk are supported");
            if (wanted != PoolKind.Object && parsed.GetValue(layout) is not null)
                return PoolCommand.Fail($"a {(wanted == PoolKind.Log ? "log" : "block pool")} has no layout name: leave out --layout");
            if (wanted != PoolKind.Block && parsed.GetValue(blockSize) is not null)
                return PoolCommand.Fail("only block pools have a block size: leave out --bsize");
            if (!TryParseMode(parsed.GetValue(mode)!, out UnixFileMode permissions))
                return PoolCommand.Fail($"'{parsed.GetValue(mode)}' is not an octal file mode such as 664");
            if (permissions == UnixFileMode.None)
                return PoolCommand.Fail("a pool without any permissions counts as one whose creation was interrupted: give it a mode such as 600");
            if (Encoding.UTF8.GetByteCount(parsed.GetValue(layout) ?? string.Empty) > MaximumLayoutBytes)
                return PoolCommand.Fail($"the layout name is longer than {MaximumLayoutBytes} bytes; choose a shorter one");
            PoolSummary? model = parsed.GetValue(inherit) is { } other ? PoolSummary.Of(other) : null;
            if (model is not null && model.Header.Kind != wanted)
                return PoolCommand.Fail($"{model.Path} is a pool of kind {InfoVerb.TypeName(model.Header.Kind)}: inherit from one of the kind that you create");
            string path = parsed.GetValue(file)!;
            string? backup = change.Backup(parsed, path);
            if (backup is not null && !parsed.GetValue(force))
                return PoolCommand.Fail("nothing is replaced without --force, so no backup is needed: leave out --backup");
            using var progress = new ProgressLine();
            var options = new PoolRemovalOptions { DryRun = change.IsDryRun(parsed), BackupPath = backup, Progress = progress, Cancellation = cancellation };
            if (NamespacePath.Parse(path) is { } space)
                return CreateOn(space, wanted, parsed.GetValue(size) is not null || parsed.GetValue(largest), parsed.GetValue(layout) ?? model?.Layout, parsed.GetValue(blockSize), parsed.GetValue(force), options, parsed.GetValue(json));
            if (!TryGetSize(parsed.GetValue(size), parsed.GetValue(largest), model, wanted, path, out long bytes, out string problem))
                return PoolCommand.Fail(problem);
            long block = model?.BlockSize ?? DefaultBlockSize;
            if (parsed.GetValue(blockSize) is { } wantedBlock && (!ByteSize.TryParse(wantedBlock, out block) || block is < 1 or > int.MaxValue))
                return PoolCommand.Fail(NoBlockSize(wantedBlock));
            if (wanted == PoolKind.Block && BlockPool.FindSizeProblem(bytes > 0 ? bytes : PoolSetFile.IsPoolSet(path) ? PoolSetFile.Read(path).SizeOfPool() : PersistentMap.LengthOf(path), (int)block) is { } cause)
                return PoolCommand.Fail($"{cause}; choose a larger --size or smaller blocks");

            // Whatever can be refused is refused before anything is removed for it.
            PlatformFile.DemandForeign(path, "take another name, or a namespace: 'pmem pool create obj DIR:namespace0.0'");
            PoolCreationPlan plan = PoolFile.PlanCreation(path, wanted, bytes, parsed.GetValue(force), backup);
            if (options.DryRun)
                return TellPlan(path, wanted, plan, parsed.GetValue(json));
            if (parsed.GetValue(force))
                PoolRemoval.MakeRoom(path, options);
            int code = Make(wanted, path, parsed.GetValue(layout) ?? model?.Layout ?? string.Empty, bytes, (int)block, permissions, parsed.GetValue(json));
            PoolBackup.Finish(options.BackupPath);
            return code;
        }
    }

    private static int CreateOn(NamespacePath space, PoolKind kind, bool hasSize, string? layout, string? blockSize, bool force, PoolRemovalOptions options, bool json)
    {
        if (hasSize)
            return PoolCommand.Fail("a pool on a namespace takes all of it: leave out --size and --max-size");
        long block = DefaultBlockSize;
        if (blockSize is not null && (!ByteSize.TryParse(blockSize, out block) || block is < 1 or > int.MaxValue))
            return PoolCommand.Fail(NoBlockSize(blockSize));
        var change = new PoolRepairOptions { DryRun = options.DryRun, BackupPath = options.BackupPath, Progress = options.Progress, Cancellation = options.Cancellation };
        PoolSummary made = space.Create(kind, layout ?? string.Empty, (int)block, force, change);
        if (options.DryRun)
            return TellPlan(made.Path, kind, new PoolCreationPlan([made.Path], force ? [made.Path] : [], made.Size), json);
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

        if (PersistentMap.IsDeviceDax(path))
        {
            bytes = 0;
            problem = size is null && !largest ? string.Empty : "a pool on a device takes all of it: leave out --size and --max-size";
            return problem.Length == 0;
        }

        if (largest && size is not null)
            problem = "give either --size or --max-size";
        else if (size is not null)
            problem = ByteSize.FindProblem(size, PoolFile.MinimumSize(kind), out bytes) ?? string.Empty;
        else if (largest)
            bytes = FreeSpace(path) & -PoolFile.PageSize;
        if (problem.Length == 0 && largest && bytes < PoolFile.MinimumSize(kind))
            problem = $"the file system has {ByteSize.Format(bytes)} free, less than the smallest pool";
        return problem.Length == 0;
    }

    private static long FreeSpace(string path)
    {
        NewFile.DemandFolder(path, "the pool");
        return new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/").AvailableFreeSpace;
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

    private static int Make(PoolKind kind, string path, string layout, long size, int blockSize, UnixFileMode mode, bool json)
    {
        switch (kind)
        {
            case PoolKind.Log:
                using (PersistentLog log = PersistentLog.Create(path, size, new PersistentLogOptions { Mode = mode }))
                    Tell(PoolSummary.Of(log, path), $"log of {ByteSize.Format(log.Map.Length)}", json);
                break;
            case PoolKind.Block:
                using (BlockPool pool = BlockPool.Create(path, blockSize, size, new BlockDeviceOptions { Mode = mode }))
                    Tell(PoolSummary.Of(pool, path), $"{pool.BlockCount} blocks of {pool.BlockSize} bytes in {ByteSize.Format(pool.Map.Length)}", json);
                break;
            default:
                using (ObjectStore store = ObjectStore.Create(path, layout, size, new ObjectStoreOptions { Mode = mode }))
                    Tell(PoolSummary.Of(store, path), $"object pool of {ByteSize.Format(store.Map.Length)}, layout \"{store.Layout}\"", json);
                break;
        }

        return Program.Success;
    }

    private static string NoBlockSize(string text) =>
        ByteSize.IsTooLarge(text) || ByteSize.TryParse(text, out long bytes) && bytes > int.MaxValue
            ? $"'{text}' is too large for a block: it has at most {int.MaxValue} bytes"
            : $"'{text}' is not a block size; write a number such as 512 or 4KiB";

    private static int TellPlan(string path, PoolKind kind, PoolCreationPlan plan, bool json)
    {
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteString("type", InfoVerb.TypeName(kind));
                writer.WriteNumber("size", plan.Size);
                writer.WriteBoolean("dryRun", true);
                foreach ((string name, IReadOnlyList<string> files) in new[] { ("removed", plan.Removed), ("created", plan.Created) })
                {
                    writer.WriteStartArray(name);
                    foreach (string file in files)
                        writer.WriteStringValue(file);
                    writer.WriteEndArray();
                }

                writer.WriteEndObject();
            });
            return Program.Success;
        }

        foreach (string file in plan.Removed)
            Console.WriteLine($"would replace {file}");
        foreach (string file in plan.Created.Except(plan.Removed))
            Console.WriteLine($"would create {file}");
        Console.WriteLine($"{path}: a pool of kind {InfoVerb.TypeName(kind)} of {ByteSize.Format(plan.Size)} can be created (dry run: nothing was changed)");
        return Program.Success;
    }

    private static void Tell(PoolSummary summary, string what, bool json)
    {
        if (json)
            JsonOutput.Write(writer => InfoVerb.WriteJson(writer, summary));
        else
            Console.WriteLine($"created {summary.Path}: {what}");
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
