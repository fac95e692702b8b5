using System.CommandLine;

namespace Pmem.Tool.Platforms.Listing;

/// <summary><c>pmem list</c>: what <c>ndctl list</c> shows, of any platform.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        Option<string?> folder = PlatformSource.Option();
        Option<bool> buses = Flag("--buses", "-B", "Buses.");
        Option<bool> dimms = Flag("--dimms", "-D", "DIMMs.");
        Option<bool> regions = Flag("--regions", "-R", "Regions.");
        Option<bool> namespaces = Flag("--namespaces", "-N", "Namespaces; shown if nothing else is asked for.");
        Option<bool> health = Flag("--health", "-H", "DIMMs with their health.");
        Option<bool> firmware = Flag("--firmware", "-F", "DIMMs with their firmware.");
        Option<bool> errors = Flag("--media-errors", "-M", "Media errors.");
        Option<bool> dax = Flag("--device-dax", "-X", "DAX devices of devdax namespaces; alone only such namespaces.");
        Option<bool> capabilities = Flag("--capabilities", "-C", "What can be made in regions.");
        Option<bool> idle = Flag("--idle", "-i", "Also what is disabled or empty.");
        Option<bool> configured = Flag("--configured", "-c", "Also what is disabled.");
        Option<bool> human = Flag("--human", "-u", "JSON with sizes and handles as people write them.");
        Option<bool> verbose = Flag("--verbose", "-v", "More; -vv and -vvv still more.");
        verbose.Arity = ArgumentArity.Zero;
        Option<bool> table = Flag("--table", null, "Tables, also where the output is no terminal.");
        var json = new Option<bool>("--json") { Description = "JSON, as ndctl prints it, also on a terminal." };
        Option<string?> bus = Filter("--bus", "-b", "Only this bus.");
        Option<string?> region = Filter("--region", "-r", "Only this region, or these: 'region0 region1', 0, all.");
        Option<string?> dimm = Filter("--dimm", "-d", "Only what this DIMM has a part in.");
        Option<string?> name = Filter("--namespace", "-n", "Only this namespace: namespace0.1, or 0.1.");
        Option<string?> mode = Filter("--mode", "-m", "Only namespaces in this mode.");
        Option<string?> type = Filter("--type", "-t", "Only regions of this type: pmem or blk.");
        Option<string?> node = Filter("--numa-node", "-U", "Only what is on this node.");
        var command = new Command("list", """
            List buses, DIMMs, regions and namespaces of a platform: --platform PATH, or the environment variable PMEM_PLATFORM.

            Prints tables on a terminal, and elsewhere the JSON of 'ndctl list', to the letter.

            Examples:
              pmem list --platform vm1
              pmem list --platform vm1 -DR -u
              pmem list --platform vm1 -R -r region0 -i --json
              pmem list --platform vm1 -vvv | jq '.[0].regions[].namespaces[].dev'
            """) { folder, buses, dimms, regions, namespaces, health, firmware, errors, dax, capabilities, idle, configured, human, verbose, bus, region, dimm, name, mode, type, node, json, table };
        command.SetAction(parsed =>
        {
            var options = new ListOptions
            {
                Buses = parsed.GetValue(buses),
                Dimms = parsed.GetValue(dimms),
                Regions = parsed.GetValue(regions),
                Namespaces = parsed.GetValue(namespaces),
                Health = parsed.GetValue(health),
                Firmware = parsed.GetValue(firmware),
                MediaErrors = parsed.GetValue(errors),
                DeviceDax = parsed.GetValue(dax),
                Capabilities = parsed.GetValue(capabilities),
                Idle = parsed.GetValue(idle),
                Configured = parsed.GetValue(configured),
                Human = parsed.GetValue(human),
                Verbose = parsed.GetResult(verbose)?.IdentifierTokenCount ?? 0,
                Bus = parsed.GetValue(bus),
                Region = parsed.GetValue(region),
                Dimm = parsed.GetValue(dimm),
                Namespace = parsed.GetValue(name),
                Mode = parsed.GetValue(mode),
                Type = parsed.GetValue(type),
                NumaNode = parsed.GetValue(node),
            };
            using PlatformSource source = PlatformSource.Open(parsed.GetValue(folder), mayBeEmpty: true);
            if (parsed.GetValue(table) || (!Console.IsOutputRedirected && !options.Human && !parsed.GetValue(json)))
            {
                ListTables.Print(source.Platform, options);
                return Program.Success;
            }

            string text = new PlatformListing(source.Platform, options).Print();
            if (text.Length > 0)
                Console.WriteLine(text);
            return Program.Success;
        });
        return command;
    }

    private static Option<bool> Flag(string name, string? letter, string what) => letter is null ? new Option<bool>(name) { Description = what } : new Option<bool>(name, letter) { Description = what };

    private static Option<string?> Filter(string name, string letter, string what) => new(name, letter) { Description = what };
}
