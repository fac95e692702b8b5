using System.CommandLine;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool rm</c>.</summary>
internal static class RemoveVerb
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Pool files or pool set files.", Arity = ArgumentArity.OneOrMore };
        var all = new Option<bool>("--all", "-a") { Description = "Of a pool set also the set file itself." };
        var force = new Option<bool>("--force", "-f") { Description = "Ignore files that are not there." };
        var dryRun = new Option<bool>("--dry-run", "-n") { Description = "Tell what would be removed, and remove nothing." };
        var backup = new Option<string>("--backup", "-b") { Description = "Copy the pool here first: a file, or a folder for a set. For one FILE only." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("rm", """
            Remove pools: a file, or every part of a set. Not while a process has one open. A removal that was interrupted is finished with --force.

            Example: pmem pool rm accounts.pool --backup accounts.last
            """) { files, all, force, dryRun, backup, json };
        command.SetAction((parsed, cancellation) =>
        {
            string[] paths = parsed.GetValue(files)!;
            foreach (string path in paths)
                NamespacePath.Refuse(path, space => $"there is no file to remove; 'pmem io copy --zero --output {space}' erases the pool, 'pmem namespace destroy {space.Namespace} --platform {space.Platform} --force' the namespace");
            if (parsed.GetValue(backup) is { } copy)
            {
                if (paths.Length > 1 || parsed.GetValue(dryRun))
                    return Task.FromResult(PoolCommand.Fail(paths.Length > 1 ? "--backup is for one pool: name one FILE" : "a dry run removes nothing, so it needs no backup: leave out --backup"));
                using var progress = new ProgressLine();
                PoolBackup.Write(paths[0], copy, progress, cancellation);
            }

            return Task.FromResult(Run(paths, parsed.GetValue(all), parsed.GetValue(force), parsed.GetValue(dryRun), parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string[] paths, bool all, bool force, bool dryRun, bool json)
    {
        var removed = new List<string>();
        foreach (string path in paths)
        {
            foreach (string file in PoolRemoval.FilesOf(path))
                Remove(file);
            if (all && PoolSetFile.IsPoolSet(path))
                Remove(path);
        }

        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteBoolean("dryRun", dryRun);
                writer.WriteStartArray("removed");
                removed.ForEach(writer.WriteStringValue);
                writer.WriteEndArray();
                writer.WriteEndObject();
            });
        }
        else
        {
            removed.ForEach(file => Console.WriteLine($"{(dryRun ? "would remove" : "removed")} {file}"));
        }

        return Program.Success;

        void Remove(string file)
        {
            if (!File.Exists(file) && force)
                return;
            if (dryRun && !File.Exists(file))
                throw new FileNotFoundException($"there is no file {file}", file);
            if (dryRun)
            {
                removed.Add(file);
                return;
            }

            if (PoolSetFile.IsPoolSet(file))
                File.Delete(file);
            else
                PoolRemoval.Remove(file);
            removed.Add(file);
        }
    }
}
