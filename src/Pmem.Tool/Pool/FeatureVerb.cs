using System.CommandLine;
using Pmem.Pools;
using Pmem.Pools.Checking;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary><c>pmem pool feature</c>.</summary>
internal static class FeatureVerb
{
    public static readonly IReadOnlyDictionary<string, PoolFeature> Names = new Dictionary<string, PoolFeature>(StringComparer.Ordinal)
    {
        ["SINGLEHDR"] = PoolFeature.SingleHeader,
        ["CKSUM_2K"] = PoolFeature.Checksum2K,
        ["SHUTDOWN_STATE"] = PoolFeature.ShutdownState,
        ["CHECK_BAD_BLOCKS"] = PoolFeature.CheckBadBlocks,
    };

    public static Command Create()
    {
        Argument<string> file = PoolCommand.FileArgument();
        var name = new Argument<string>("FEATURE") { Description = string.Join(", ", Names.Keys) + "; leave it out to see all.", Arity = ArgumentArity.ZeroOrOne };
        var enable = new Option<bool>("--enable", "-e") { Description = "Enable it." };
        var disable = new Option<bool>("--disable", "-d") { Description = "Disable it." };
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("feature", "Show or toggle the features of a pool. No process may have it open while one is toggled. A toggle that was interrupted is finished by doing it again.\n\nExample: pmem pool feature accounts.pool SHUTDOWN_STATE --disable")
        {
            file, name, enable, disable, json,
        };
        var change = ChangeOptions.Add(command);
        command.SetAction((parsed, cancellation) =>
        {
            bool on = parsed.GetValue(enable);
            bool off = parsed.GetValue(disable);
            string? wanted = parsed.GetValue(name);
            if (on && off)
                return Task.FromResult(PoolCommand.Fail("give either --enable or --disable"));
            if (wanted is null && (on || off))
                return Task.FromResult(PoolCommand.Fail($"say which feature: {string.Join(", ", Names.Keys)}"));
            if (wanted is not null && !Names.ContainsKey(wanted))
                return Task.FromResult(PoolCommand.Fail($"there is no feature '{wanted}': {string.Join(", ", Names.Keys)}"));
            string path = parsed.GetValue(file)!;
            using var progress = new ProgressLine();
            var options = new PoolRepairOptions { DryRun = change.IsDryRun(parsed), BackupPath = change.Backup(parsed, path), Progress = progress, Cancellation = cancellation };
            if (options.BackupPath is not null && !(on || off))
                return Task.FromResult(PoolCommand.Fail("nothing is changed without --enable or --disable, so no backup is needed: leave out --backup"));
            bool changed = wanted is not null && (on || off)
                && (NamespacePath.Parse(path) is { } space ? space.SetFeature(Names[wanted], on, options) : PoolFeatureSwitch.Set(path, Names[wanted], on, options));
            progress.Dispose();
            Show(path, wanted, changed, options.DryRun, parsed.GetValue(json));
            return Task.FromResult(Program.Success);
        });
        return command;
    }

    private static void Show(string path, string? wanted, bool changed, bool dryRun, bool json)
    {
        PoolHeader header = NamespacePath.ReadHeader(path) ?? throw new PmemException($"{path} is not a pool: it is shorter than a header");
        if (header.Kind is null)
            throw new PmemException($"{path} is not a pool: its signature is 0x{header.Signature:x16}");
        if (json)
        {
            JsonOutput.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("path", path);
                writer.WriteBoolean("changed", changed && !dryRun);
                writer.WriteStartObject("features");
                foreach ((string name, PoolFeature feature) in Names)
                    writer.WriteBoolean(name, PoolFeatureSwitch.IsEnabled(in header, feature));
                writer.WriteEndObject();
                writer.WriteEndObject();
            });
            return;
        }

        foreach ((string name, PoolFeature feature) in Names.Where(entry => wanted is null || entry.Key == wanted))
            Console.WriteLine($"{name,-18}{(PoolFeatureSwitch.IsEnabled(in header, feature) ? "on" : "off")}{(changed ? dryRun ? " (would be changed)" : " (changed)" : string.Empty)}");
    }
}
