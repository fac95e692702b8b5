using System.CommandLine;
using Pmem.Pools;
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
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("rm", """
            Remove pools: a file, or every part of a set. Not while a process has one open: then none is removed. A removal of a set that was
            interrupted is finished by doing it again; of several pools, with --force.

            Example: pmem pool rm accounts.pool --backup accounts.last
            """) { files, all, force, json };
        var change = ChangeOptions.Add(command, "the pool (of one FILE)");
        command.SetAction((parsed, cancellation) =>
        {
            string[] paths = parsed.GetValue(files)!;
            foreach (string path in paths)
                NamespacePath.Refuse(path, space => $"there is no file to remove; 'pmem io copy --zero --output {space}' erases the pool, 'pmem namespace destroy {space.Namespace} --platform {space.Platform} --force' the namespace");
            using var progress = new ProgressLine();
            var options = new PoolRemovalOptions
            {
                DryRun = change.IsDryRun(parsed),
                BackupPath = change.Backup(parsed, paths[0]),
                SetFileToo = parsed.GetValue(all),
                IgnoreMissing = parsed.GetValue(force),
                Progress = progress,
                Cancellation = cancellation,
            };
            return Task.FromResult(options.BackupPath is not null && paths.Length > 1 ? PoolCommand.Fail("--backup is for one pool: name one FILE") : Run(paths, options, parsed.GetValue(json)));
        });
        return command;
    }

    private static int Run(string[] paths, PoolRemovalOptions options, bool json)
    {
        string[] gone = [.. paths.Where(PoolSetFile.IsPoolSet).SelectMany(PoolRemoval.FilesOf).Where(file => !File.Exists(file))];

        foreach (string path in paths)
            PlatformFile.DemandForeign(path, "name a pool file, or make an end of the platform with 'rm -r DIR'");

        // What can be said against one of them is said before the first goes.
        if (paths.Length > 1)
        {
            foreach (string path in paths)
                PoolRemoval.Run(path, options with { DryRun = true });
        }

        string[] removed = [.. paths.SelectMany(path => PoolRemoval.Run(path, options))];
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteBoolean("dryRun", options.DryRun);
                writer.WriteStartArray("removed");
                foreach (string file in removed)
                    writer.WriteStringValue(file);
                writer.WriteEndArray();
                writer.WriteStartArray("gone");
                foreach (string file in gone)
                    writer.WriteStringValue(file);
                writer.WriteEndArray();
                writer.WriteEndObject();
            });
        }
        else
        {
            foreach (string file in removed)
                Console.WriteLine($"{(options.DryRun ? "would remove" : "removed")} {file}");
            foreach (string file in gone)
                Console.WriteLine($"{file}: was gone already");
        }

        return Program.Success;
    }
}
