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
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("resize", """
            Make an object pool or a log larger in place, or smaller as far as its end is free. No process may have it open.
            A resize that was interrupted is finished by doing it again.

            Example: pmem pool resize accounts.pool 2GiB
            """) { file, size, json };
        var change = ChangeOptions.Add(command);
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            parsed.GetValue(file)!, parsed.GetValue(size)!, change.IsDryRun(parsed), change.Backup(parsed, parsed.GetValue(file)!), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, string size, bool dryRun, string? backup, bool json, CancellationToken cancellation)
    {
        NamespacePath.Refuse(path, space => $"a pool has all of it and cannot change its size; copy it to a file with 'pmem io copy --input {space} --output FILE' and resize that, or create a pool on a namespace of another size");
        PoolKind? kind = PoolFile.ReadHeader(path)?.Kind;
        if (kind is null or PoolKind.Block)
            return PoolCommand.Fail(kind is null ? $"{path} is not a pool" : "the blocks of a blk pool are laid out over all of its file: create a larger pool and copy them");
        if (ByteSize.FindProblem(size, PoolFile.MinimumSize(kind.Value), out long bytes) is { } problem)
            return PoolCommand.Fail(problem);

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
