using System.CommandLine;
using Pmem.Pools;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool transform</c>.</summary>
internal static class TransformVerb
{
    public static Command Create()
    {
        var source = new Argument<string>("SOURCE") { Description = "The pool set file that the pool has now." };
        var target = new Argument<string>("TARGET") { Description = "The pool set file that it shall have." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("transform", """
            Change the structure of an object pool's set: add replicas, remove replicas (their files go), or add or remove the headers of all
            parts but the first (OPTION SINGLEHDR). One of these at a time. No process may have the pool open.
            A run that was interrupted is finished by doing it again.

            Examples:
              pmem pool transform accounts.set replicated.set --dry-run
              pmem pool transform accounts.set replicated.set --backup before-transform
            """) { source, target, json };
        var change = ChangeOptions.Add(command, "the pool of SOURCE", peerLetter: true);
        command.SetAction((parsed, cancellation) =>
        {
            var options = new PoolSyncOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, parsed.GetValue(source)!), Cancellation = cancellation };
            return Task.FromResult(Run(parsed.GetValue(source)!, parsed.GetValue(target)!, options, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string source, string target, PoolSyncOptions options, bool json)
    {
        foreach (string path in (ReadOnlySpan<string>)[source, target])
            NamespacePath.Refuse(path, space => $"it cannot be a part of a set; copy it to a file with 'pmem io copy --input {space} --output FILE', and name a pool set file with that");
        using var progress = new ProgressLine();
        PoolTransformResult result = PoolTransform.Run(source, target, options with { Progress = progress });
        progress.Dispose();
        if (json)
            WriteJson(source, target, result, options.DryRun);
        else
            WriteText(target, result, options.DryRun);
        return Program.Success;
    }

    private static void WriteJson(string source, string target, PoolTransformResult result, bool dryRun) => JsonOutput.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("source", source);
        writer.WriteString("target", target);
        writer.WriteBoolean("dryRun", dryRun);
        writer.WriteString("transformation", result.Transformation switch
        {
            PoolTransformation.AddReplicas => "add-replicas",
            PoolTransformation.RemoveReplicas => "remove-replicas",
            PoolTransformation.AddHeaders => "add-headers",
            _ => "remove-headers",
        });
        writer.WriteNumber("bytesCopied", result.BytesCopied);
        writer.WriteBoolean("wasDone", result.WasDone);
        writer.WriteStartArray("parts");
        foreach (string part in result.Parts)
            writer.WriteStringValue(part);
        writer.WriteEndArray();
        writer.WriteStartArray("gone");
        foreach (string part in result.Gone)
            writer.WriteStringValue(part);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static void WriteText(string target, PoolTransformResult result, bool dryRun)
    {
        string what = result.Transformation switch
        {
            PoolTransformation.AddReplicas => "added",
            PoolTransformation.RemoveReplicas => "removed",
            PoolTransformation.AddHeaders => "given headers",
            _ => "written without headers",
        };
        foreach (string part in result.Parts)
            Console.WriteLine($"{part}: {(dryRun ? "would be " : string.Empty)}{what}");
        foreach (string part in result.Gone)
            Console.WriteLine($"{part}: was gone already");
        if (result.WasDone)
        {
            Console.WriteLine($"the pool was that of {target} already: nothing was done");
            return;
        }

        Console.WriteLine(dryRun ? "dry run: nothing was changed" : $"the pool is now that of {target}; {ByteSize.Format(result.BytesCopied)} copied");
    }
}
