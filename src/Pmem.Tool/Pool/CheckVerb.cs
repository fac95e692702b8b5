using System.CommandLine;
using System.Text.Json;
using Pmem.Blocks;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool check</c>.</summary>
internal static class CheckVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var types = new Option<string>("--types") { Description = "A description of the program's types: check every link between objects too." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("check", """
            Check everything in a pool file, object by object, and with --types link by link. Never changes a byte of it.

            Of a pool set it looks at every part of every replica, and compares the replicas with the first, the master.

            Exit codes: 0 consistent (recovery may be pending), 1 not consistent, 2 the file cannot be read.

            Example: pmem pool check accounts.pool --types bank.json
            """) { file, types, json };
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(parsed.GetValue(file)!, parsed.GetValue(types), parsed.GetValue(json), cancellation)));
        return command;
    }

    private static int Run(string path, string? types, bool json, CancellationToken cancellation)
    {
        ObjectTypes? known = types is null ? null : ObjectTypes.Load(types);
        using var progress = new ProgressLine();
        var options = new PoolCheckOptions { Progress = progress, Cancellation = cancellation };
        (PoolCheckResult result, bool needsRecovery) = NamespacePath.Parse(path) is { } space ? space.Check(known, options) : CheckFile(path, known, options);
        progress.Dispose();
        string remedy = FindRemedy(path, result);
        if (json)
            WriteJson(path, result, needsRecovery, remedy);
        else
            WriteText(path, result, needsRecovery, remedy);
        return result.IsConsistent ? Program.Success : Program.NotConsistent;
    }

    private static (PoolCheckResult Result, bool NeedsRecovery) CheckFile(string path, ObjectTypes? types, PoolCheckOptions options)
    {
        if (PoolSetFile.IsPoolSet(path) && PoolParts.FindBroken(path) is { Count: > 0 } broken)
            return (new PoolCheckResult([.. broken.Select(part => new PoolProblem(-1, $"replica {part.Replica}, part {part.Part} ({part.Path})", "a file that can be opened", part.Reason))]), NeedsRecovery: false);
        PoolHeader? header = PoolFile.ReadHeader(path);
        return (Check(path, header, types, options), header is { } known && PoolSummary.IsDirty(in known));
    }

    /// <summary>What to do about what was found; empty when that is nothing.</summary>
    private static string FindRemedy(string path, PoolCheckResult result)
    {
        if (result.IsConsistent)
            return string.Empty;
        if (PoolSetFile.IsPoolSet(path) && PoolParts.FindBroken(path).Count > 0)
            return PoolParts.RemedyFor(path);
        return result.Problems.Count == 0
            ? $"'pmem pool repair {path}' makes the replicas equal to the master, replica 0; if it is the master that is wrong, move its files away first, and 'pmem pool sync {path}' makes them again from another replica"
            : $"'pmem pool repair {path} --dry-run' tells what can be mended";
    }

    /// <summary>Checks a pool of the kind that its header names; one that names none is taken for an object pool.</summary>
    public static PoolCheckResult Check(string path, PoolHeader? header, ObjectTypes? types = null, PoolCheckOptions? options = null)
    {
        if (header is not { } known)
            return new PoolCheckResult([new PoolProblem(0, "pool size", $"at least {PoolHeader.Size} bytes", $"{PersistentMap.LengthOf(path)}")]);
        if (types is not null && known.Kind is (PoolKind.Log or PoolKind.Block))
            throw new PmemException("only object pools have links: leave out --types");
        switch (known.Kind)
        {
            case PoolKind.Log:
                return PersistentLog.Check(path);
            case PoolKind.Block:
                return BlockPool.Check(path, options);
            default:
                return ObjectStore.Check(path, types);
        }
    }

    /// <summary>A problem in one line.</summary>
    public static string Describe(PoolProblem problem) =>
        $"{(problem.Offset < 0 ? "pool" : $"0x{problem.Offset:x}")}: {problem.What}: expected {problem.Expected}, found {problem.Found}";

    /// <summary>The members of a problem.</summary>
    public static void WriteProblem(Utf8JsonWriter writer, PoolProblem problem)
    {
        writer.WriteNumber("offset", problem.Offset);
        writer.WriteString("what", problem.What);
        writer.WriteString("expected", problem.Expected);
        writer.WriteString("found", problem.Found);
    }

    private static void WriteJson(string path, PoolCheckResult result, bool needsRecovery, string remedy) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        writer.WriteBoolean("consistent", result.IsConsistent);
        writer.WriteBoolean("needsRecovery", needsRecovery);
        writer.WriteStartArray("problems");
        foreach (PoolProblem problem in result.Problems)
        {
            writer.WriteStartObject();
            WriteProblem(writer, problem);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("replicaDifferences");
        foreach (ReplicaDifference difference in result.ReplicaDifferences)
        {
            writer.WriteStartObject();
            writer.WriteNumber("replica", difference.Replica);
            writer.WriteNumber("offset", difference.Offset);
            writer.WriteNumber("length", difference.Length);
            writer.WriteNumber("part", difference.Part);
            writer.WriteString("path", difference.Path);
            writer.WriteNumber("partOffset", difference.PartOffset);
            writer.WriteBoolean("mayBeLock", difference.MayBeLock);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("remedy", remedy);
        writer.WriteEndObject();
    });

    private static void WriteText(string path, PoolCheckResult result, bool needsRecovery, string remedy)
    {
        foreach (PoolProblem problem in result.Problems)
            Console.WriteLine(Describe(problem));
        foreach (IGrouping<int, ReplicaDifference> replica in result.ReplicaDifferences.GroupBy(difference => difference.Replica))
            WriteDifferences([.. replica], result.RecoveryEqualsReplicas);
        string problems = result.Problems.Count > 0 || !result.ReplicasDiffer ? $"{result.Problems.Count} problem(s)" : "its replicas differ";
        Console.WriteLine(result.IsConsistent ? $"{path}: consistent" : $"{path}: not consistent, {problems}");
        if (remedy.Length > 0)
            Console.WriteLine(remedy);
        if (needsRecovery)
            Console.WriteLine(PoolCommand.RecoveryPending);
    }

    private static void WriteDifferences(ReplicaDifference[] differences, bool recovers)
    {
        const int Shown = 10;
        foreach (ReplicaDifference difference in differences.Take(Shown))
        {
            string why = recovers ? ": the pool was not closed, and recovery makes them equal" : difference.MayBeLock ? ": a lock, it seems, which is never made durable" : string.Empty;
            Console.WriteLine($"0x{difference.Offset:x}: replica {difference.Replica} differs from the master in {difference.Length} byte(s), at 0x{difference.PartOffset:x} of part {difference.Part} ({difference.Path}){why}");
        }

        if (differences.Length > Shown)
            Console.WriteLine($"    and in {differences.Length - Shown} more range(s), which --json lists");
    }
}
