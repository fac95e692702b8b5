using System.CommandLine;
using Pmem.Objects;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool copy</c>.</summary>
internal static class CopyVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var target = new Argument<string>("TARGET") { Description = "The pool file to make." };
        var types = new Option<string>("--types") { Description = "A description of the program's types (docs/formats/types.md): all of them." };
        var size = new Option<string>("--size", "-s") { Description = "The size of the new file, such as 2GiB; that of the old pool if you say nothing." };
        var leave = new Option<bool>("--leave-unreachable") { Description = "Leave out objects that nothing leads to." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("copy", """
            Copy the objects of a pool to a new one without the holes between them, and set every link to the new places.
            Without --types links are not known, so no object can be moved: then copy the file, and resize the copy.

            An existing TARGET is never replaced.

            Examples:
              pmem pool copy accounts.pool compact.pool --types bank.json --size 64MiB --dry-run
              pmem pool copy accounts.pool compact.pool --types bank.json --size 64MiB
            """) { file, target, types, size, leave, json };
        var change = ChangeOptions.AddDryRun(command);
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            parsed.GetValue(file)!, parsed.GetValue(target)!, parsed.GetValue(types), parsed.GetValue(size), parsed.GetValue(leave), change.IsDryRun(parsed), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, string target, string? types, string? size, bool leave, bool dryRun, bool json, CancellationToken cancellation)
    {
        NamespacePath.Refuse(path, space => $"copy it to a file with 'pmem io copy --input {space} --output FILE', and give that to 'pmem pool copy'");
        NamespacePath.Refuse(target, space => $"give 'pmem pool copy' a file and the size of the namespace, and bring it here with 'pmem io copy --input FILE --output {space}'");
        if (types is null)
            return PoolCommand.Fail($"without --types FILE.json it is not known where links are, so no object can be moved; to make a copy larger, or shorter as far as its end is free: cp {path} {target}, then pmem pool resize {target} SIZE");
        if (!PoolSetFile.IsPoolSet(path) && PoolFile.ReadHeader(path)?.Kind != PoolKind.Object)
            return PoolCommand.Fail($"{path} is no object pool");
        long bytes = 0;
        if (size is not null && ByteSize.FindProblem(size, ObjectStore.MinimumPoolSize, out bytes) is { } problem)
            return PoolCommand.Fail(problem);

        using var progress = new ProgressLine();
        StoreCopyResult result = ObjectStore.Copy(path, target, bytes, ObjectTypes.Load(types), leave, new PoolRepairOptions { DryRun = dryRun, Progress = progress, Cancellation = cancellation });
        progress.Dispose();
        if (!json)
        {
            Console.WriteLine(dryRun
                ? $"{target}: {result.Objects} object(s) would be copied, {result.Links} link(s) set, {result.LeftOut} object(s) left out; {result.OldChunks} chunks are in use, {result.NewChunks} would be (dry run: nothing was made)"
                : $"{target}: {result.Objects} object(s) copied, {result.Links} link(s) set, {result.LeftOut} object(s) left out; {result.OldChunks} chunks were in use, {result.NewChunks} are");
            return Program.Success;
        }

        JsonOutput.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("path", path);
            writer.WriteString("target", target);
            writer.WriteBoolean("dryRun", dryRun);
            writer.WriteNumber("objects", result.Objects);
            writer.WriteNumber("links", result.Links);
            writer.WriteNumber("leftOut", result.LeftOut);
            writer.WriteNumber("oldChunks", result.OldChunks);
            writer.WriteNumber("newChunks", result.NewChunks);
            writer.WriteEndObject();
        });
        return Program.Success;
    }
}
