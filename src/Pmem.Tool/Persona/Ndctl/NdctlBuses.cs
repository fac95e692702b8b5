using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>ndctl's commands on buses: <c>start-scrub</c>, <c>wait-scrub</c>.</summary>
internal static class NdctlBuses
{
    private static readonly NdctlOption s_verbose = new('v', "verbose", "say more");

    public static NdctlVerb StartScrub { get; } = new("start-scrub", "start-scrub [<bus-id> <bus-id2> ... <bus-idN>] [<options>]", [s_verbose],
        arguments => Run(arguments, "error starting scrub", (source, bus) => source.Platform.StartScrub(bus)));

    public static NdctlVerb WaitScrub { get; } = new("wait-scrub", "wait-scrub [<bus-id> <bus-id2> ... <bus-idN>] [<options>]",
    [
        s_verbose,
        new('p', "poll", "seconds between two looks", "n") { IsNumber = true },
    ],
    arguments => Run(arguments, "error waiting for scrub completion", (source, _) =>
    {
        // What is under way in a capture never ends.
        if (source.Capture is not null)
            return PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, "a capture has no scrub that could be waited for", "ask for the state with 'list -B'");
        IPlatform platform = source.Platform;
        ScrubStatus end = platform.GetScrub() is { State: ScrubState.NotSupported } none ? none : platform.WaitScrub(arguments.Number('p') is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : TimeSpan.FromMilliseconds(200));
        return end.State == ScrubState.NotSupported ? PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, end.Reason, "take a platform with scrubs") : PlatformResult<ScrubStatus>.Done(end);
    }));

    private static int Run(NdctlArguments arguments, string failure, Func<PlatformSource, string, PlatformResult<ScrubStatus>> act)
    {
        using PlatformSource source = NdctlProgram.Open();
        string[] wanted = arguments.Operands.Count == 0 ? ["all"] : [.. arguments.Operands];
        var error = Errno.NoDeviceOrAddress;
        var done = new JsonArray();
        foreach (BusView bus in source.Platform.GetBuses().Where(bus => Array.Exists(wanted, name => NameFilter.Matches(name, bus.Name, bus.Provider))))
        {
            // What is done on a platform is done on the bus that can.
            PlatformResult<ScrubStatus> result = bus.Scrub.State == ScrubState.NotSupported && source.Platform.GetScrub().State != ScrubState.NotSupported
                ? PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, bus.Scrub.Reason, "take another bus")
                : act(source, bus.Name);
            if (result.Succeeded)
            {
                BusView after = source.Platform.GetBuses().First(candidate => candidate.Name == bus.Name);
                done.Add((JsonNode)BusJson.Make(after, source.Platform.GetDimms().Where(dimm => dimm.Bus == bus.Name), new ListOptions { Firmware = true }));
                continue;
            }

            error = Errnos.Of(result.Error);
            Console.Error.WriteLine(result.Message);
        }

        if (done.Count > 0)
        {
            Console.Out.WriteLine(NdctlJson.Print(done));
            return 0;
        }

        Console.Error.WriteLine($"{failure}: {error.Text()}");
        return error.Code();
    }
}
