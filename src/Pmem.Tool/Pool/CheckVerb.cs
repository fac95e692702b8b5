using System.CommandLine;
using Pmem.Objects;
using Pmem.Pools;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool check</c>.</summary>
internal static class CheckVerb
{
    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("check", """
            Check everything in a pool file, object by object. Never changes a byte of it.

            Exit codes: 0 consistent (recovery may be pending), 1 not consistent, 2 the file cannot be read.

            Example: pmem pool check accounts.pool
            """) { file, json };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        PoolHeader? header = PoolFile.ReadHeader(path);
        StoreCheckResult result = Check(path, header);
        bool needsRecovery = header is { } known && PoolSummary.IsDirty(in known);
        if (json)
            WriteJson(path, result, needsRecovery);
        else
            WriteText(path, result, needsRecovery);
        return result.IsConsistent ? Program.Success : Program.NotConsistent;
    }

    private static StoreCheckResult Check(string path, PoolHeader? header)
    {
        if (header is null)
            return new StoreCheckResult([new StoreProblem(0, "pool size", $"at least {PoolHeader.Size} bytes", $"{new FileInfo(path).Length}")]);
        if (header.Value.Kind is PoolKind.Log or PoolKind.Block)
        {
            // Their content is not known yet; the header is.
            PoolHeader known = header.Value;
            return PoolValidation.FindProblem(in known, kind: null) is { } problem
                ? new StoreCheckResult([new StoreProblem(problem.Offset, problem.What, problem.Expected, problem.Found)])
                : new StoreCheckResult([]);
        }

        return ObjectStore.Check(path);
    }

    private static void WriteJson(string path, StoreCheckResult result, bool needsRecovery) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("path", path);
        writer.WriteBoolean("consistent", result.IsConsistent);
        writer.WriteBoolean("needsRecovery", needsRecovery);
        writer.WriteStartArray("problems");
        foreach (StoreProblem problem in result.Problems)
        {
            writer.WriteStartObject();
            writer.WriteNumber("offset", problem.Offset);
            writer.WriteString("what", problem.What);
            writer.WriteString("expected", problem.Expected);
            writer.WriteString("found", problem.Found);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteText(string path, StoreCheckResult result, bool needsRecovery)
    {
        foreach (StoreProblem problem in result.Problems)
            Console.WriteLine($"{(problem.Offset < 0 ? "pool" : $"0x{problem.Offset:x}")}: {problem.What}: expected {problem.Expected}, found {problem.Found}");
        Console.WriteLine(result.IsConsistent ? $"{path}: consistent" : $"{path}: not consistent, {result.Problems.Count} problem(s)");
        if (needsRecovery)
            Console.WriteLine(PoolCommand.RecoveryPending);
    }
}
