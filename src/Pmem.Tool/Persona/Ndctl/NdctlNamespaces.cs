using Pmem.Blocks.Checking;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>ndctl's commands that enable, disable, destroy, check and clear namespaces.</summary>
internal static class NdctlNamespaces
{
    public static readonly NdctlOption[] BaseOptions =
    [
        new('b', "bus", "only namespaces on this bus", "bus-id"),
        new('r', "region", "only namespaces in this region", "region-id"),
        new('v', "verbose", "say more"),
    ];

    public static NdctlVerb Enable { get; } = new("enable-namespace", "enable-namespace <namespace> [<options>]", BaseOptions,
        arguments => Each(arguments, new("enable", "enabling", "enabled"), (platform, _, space) => Refusal("enable namespace", platform.EnableNamespace(space.Name))));

    public static NdctlVerb Disable { get; } = new("disable-namespace", "disable-namespace <namespace> [<options>]", BaseOptions,
        arguments => Each(arguments, new("disable", "disabling", "disabled"), (platform, _, space) => Refusal("disable namespace", platform.DisableNamespace(space.Name))));

    public static NdctlVerb Destroy { get; } = new("destroy-namespace", "destroy-namespace <namespace> [<options>]",
    [
        .. BaseOptions,
        new('f', "force", "also when it is active"),
    ],
    arguments => Each(arguments, new("destroy", "destroying", "destroyed"), (platform, _, space) =>
    {
        if (space.IsEnabled && !arguments.Has('f'))
            return Said("destroy namespace", $"{space.Name} is active, specify --force for destruction", Errno.Busy);
        return Refusal("destroy namespace", platform.DestroyNamespace(space.Name, force: true));
    }));

    public static NdctlVerb Check { get; } = new("check-namespace", "check-namespace <namespace> [<options>]",
    [
        .. BaseOptions,
        new('R', "repair", "mend what is wrong"),
        new('L', "rewrite-log", "make the log anew"),
        new('f', "force", "also when it is active: it is disabled meanwhile"),
    ],
    arguments => Each(arguments, new("check", "checking", "checked"), (platform, _, space) => CheckOne(platform, space, arguments)));

    public static NdctlVerb Clear { get; } = new("clear-errors", "clear_errors <namespace> [<options>]",
    [
        .. BaseOptions,
        new('s', "scrub", "search for errors first"),
    ],
    arguments => Each(arguments, new("clear errors for", "clearing", "cleared"), (platform, region, space) => ClearOne(platform, region, space, arguments.Has('s'))));

    /// <summary>Says why something is refused; <see cref="Errno.None"/> when it is not.</summary>
    public static Outcome Refusal<T>(string command, PlatformResult<T> result)
        where T : class => result.Succeeded ? new Outcome(Errno.None, IsSaid: false) : Said(command, $"{result.Message}; {result.Remedy}", Errnos.Of(result.Error));

    public static Outcome Said(string command, string message, Errno error)
    {
        NdctlText.Error($"{command}: {message}");
        return new Outcome(error, IsSaid: true);
    }

    /// <summary>Does something to the namespace that is named, or to all: the last of a region first, since names move up when one is destroyed.</summary>
    public static int Each(NdctlArguments arguments, Words words, Func<IPlatform, RegionView, NamespaceView, Outcome> act)
    {
        if (arguments.Operands.Count == 0)
            return arguments.Fail($"specify a namespace to {words.Do}, or \"all\"\n");
        if (arguments.Operands.Count > 1)
            return arguments.Fail(NdctlDefaults.Extra(arguments, 1));
        using PlatformSource source = NdctlProgram.Open();
        string wanted = arguments.Operands[0];
        var last = new Outcome(wanted == "all" ? Errno.None : Errno.NoDeviceOrAddress, IsSaid: false);
        bool isSaid = false;
        int count = 0;
        foreach (RegionView region in Regions(source.Platform, arguments))
        {
            foreach (NamespaceView space in region.Namespaces.Reverse().Where(space => wanted == "all" || wanted == space.Name))
            {
                last = act(source.Platform, region, space);
                isSaid |= last.IsSaid;
                count += last is { Error: Errno.None, IsSkipped: false } ? 1 : 0;
            }
        }

        if (last.Error != Errno.None && !isSaid)
            Console.Error.WriteLine($"error {words.Doing} namespaces: {last.Error.Text()}");
        NdctlText.Summary(words.Done, count, "namespace");
        return last.IsSkipped ? 1 : last.Error.Code();
    }

    /// <summary>The regions that the filters of a command leave.</summary>
    public static IEnumerable<RegionView> Regions(IPlatform platform, NdctlArguments arguments) =>
        platform.GetRegions().Where(region => NameFilter.Matches(arguments.Value('r'), region.Name) && NameFilter.MatchesBus(arguments.Value('b'), platform, region.Bus));

    private static Outcome ClearOne(IPlatform platform, RegionView region, NamespaceView space, bool scrub)
    {
        if (space.IsEnabled && space.Mode == NamespaceMode.Sector)
            return new Outcome(Errno.None, IsSaid: false) { IsSkipped = true };
        if (scrub)
        {
            platform.StartScrub();
            platform.WaitScrub(TimeSpan.FromMilliseconds(100));
        }

        Outcome outcome = Refusal("clear errors namespace", platform.ClearErrors(space.Name));
        if (outcome.Error == Errno.None)
            Console.Out.WriteLine(NdctlJson.Print(NamespaceJson.Make(space, region, new BadSectors(region, platform.GetErrors(region.Name).Value), new ListOptions { MediaErrors = true })));
        return outcome;
    }

    private static Outcome CheckOne(IPlatform platform, NamespaceView space, NdctlArguments arguments)
    {
        bool repairs = arguments.Has('R');
        if (arguments.Has('L') && !repairs)
            return Fault(space, "--rewrite-log also requires --repair", Errno.InvalidArgument);
        if (space.IsEnabled && !arguments.Has('f'))
            return Fault(space, $"{space.Name}: check aborted, namespace online", Errno.Busy);
        using PersistentMap map = platform.OpenRaw(space.Name, readOnly: !repairs, force: true);
        BttCheckResult result = repairs
            ? BttRepair.Repair(map, 0, map.Length, new BttRepairOptions { AcceptLoss = arguments.Has('L') }).After
            : BttChecker.Check(map, 0, map.Length, new BttCheckOptions());
        foreach (BttFinding finding in result.Findings.Where(finding => finding.Severity == BttSeverity.Error))
            Fault(space, finding.ToString(), Errno.NoDeviceOrAddress);
        if (result.Arenas.Count == 0)
            return Fault(space, "Unable to recover any BTT info blocks\nThis may not be a sector mode namespace", Errno.NoDeviceOrAddress);
        return new Outcome(result.IsConsistent ? Errno.None : Errno.NoDeviceOrAddress, IsSaid: false);
    }

    // The checker of ndctl logs under the name of the namespace, and the command adds its own line.
    private static Outcome Fault(NamespaceView space, string message, Errno error)
    {
        foreach (string line in message.Split('\n'))
            Console.Error.WriteLine($"{space.Name}: namespace_check: {line}");
        return new Outcome(error, IsSaid: false);
    }

    /// <summary>How it ended for one namespace.</summary>
    /// <param name="Error">The error.</param>
    /// <param name="IsSaid">Whether it was said what is wrong.</param>
    internal readonly record struct Outcome(Errno Error, bool IsSaid)
    {
        /// <summary>Whether it was left out without being an error.</summary>
        public bool IsSkipped { get; init; }
    }

    /// <summary>A command in its forms.</summary>
    internal sealed record Words(string Do, string Doing, string Done);
}
