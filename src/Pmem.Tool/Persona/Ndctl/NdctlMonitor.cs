using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// <c>ndctl monitor</c>: an object for each DIMM that is out of order at the start, and then for each that has a new event. On a machine the kernel wakes ndctl; here the platform is
/// looked at again every so often, and held for that moment only.
/// </summary>
internal static class NdctlMonitor
{
    // An option that ndctl has only under its name.
    private const char Daemon = '1';

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private static readonly (string Name, Func<DimmHealth, bool> Happens)[] s_events =
    [
        ("dimm-spares-remaining", health => health.SparesAlarm == true),
        ("dimm-media-temperature", health => health.MediaTemperatureAlarm == true),
        ("dimm-controller-temperature", health => health.ControllerTemperatureAlarm == true),
        ("dimm-health-state", health => health.State is not (HealthState.Ok or HealthState.Unknown)),
        ("dimm-unclean-shutdown", health => health.LastShutdownWasDirty == true),
    ];

    public static NdctlVerb Verb { get; } = new("monitor", "monitor [<options>]",
    [
        new('b', "bus", "only what is on this bus", "bus-id"),
        new('r', "region", "only DIMMs of this region", "region-id"),
        new('d', "dimm", "only this DIMM", "dimm-id"),
        new('n', "namespace", "only DIMMs of this namespace", "namespace-id"),
        new('D', "dimm-event", "only these events", "name of event type"),
        new('l', "log", "where to write: a file, or standard", "<file> | syslog | standard"),
        new('c', "config-file", "not used here", "config-file"),
        new(Daemon, "daemon", "not possible here") { IsLong = true },
        new('u', "human", "print JSON for people"),
        new('v', "verbose", "say more"),
        new('p', "poll", "seconds between two looks", "n") { IsNumber = true },
    ],
    Run);

    private static int Run(NdctlArguments arguments)
    {
        if (arguments.Operands.Count > 0)
            return arguments.Fail($"unknown parameter \"{arguments.Operands[0]}\"\n");
        if (arguments.Has(Daemon) || arguments.Value('l') == "syslog" || arguments.Has('c'))
        {
            NdctlText.Error("no daemon, system log or configuration here: start it in the background, and log to a file\n");
            return Errno.NotSupported.Code();
        }

        string[] wanted = arguments.Value('D') is { } names && names != "all" ? names.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries) : [.. s_events.Select(known => known.Name)];
        if (Array.Find(wanted, name => !s_events.Any(known => known.Name == name)) is { } unknown)
        {
            NdctlText.Error($"no dimm-event named {unknown}\n");
            return Errno.InvalidArgument.Code();
        }

        if (!HasAny(arguments))
        {
            Console.Error.WriteLine("no dimms to monitor, exiting");
            return Errno.NoDeviceOrAddress.Code();
        }

        using TextWriter log = arguments.Value('l') is { } path and not "standard" ? new StreamWriter(path, append: true) : Console.Error;
        TimeSpan pause = arguments.Number('p') is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : s_pause;
        using var end = new ManualResetEventSlim();
        ConsoleCancelEventHandler onCancel = (_, cancel) =>
        {
            cancel.Cancel = true;
            end.Set();
        };
        Console.CancelKeyPress += onCancel;
        try
        {
            var known = new Dictionary<string, string>(StringComparer.Ordinal);
            do
            {
                foreach (JsonObject found in Look(arguments, wanted, known))
                {
                    log.WriteLine(arguments.Has('u') ? NdctlJson.Print(found) : found.ToJsonString());
                    log.Flush();
                }
            }
            while (!end.Wait(pause));
        }
        finally
        {
            Console.CancelKeyPress -= onCancel;
        }

        return 0;
    }

    private static bool HasAny(NdctlArguments arguments)
    {
        using PlatformSource source = NdctlProgram.Open();
        source.DemandAlive("watched", "'list -DH'");
        return Chosen(source.Platform, arguments).Any();
    }

    private static IEnumerable<string> Chosen(IPlatform platform, NdctlArguments arguments)
    {
        var filter = new ListOptions { Dimms = true, Idle = true, Bus = arguments.Value('b'), Region = arguments.Value('r'), Dimm = arguments.Value('d'), Namespace = arguments.Value('n') };
        var listing = new PlatformListing(platform, filter);
        listing.Print();
        return listing.Dimms.Select(dimm => (string)dimm["dev"]!);
    }

    private static List<JsonObject> Look(NdctlArguments arguments, string[] wanted, Dictionary<string, string> known)
    {
        var found = new List<JsonObject>();
        using PlatformSource source = NdctlProgram.Open();
        IPlatform platform = source.Platform;
        foreach (string name in Chosen(platform, arguments))
        {
            if (platform.GetHealth(name).Value is not { } health)
                continue;
            (string Name, bool Happens)[] events = [.. s_events.Where(known => wanted.Contains(known.Name, StringComparer.Ordinal)).Select(known => (known.Name, known.Happens(health)))];
            string state = string.Concat(events.Select(item => item.Happens ? '1' : '0'));
            string before = known.GetValueOrDefault(name, new string('0', state.Length));
            known[name] = state;
            if (state == before || !Enumerable.Range(0, state.Length).Any(i => state[i] > before[i]))
                continue;
            DimmView dimm = platform.GetDimms().First(candidate => candidate.Name == name);
            found.Add(new JsonObject
            {
                ["timestamp"] = Timestamp(DateTimeOffset.UtcNow),
                ["pid"] = Environment.ProcessId,
                ["event"] = new JsonObject(events.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)JsonValue.Create(item.Happens)))),
                ["dimm"] = DimmJson.Make(dimm, health, new ListOptions()),
            });
        }

        return found;
    }

    private static string Timestamp(DateTimeOffset now)
    {
        const int NanosecondsPerTick = 100;
        long ticks = (now - DateTimeOffset.UnixEpoch).Ticks;
        return string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerSecond,10}.{ticks % TimeSpan.TicksPerSecond * NanosecondsPerTick:000000000}");
    }
}
