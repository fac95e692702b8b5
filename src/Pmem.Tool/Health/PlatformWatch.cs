using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Health;

/// <summary>What is watched.</summary>
internal sealed record WatchOptions
{
    public DimmEvents Events { get; init; } = DimmEvents.All;

    /// <summary>Also ranges that become unreadable, or readable again.</summary>
    public bool MediaErrors { get; init; }

    /// <summary>Also when security or firmware of a DIMM changes.</summary>
    public bool Changes { get; init; }

    public string? Bus { get; init; }

    public string? Dimm { get; init; }

    public string? Region { get; init; }

    public string? Namespace { get; init; }
}

/// <summary>
/// Compares what a platform says at one look with what it said at the look before. An event is told once, when it begins; what is out of order at the first look is told then.
/// </summary>
internal sealed class PlatformWatch(WatchOptions options)
{
    private readonly Dictionary<string, (DimmHealth? Health, DimmEvents Events)> _before = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (DimmSecurity? Security, DimmFirmware? Firmware)> _known = new(StringComparer.Ordinal);
    private HashSet<AddressRange>? _errors;

    /// <summary>Looks, and gives the events since the look before, in the form of <c>ndctl monitor</c>.</summary>
    public IReadOnlyList<JsonObject> Look(IPlatform platform, DateTimeOffset now)
    {
        var events = new List<JsonObject>();
        foreach (DimmView dimm in Watched(platform))
        {
            PlatformResult<DimmHealth> told = platform.GetHealth(dimm.Name);
            bool wasSeen = _before.TryGetValue(dimm.Name, out (DimmHealth? Health, DimmEvents Events) before);
            DimmEvents found = told.Value is { } health ? DimmEventNames.Of(health, before.Health)
                : wasSeen && before.Health is not null ? DimmEvents.HealthState : DimmEvents.None;

            // A DIMM that is there again, or that was off in the meantime and lost data once more.
            if (told.Succeeded && wasSeen && before.Health is null)
                found |= DimmEvents.HealthState;
            DimmEvents fresh = found & ~before.Events;
            if (told.Value?.ShutdownCount > before.Health?.ShutdownCount)
                fresh |= found & DimmEvents.UncleanShutdown;
            _before[dimm.Name] = (told.Value, found & ~DimmEvents.HealthState);
            if ((fresh & options.Events) != 0)
                events.Add(Describe(dimm, told, found, now));
            if (options.Changes)
                LookForChanges(dimm, events, now);
        }

        if (options.MediaErrors && platform.GetErrors().Value is { } errors)
            LookForErrors(platform.Provider, errors, events, now);
        return events;
    }

    /// <summary>Refuses to watch what is not there, of which nothing would ever be told.</summary>
    /// <exception cref="PmemException">It is not there.</exception>
    public void DemandNames(IPlatform platform)
    {
        Demand("bus", options.Bus, platform.GetDimms().Any(dimm => NameFilter.MatchesBus(options.Bus, platform, dimm.Bus)), "B");
        Demand("region", options.Region, platform.GetRegions().Any(region => NameFilter.Matches(options.Region, region.Name)), "Ri");
        Demand("DIMM", options.Dimm, platform.GetDimms().Any(dimm => NameFilter.Matches(options.Dimm, dimm.Name, dimm.Id)), "Di");
        Demand("namespace", options.Namespace, platform.GetRegions().SelectMany(region => region.Namespaces).Any(space => NameFilter.MatchesNamespace(options.Namespace, space.Name)), "Ni");

        static void Demand(string kind, string? wanted, bool isThere, string option)
        {
            if (wanted is not null && !isThere)
                throw new PmemException($"there is no {kind} {wanted} to be watched; 'pmem list -{option}' lists those there are");
        }
    }

    private IEnumerable<DimmView> Watched(IPlatform platform)
    {
        HashSet<string>? within = null;
        if (options.Region is not null || options.Namespace is not null)
        {
            within = [.. platform.GetRegions()
                .Where(region => NameFilter.Matches(options.Region, region.Name) && (options.Namespace is null || region.Namespaces.Any(space => NameFilter.MatchesNamespace(options.Namespace, space.Name))))
                .SelectMany(region => region.Mappings).Select(mapping => mapping.Dimm)];
        }

        return platform.GetDimms().Where(dimm => NameFilter.MatchesBus(options.Bus, platform, dimm.Bus) && NameFilter.Matches(options.Dimm, dimm.Name, dimm.Id) && within?.Contains(dimm.Name) != false);
    }

    /// <summary>Tells when a DIMM was locked, unlocked, frozen, erased, or got other firmware; what it is at the first look is no change.</summary>
    private void LookForChanges(DimmView dimm, List<JsonObject> events, DateTimeOffset now)
    {
        // How far an overwrite is, is not an event.
        (DimmSecurity?, DimmFirmware?) state = (dimm.Details.Security is { } security ? security with { OverwriteProgress = null } : null, dimm.Details.Firmware);
        bool wasSeen = _known.TryGetValue(dimm.Name, out (DimmSecurity? Security, DimmFirmware? Firmware) before);
        _known[dimm.Name] = state;
        if (!wasSeen || before == state)
            return;
        JsonObject told = Begin(now);
        told["event"] = new JsonObject { ["dimm-security"] = before.Security != state.Item1, ["dimm-firmware"] = before.Firmware != state.Item2 };
        told["dimm"] = DimmJson.Make(dimm, health: null, new ListOptions { Firmware = true });
        events.Add(told);
    }

    private void LookForErrors(string provider, MediaErrors errors, List<JsonObject> events, DateTimeOffset now)
    {
        HashSet<AddressRange> known = [.. errors.Ranges.Select(range => new AddressRange(range.Address, range.Length))];
        BadRange[] fresh = [.. errors.Ranges.Where(range => _errors?.Contains(new AddressRange(range.Address, range.Length)) != true)];
        AddressRange[] gone = [.. (_errors ?? []).Where(range => !known.Contains(range)).OrderBy(range => range.Address)];
        _errors = known;
        if (fresh.Length == 0 && gone.Length == 0)
            return;
        JsonObject told = Begin(now);
        told["event"] = new JsonObject { ["media-errors"] = fresh.Length > 0 };
        told["provider"] = provider;
        told["errors"] = new JsonArray([.. fresh.Select(range => Describe(new AddressRange(range.Address, range.Length), range.Parts))]);
        told["cleared"] = new JsonArray([.. gone.Select(range => Describe(range, []))]);
        events.Add(told);
    }

    private static JsonObject Describe(AddressRange range, IReadOnlyList<DimmRange> parts)
    {
        var json = new JsonObject { ["address"] = range.Address, ["length"] = range.Length };
        if (parts.Count > 0)
            json["dimms"] = new JsonArray([.. parts.Select(part => new JsonObject { ["dimm"] = part.Dimm, ["dpa"] = part.Dpa, ["length"] = part.Length })]);
        return json;
    }

    private JsonObject Describe(DimmView dimm, PlatformResult<DimmHealth> told, DimmEvents found, DateTimeOffset now)
    {
        var names = new JsonObject();
        foreach ((DimmEvents single, string name) in DimmEventNames.Names)
        {
            if (options.Events.HasFlag(single))
                names[name] = found.HasFlag(single);
        }

        JsonObject json = Begin(now);
        json["event"] = names;
        JsonObject described = DimmJson.Make(dimm, told.Value, new ListOptions { Health = true });
        if (!told.Succeeded)
            described["problem"] = told.Message;
        json["dimm"] = described;
        return json;
    }

    private static JsonObject Begin(DateTimeOffset now)
    {
        const long TicksPerSecond = TimeSpan.TicksPerSecond;
        long ticks = (now - DateTimeOffset.UnixEpoch).Ticks;
        return new JsonObject
        {
            ["timestamp"] = string.Create(CultureInfo.InvariantCulture, $"{ticks / TicksPerSecond,10}.{ticks % TicksPerSecond * 100:000000000}"),
            ["pid"] = Environment.ProcessId,
        };
    }
}
