using System.CommandLine;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool repair</c>.</summary>
internal static class RepairVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var type = new Option<string>("--type", "-t") { Description = "Kind of the pool (obj, log or blk), when its header does not tell any more." };
        var loss = new Option<bool>("--accept-loss") { Description = "Also mend what marks blocks as bad, because their place is doubtful, and free what may have been a root object." };
        var types = new Option<string>("--types") { Description = "A description of the program's types: judge every link between objects too." };
        var clear = new Option<bool>("--null-dangling") { Description = "With --types: clear links that lead to no object." };
        var free = new Option<bool>("--free-unreachable") { Description = "With --types: free objects that nothing leads to." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("repair", """
            Mend what is wrong in a pool file, and say of the rest why it cannot be mended. No process may have it open.
            A repair that was interrupted is finished by doing it again.

            Exit codes: 0 consistent now, 1 problems remain, 2 the file could not be read or written.

            Example: pmem pool repair accounts.pool --backup accounts.before
            """) { file, type, loss, types, clear, free, json };
        var change = ChangeOptions.Add(command);
        command.SetAction((parsed, cancellation) =>
        {
            var options = new PoolRepairOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, parsed.GetValue(file)!), AcceptLoss = parsed.GetValue(loss), Cancellation = cancellation };
            if (parsed.GetValue(types) is null && (parsed.GetValue(clear) || parsed.GetValue(free)))
                return Task.FromResult(PoolCommand.Fail("where links are is told by --types FILE.json: --null-dangling and --free-unreachable need it"));
            LinkRepair? links = parsed.GetValue(types) is { } path ? new LinkRepair(ObjectTypes.Load(path)) { ClearDangling = parsed.GetValue(clear), FreeUnreachable = parsed.GetValue(free) } : null;
            return Task.FromResult(Run(parsed.GetValue(file)!, parsed.GetValue(type), options, links, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string path, string? type, PoolRepairOptions options, LinkRepair? links, bool json)
    {
        PoolKind? kind = type switch
        {
            "obj" => PoolKind.Object,
            "log" => PoolKind.Log,
            "blk" => PoolKind.Block,
            null => NamespacePath.ReadHeader(path)?.Kind,
            _ => null,
        };
        if (kind is null)
            return PoolCommand.Fail(type is null ? $"{path} does not say what kind of pool it is: say it with --type obj, log or blk" : $"cannot repair a pool of kind '{type}': obj, log and blk are supported");

        if (links is not null && kind != PoolKind.Object)
            return PoolCommand.Fail("only object pools have links: leave out --types");

        using var progress = new ProgressLine();
        options = options with { Progress = progress };
        PoolRepairResult result = NamespacePath.Parse(path) is { } space ? space.Repair(kind.Value, options, links) : kind switch
        {
            PoolKind.Log => PersistentLog.Repair(path, options),
            PoolKind.Block => BlockPool.Repair(path, options),
            _ => ObjectStore.Repair(path, options, links),
        };
        progress.Dispose();
        if (json)
            WriteJson(path, result, options.DryRun);
        else
            WriteText(path, result, options.DryRun);
        return result.IsConsistent ? Program.Success : Program.NotConsistent;
    }

    private static void WriteJson(string path, PoolRepairResult result, bool dryRun) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        writer.WriteBoolean("dryRun", dryRun);
        writer.WriteBoolean("consistent", result.IsConsistent);
        writer.WriteStartArray("mends");
        foreach (PoolMend mend in result.Mends)
        {
            writer.WriteStartObject();
            CheckVerb.WriteProblem(writer, mend.Problem);
            writer.WriteBoolean("mended", mend.IsMended);
            writer.WriteString("explanation", mend.Remedy ?? mend.Obstacle);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("remaining");
        foreach (PoolProblem problem in result.Remaining)
        {
            writer.WriteStartObject();
            CheckVerb.WriteProblem(writer, problem);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteText(string path, PoolRepairResult result, bool dryRun)
    {
        foreach (PoolMend mend in result.Mends)
        {
            Console.WriteLine(CheckVerb.Describe(mend.Problem));
            Console.WriteLine($"    {(mend.IsMended ? dryRun ? "would be mended" : "mended" : "not mended")}: {mend.Remedy ?? mend.Obstacle}");
        }

        foreach (PoolProblem problem in result.Remaining.Where(p => result.Mends.All(m => m.Problem != p)))
            Console.WriteLine($"{CheckVerb.Describe(problem)}\n    not mended: it depends on what could not be mended");
        int mended = result.Mends.Count(mend => mend.IsMended);
        string now = result.IsConsistent ? "consistent" : $"not consistent, {result.Remaining.Count} problem(s) remain";
        Console.WriteLine($"{path}: {mended} problem(s) {(dryRun ? "would be " : string.Empty)}mended; {now}{(dryRun ? " then (dry run: nothing was changed)" : string.Empty)}");
    }
}
