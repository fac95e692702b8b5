using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// <c>ndctl monitor</c>: switches the alarms on, writes an object for each DIMM whose alarm is raised at the start, and then for each that has a new event; with <c>--poll</c> also for every
/// one that still has one. On a machine the kernel wakes ndctl; here the platform is looked at again every so often, and held for that moment only.
/// </summary>
internal static class NdctlMonitor
{
    // An option that ndctl has only under its name.
    private const char Daemon = '1';
    private const string StateEvent = "dimm-health-state";

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    // The state of health is an event when it is another one than at the start.
    private static readonly (string Name, Func<DimmHealth, DimmHealth, bool> Happens)[] s_events =
    [
        ("dimm-spares-remaining", (health, _) => health.SparesAlarm == true),
        ("dimm-media-temperature", (health, _) => health.MediaTemperatureAlarm == true),
        ("dimm-controller-temperature", (health, _) => health.ControllerTemperatureAlarm == true),
        (StateEvent, (health, first) => health.State != first.State),
        ("dimm-unclean-shutdown", (health, _) => health.LastShutdownWasDirty == true),
    ];

    public static NdctlVerb Verb { get; } = new("monitor", "monitor [<options>]",
    [
        new('b', "bus", "only what is on this bus", "bus-id"),
        new('r', "region", "only DIMMs of this region", "region-id"),
        new('d', "dimm", "only this DIMM", "dimm-id"),
        new('n', "namespace", "only DIMMs of this namespace", "namespace-id"),
        new('D', "dimm-event", "only these events", "name of event type"),
        new('l', "log", "where to write: a file, or standard", "<file> | syslog | standard"),
        new('c', "config-file", "options that are kept in a file", "config-file"),
        new(Daemon, "daemon", "not possible here") { IsLong = true },
        new('u', "human", "print JSON for people"),
        new('v', "verbose", "say more"),
        new('p', "poll", "seconds between two reports of what is out of order", "n") { IsNumber = true },
    ],
    Run);

    private static int Run(NdctlArguments arguments)
    {
        if (arguments.Operands.Count > 0)
            return arguments.Fail(arguments.Operands.Select(operand => $"unknown parameter \"{operand}\""));
        if (NdctlMonitorOptions.Read(arguments, out Errno error) is not { } options)
            return error.Code();
        if (arguments.Has(Daemon) || options.Log?.StartsWith("syslog", StringComparison.Ordinal) == true)
        {
            NdctlText.Error("no daemon or system log here: start it in the background, and log to a file\n");
            return Errno.NotSupported.Code();
        }

        if (OpenLog(options.Log, out error) is not { } log)
            return error.Code();
        using TextWriter target = log;
        string[] wanted = options.Events?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? ["all"];
        if (Array.Find(wanted, name => name != "all" && !s_events.Any(known => known.Name == name)) is { } unknown)
        {
            // ndctl ends well after it.
            Console.Error.WriteLine($"no dimm-event named {unknown}");
            return 0;
        }

        if (wanted.Contains("all", StringComparer.Ordinal))
            wanted = [.. s_events.Select(known => known.Name)];
        return new Watch(options, wanted, arguments.Number('p') is { } seconds and > 0 ? TimeSpan.FromSeconds(seconds) : null, arguments.Has('u'), target).Run();
    }

    private static TextWriter? OpenLog(string? path, out Errno error)
    {
        error = Errno.None;
        if (path?.StartsWith("standard", StringComparison.Ordinal) != false)
            return Console.Error;
        try
        {
            return new StreamWriter(path, append: true);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            NdctlText.Error($"open {path} failed\n");
            error = Errnos.Of(failed, path);
            return null;
        }
    }

    /// <summary>One run.</summary>
    private sealed class Watch(NdctlMonitorOptions options, string[] wanted, TimeSpan? poll, bool human, TextWriter log)
    {
        private readonly Dictionary<string, (DimmHealth First, DimmHealth Last)> _known = new(StringComparer.Ordinal);

        public int Run()
        {
            using var end = new ManualResetEventSlim();
            ConsoleCancelEventHandler onCancel = (_, cancel) =>
            {
                cancel.Cancel = true;
                end.Set();
            };
            Console.CancelKeyPress += onCancel;
            try
            {
                if (!Begin())
                {
                    (ReferenceEquals(log, Console.Error) ? Console.Out : log).WriteLine("no dimms to monitor, exiting");
                    return Errno.NoDeviceOrAddress.Code();
                }

                TimeSpan pause = poll < s_pause ? poll.Value : s_pause;
                TimeSpan passed = TimeSpan.Zero;
                while (!end.Wait(pause))
                {
                    passed += pause;
                    bool isFull = passed >= poll;
                    passed = isFull ? TimeSpan.Zero : passed;
                    Look(isFull);
                }
            }
            finally
            {
                Console.CancelKeyPress -= onCancel;
            }

            return 0;
        }

        /// <summary>Switches the alarms on, and tells of those that are raised.</summary>
        private bool Begin()
        {
            using PlatformSource source = NdctlProgram.Open();
            source.DemandAlive("watched", "'list -DH'");
            IPlatform platform = source.Platform;
            foreach (DimmView dimm in Chosen(platform))
            {
                if (platform.GetHealth(dimm.Name).Value is not { } health)
                    continue;
                health = SwitchOn(platform, dimm.Name, health);
                _known[dimm.Name] = (health, health);
                Tell(dimm, health, health);
            }

            return _known.Count > 0;
        }

        private DimmHealth SwitchOn(IPlatform platform, string dimm, DimmHealth health)
        {
            if (health.Thresholds is not { } limits)
                return health;
            var switched = new HealthInjection
            {
                SparesAlarm = wanted.Contains("dimm-spares-remaining", StringComparer.Ordinal) && limits.SparesEnabled == false ? true : null,
                MediaTemperatureAlarm = wanted.Contains("dimm-media-temperature", StringComparer.Ordinal) && limits.MediaTemperatureEnabled == false ? true : null,
                ControllerTemperatureAlarm = wanted.Contains("dimm-controller-temperature", StringComparer.Ordinal) && limits.ControllerTemperatureEnabled == false ? true : null,
            };
            if (switched == new HealthInjection())
                return health;
            PlatformResult<DimmHealth> result = platform.InjectHealth(dimm, switched);
            if (result.Value is { } after)
                return after;
            Console.Error.WriteLine($"{dimm}: its alarms stay switched off: {result.Message}");
            return health;
        }

        private void Look(bool isFull)
        {
            try
            {
                using PlatformSource source = NdctlProgram.Open();
                foreach (DimmView dimm in Chosen(source.Platform))
                {
                    if (!_known.TryGetValue(dimm.Name, out (DimmHealth First, DimmHealth Last) known) || source.Platform.GetHealth(dimm.Name).Value is not { } health)
                        continue;
                    _known[dimm.Name] = (known.First, health);
                    bool isNew = health.State != known.Last.State || s_events.Any(item => item.Happens(health, known.First) && !item.Happens(known.Last, known.First));
                    if (isFull || isNew)
                        Tell(dimm, health, known.First);
                }
            }
            catch (PmemException inUse) when (inUse.IsBusy)
            {
                // Whoever has it open will give it back; the next look compares with the last one.
            }
        }

        private IEnumerable<DimmView> Chosen(IPlatform platform)
        {
            var listing = new PlatformListing(platform, options.Filter);
            listing.Print();
            HashSet<string> names = [.. listing.Dimms.Select(dimm => (string)dimm["dev"]!)];
            return platform.GetDimms().Where(dimm => names.Contains(dimm.Name));
        }

        private void Tell(DimmView dimm, DimmHealth health, DimmHealth first)
        {
            (string Name, bool Happens)[] events = [.. s_events.Where(known => wanted.Contains(known.Name, StringComparer.Ordinal)).Select(known => (known.Name, known.Happens(health, first)))];
            if (!Array.Exists(events, item => item.Happens))
                return;
            var found = new JsonObject
            {
                ["timestamp"] = Timestamp(DateTimeOffset.UtcNow),
                ["pid"] = Environment.ProcessId,
                ["event"] = new JsonObject(events.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)JsonValue.Create(item.Happens)))),
                ["dimm"] = DimmJson.Make(dimm, health, new ListOptions()),
            };
            log.WriteLine(human ? NdctlJson.Print(found) : NdctlJson.PrintLine(found));
            log.Flush();
        }
    }

    private static string Timestamp(DateTimeOffset now)
    {
        const int NanosecondsPerTick = 100;
        long ticks = (now - DateTimeOffset.UnixEpoch).Ticks;
        return string.Create(CultureInfo.InvariantCulture, $"{ticks / TimeSpan.TicksPerSecond,10}.{ticks % TimeSpan.TicksPerSecond * NanosecondsPerTick:000000000}");
    }
}
