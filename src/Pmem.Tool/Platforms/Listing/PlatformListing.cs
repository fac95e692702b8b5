using System.Text.Json.Nodes;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>
/// What <c>ndctl list</c> prints of a platform, to the letter: which objects, in which envelope. An array comes to be with its first element, so what is not there has no
/// empty array; and whether regions with namespaces are an object or an array depends, as with ndctl, on the last region.
/// </summary>
internal sealed class PlatformListing
{
    // On the bus that is being listed.
    private IReadOnlyList<DimmView> _dimms = [];
    private IReadOnlyList<RegionView> _regions = [];
    private readonly IPlatform _platform;
    private readonly ListOptions _options;
    private readonly NamespaceMode? _mode;
    private readonly long? _node;
    private JsonArray? _dimmArray;
    private JsonArray? _regionArray;
    private JsonArray? _namespaceArray;
    private readonly List<JsonObject> _buses = [];
    private readonly List<JsonObject> _dimmObjects = [];
    private readonly List<JsonObject> _regionObjects = [];
    private readonly List<JsonObject> _namespaceObjects = [];

    /// <param name="platform">The platform.</param>
    /// <param name="options">What and how, as given.</param>
    /// <exception cref="PmemException">A filter is none.</exception>
    public PlatformListing(IPlatform platform, ListOptions options)
    {
        _platform = platform;
        _options = options.Resolve(Environment.GetEnvironmentVariable("NDCTL_LIST_LINT") is not null);
        if (_options.FindProblem() is { } problem)
            throw new PmemException(problem);
        _mode = _options.Mode is { } word ? NameFilter.ModeOf(word) : null;
        if (_options.NumaNode is { } node)
            NameFilter.TryNode(node, out _node);
    }

    /// <summary>What was printed, kind by kind.</summary>
    public IReadOnlyList<JsonObject> Buses => _buses;

    /// <inheritdoc cref="Buses"/>
    public IReadOnlyList<JsonObject> Dimms => _dimmObjects;

    /// <inheritdoc cref="Buses"/>
    public IReadOnlyList<JsonObject> Regions => _regionObjects;

    /// <inheritdoc cref="Buses"/>
    public IReadOnlyList<JsonObject> Namespaces => _namespaceObjects;

    /// <summary>The text; empty when nothing is found.</summary>
    public string Print()
    {
        IReadOnlyList<DimmView> dimms = _platform.GetDimms();
        IReadOnlyList<RegionView> regions = _platform.GetRegions();
        foreach (BusView bus in _platform.GetBuses())
        {
            _dimms = [.. dimms.Where(dimm => dimm.Bus == bus.Name)];
            _regions = [.. regions.Where(region => region.Bus == bus.Name)];
            if (HasAny(bus))
                AddBus(bus);
        }

        if (_options.Buses)
            return _buses.Count == 0 ? string.Empty : NdctlJson.PrintArray([.. _buses], _options.Human);
        JsonArray[] found = [.. new[] { _dimmArray, _regionArray, _namespaceArray }.OfType<JsonArray>()];
        if (found.Length <= 1)
            return found.Length == 0 ? string.Empty : NdctlJson.PrintArray(found[0], _options.Human);
        var all = new JsonObject();
        if (_dimmArray is not null)
            all["dimms"] = _dimmArray;
        if (_regionArray is not null)
            all["regions"] = _regionArray;
        else
            all["namespaces"] = _namespaceArray;
        return NdctlJson.Print(all);
    }

    private void AddBus(BusView view)
    {
        JsonObject? bus = null;
        if (_options.Buses)
        {
            bus = BusJson.Make(view, _dimms, _options);
            _buses.Add(bus);
            _dimmArray = _regionArray = _namespaceArray = null;
        }

        foreach (DimmView dimm in _options.Dimms ? _dimms.Where(IsChosen) : [])
            Add(_dimmObjects, ref _dimmArray, bus, "dimms", DimmJson.Make(dimm, _options.Health ? _platform.GetHealth(dimm.Name).Value : null, _options));
        foreach (RegionView region in _regions.Where(IsChosen))
            AddRegion(region, bus);
    }

    private void AddRegion(RegionView region, JsonObject? bus)
    {
        JsonObject? parent = bus;
        var bad = new BadSectors(region, _platform.GetErrors(region.Name).Value);
        if (_options.Regions)
        {
            if (!ShowsIdle && region.State == RegionState.Disabled)
                return;
            string[]? dimms = _options.Dimms ? [.. _dimms.Where(dimm => NameFilter.Matches(_options.Dimm, dimm.Name) && (dimm.IsEnabled || ShowsIdle)).Select(dimm => dimm.Name)] : null;
            parent = RegionJson.Make(region, dimms, bad, _options);
            Add(_regionObjects, ref _regionArray, bus, "regions", parent);
            _namespaceArray = null;
        }

        if (!_options.Namespaces)
            return;
        foreach (NamespaceView space in region.Namespaces)
        {
            if (IsChosen(space))
                Add(_namespaceObjects, ref _namespaceArray, parent, "namespaces", NamespaceJson.Make(space, region, bad, _options));
        }

        if (_options.Idle && SeedOf(region) is { } seed && NameFilter.MatchesNamespace(_options.Namespace, seed) && _mode is null or NamespaceMode.Raw)
            Add(_namespaceObjects, ref _namespaceArray, parent, "namespaces", NamespaceJson.Seed(seed, region, bad, _options));
    }

    private bool ShowsIdle => _options.Idle || _options.Configured;

    private static void Add(List<JsonObject> objects, ref JsonArray? array, JsonObject? parent, string name, JsonObject element)
    {
        if (array is null)
        {
            array = [];
            if (parent is not null)
                parent[name] = array;
        }

        array.Add((JsonNode)element);
        objects.Add(element);
    }

    /// <summary>The bus is left out when a filter names nothing on it.</summary>
    private bool HasAny(BusView bus) =>
        NameFilter.Matches(_options.Bus, bus.Name, bus.Provider)
        && (_options.Dimm is null or "all" || _dimms.Any(dimm => NameFilter.Matches(_options.Dimm, dimm.Name)))
        && (_options.Region is null or "all" || _regions.Any(region => NameFilter.Matches(_options.Region, region.Name)))
        && (_options.Namespace is null or "all" || _regions.Any(region => HasNamed(region)));

    private bool HasNamed(RegionView region) => _options.Namespace is null or "all" || NamesOf(region).Any(name => NameFilter.MatchesNamespace(_options.Namespace, name));

    private static IEnumerable<string> NamesOf(RegionView region)
    {
        IEnumerable<string> names = region.Namespaces.Select(space => space.Name);
        return SeedOf(region) is { } seed ? names.Append(seed) : names;
    }

    /// <summary>Linux keeps an empty namespace in a region that can be divided; the first one is it itself as long as it was never enabled.</summary>
    private static string? SeedOf(RegionView region)
    {
        if (region.State != RegionState.Enabled || region.Mappings.Count == 0)
            return null;
        return region.Namespaces is [{ CanBeEnabled: false }, ..] ? null : $"namespace{NameFilter.NumberOf(region.Name)}.{region.Namespaces.Select(space => NameFilter.NumberOf(space.Name)).DefaultIfEmpty(-1).Max() + 1}";
    }

    private bool IsChosen(DimmView dimm) =>
        (dimm.IsEnabled || ShowsIdle)
        && NameFilter.Matches(_options.Dimm, dimm.Name)
        && (_options.Region is null or "all" || _regions.Any(region => NameFilter.Matches(_options.Region, region.Name) && Has(region, dimm)))
        && (_options.Namespace is null or "all" || _regions.Any(region => HasNamed(region) && Has(region, dimm)))
        && (_node is null || _regions.Any(region => Has(region, dimm) && NodeOf(region) == _node));

    private static bool Has(RegionView region, DimmView dimm) => region.Mappings.Any(mapping => mapping.Dimm == dimm.Name);

    private bool IsChosen(RegionView region) =>
        NameFilter.Matches(_options.Region, region.Name)
        && (_options.Dimm is null or "all" || region.Mappings.Any(mapping => NameFilter.Matches(_options.Dimm, mapping.Dimm)))
        && HasNamed(region)
        && (_node is null || NodeOf(region) == _node)
        && _options.Type is null or "pmem";

    // Virtual platforms are on the first node.
    private static long NodeOf(RegionView region) => region.NumaNode ?? 0;

    private bool IsChosen(NamespaceView space) =>
        (space.IsEnabled || _options.Idle || (_options.Configured && space.RawSize > 0))
        && NameFilter.MatchesNamespace(_options.Namespace, space.Name)
        && (_mode is null || _mode == (space.IsEnabled ? space.Mode : NamespaceMode.Raw));
}
