using System.CommandLine;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool resize</c>.</summary>
internal static class ResizeVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var size = new Argument<string>("SIZE") { Description = "The new size of the file, such as 2GiB." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Tell whether it could be done, and change nothing." };
        var backup = new Option<string>("--backup", "-b") { Description = "Copy the file here before anything in it is changed." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("resize", """
            Make an object pool or a log larger in place, or smaller as far as its end is free. No process may have it open.
            A resize that was interrupted is finished by doing it again.

            Example: pmem pool resize accounts.pool 2GiB
            """) { file, size, dryRun, backup, json };
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            parsed.GetValue(file)!, parsed.GetValue(size)!, parsed.GetValue(dryRun), parsed.GetValue(backup), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, string size, bool dryRun, string? backup, bool json, CancellationToken cancellation)
    {
        NamespacePath.Refuse(path, space => $"a pool has all of it and cannot change its size; copy it to a file with 'pmem io copy --input {space} --output FILE' and resize that, or create a pool on a namespace of another size");
        PoolKind? kind = PoolFile.ReadHeader(path)?.Kind;
        if (kind is null or PoolKind.Block)
            return PoolCommand.Fail(kind is null ? $"{path} is not a pool" : "the blocks of a blk pool are laid out over all of its file: create a larger pool and copy them");
        if (!ByteSize.TryParse(size, out long bytes) || bytes < PoolFile.MinimumSize(kind.Value))
            return PoolCommand.Fail($"'{size}' is not a size of at least {ByteSize.Format(PoolFile.MinimumSize(kind.Value))}");
        if (dryRun && backup is not null)
            return PoolCommand.Fail("a dry run changes nothing, so it needs no backup: leave out --backup");

        using var progress = new ProgressLine();
        var options = new PoolRepairOptions { DryRun = dryRun, BackupPath = backup, Progress = progress, Cancellation = cancellation };
        PoolResize done = kind == PoolKind.Log ? PersistentLog.Resize(path, bytes, options) : ObjectStore.Resize(path, bytes, options);
        progress.Dispose();
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteBoolean("dryRun", dryRun);
                writer.WriteNumber("oldSize", done.OldSize);
                writer.WriteNumber("newSize", done.NewSize);
                writer.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine($"{path}: {ByteSize.Format(done.OldSize)} {(dryRun ? "could become" : "became")} {ByteSize.Format(done.NewSize)}");
        }

        return Program.Success;
    }
}
