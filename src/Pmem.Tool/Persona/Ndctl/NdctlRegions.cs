using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary><c>ndctl enable-region</c> and <c>disable-region</c>, which end with 0 whatever they found.</summary>
internal static class NdctlRegions
{
    private static readonly NdctlOption[] s_options =
    [
        new('b', "bus", "only regions on this bus", "bus-id"),
        new('t', "type", "only regions of this type", "region-type"),
    ];

    public static NdctlVerb Enable { get; } = new("enable-region", "enable-region <region> [<options>]", s_options, arguments => Run(arguments, "enabled", (platform, name) => platform.EnableRegion(name)));

    public static NdctlVerb Disable { get; } = new("disable-region", "disable-region <region> [<options>]", s_options, arguments => Run(arguments, "disabled", (platform, name) => platform.DisableRegion(name)));

    private static int Run(NdctlArguments arguments, string done, Func<IPlatform, string, PlatformResult<RegionView>> act)
    {
        if (arguments.Operands.Count == 0)
            return arguments.Fail("specify a specific region id to act on, or \"all\"\n");
        if (arguments.Operands.Count > 1)
            return arguments.Fail(NdctlDefaults.Extra(arguments, 1));
        if (arguments.Value('t') is { } type and not ("pmem" or "blk"))
            return arguments.Fail($"unknown region type '{type}', should be 'pmem' or 'blk'\n");
        using PlatformSource source = NdctlProgram.Open();
        int count = 0;
        foreach (RegionView region in arguments.Value('t') == "blk" ? [] : NdctlNamespaces.Regions(source.Platform, arguments))
        {
            if (!NameFilter.Matches(arguments.Operands[0], region.Name))
                continue;
            PlatformResult<RegionView> result = act(source.Platform, region.Name);
            if (result.Succeeded)
                count++;
            else
                Console.Error.WriteLine($"{region.Name}: {result.Message}; {result.Remedy}");
        }

        NdctlText.Summary(done, count, "region");
        return 0;
    }
}
