using System.CommandLine;
using Pmem.Pools;

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
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("rm", "Remove pools: a file, or every part of a set. Not while a process has one open.\n\nExample: pmem pool rm accounts.pool") { files, all, force, dryRun, json };
        command.SetAction(parsed => Run(parsed.GetValue(files)!, parsed.GetValue(all), parsed.GetValue(force), parsed.GetValue(dryRun), parsed.GetValue(json)));
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
