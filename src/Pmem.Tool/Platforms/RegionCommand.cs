using System.CommandLine;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Platforms;

/// <summary><c>pmem region</c>: the regions of a platform.</summary>
internal static class RegionCommand
{
    public static Command Create() =>
        new("region", """
            List, enable and disable regions of a platform: --platform DIR, or the environment variable PMEM_PLATFORM.

            Examples:
              pmem region list --platform vm1
              pmem region disable region0 --platform vm1
              pmem region enable region0 --platform vm1
            """)
        {
            ListVerb(),
            Switch("enable", "Enable a region, and with it whatever can be enabled in it.", (platform, name) => platform.EnableRegion(name)),
            Switch("disable", "Disable a region with its namespaces.", (platform, name) => platform.DisableRegion(name)),
        };

    private static Command ListVerb()
    {
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command("list", "List all regions; with --json as 'ndctl list -Ri'.\n\nExample: pmem region list --platform vm1") { folder, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            var options = new ListOptions { Regions = true, Idle = true };
            if (parsed.GetValue(json))
            {
                string text = new PlatformListing(source.Platform, options).Print();
                Console.WriteLine(text.Length > 0 ? text : "[]");
            }
            else
            {
                ListTables.Print(source.Platform, options);
                foreach (RegionView region in source.Platform.GetRegions().Where(region => region.Reason.Length > 0))
                    Console.WriteLine($"{region.Name}: {region.Reason}");
            }

            return Program.Success;
        });
        return command;
    }

    private static Command Switch(string verb, string what, Func<IPlatform, string, PlatformResult<RegionView>> act)
    {
        var name = new Argument<string>("REGION") { Description = "Such as region0." };
        Option<string?> folder = PlatformSource.Option();
        Option<bool> json = PoolCommand.JsonOption();
        var command = new Command(verb, $"{what}\n\nExample: pmem region {verb} region0 --platform vm1") { name, folder, json };
        command.SetAction(parsed =>
        {
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder));
            RegionView region = act(source.Platform, parsed.GetValue(name)!).Demand();
            Console.WriteLine(parsed.GetValue(json)
                ? NdctlJson.Print(RegionJson.Make(region, dimms: null, new BadSectors(region, source.Platform.GetErrors(region.Name).Value), new ListOptions()))
                : $"{region.Name}: {(region.State == RegionState.Disabled ? "disabled" : $"enabled, {region.Namespaces.Count} namespace(s)")}");
            return Program.Success;
        });
        return command;
    }
}
