using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary><c>ndctl create-namespace</c>, which also reconfigures.</summary>
internal static class NdctlCreate
{
    private const int LargeSector = 4096;

    public static NdctlVerb Verb { get; } = new("create-namespace", "create-namespace [<options>]",
    [
        .. NdctlNamespaces.BaseOptions,
        new('e', "reconfig", "make this namespace another one", "reconfig namespace"),
        new('u', "uuid", "its uuid (a new one)", "uuid"),
        new('n', "name", "its name", "name"),
        new('s', "size", "its bytes (all that is free)", "size"),
        new('m', "mode", "sector, fsdax, devdax or raw", "operation-mode"),
        new('M', "map", "page structures: mem or dev", "memmap-location"),
        new('l', "sector-size", "bytes of a sector", "lba-size"),
        new('t', "type", "pmem or blk", "type"),
        new('a', "align", "alignment of its data (2M)", "align"),
        new('f', "force", "reconfigure it also when it is active"),
        new('L', "autolabel", "write labels where there are none (default)"),
        new('c', "continue", "create as many as there is room for"),
        new('R', "autorecover", "leave nothing behind on failure (default)"),
    ],
    Run);

    private static int Run(NdctlArguments arguments)
    {
        if (NdctlDefaults.Problems(arguments, isInfoBlock: false).Concat(NdctlDefaults.Extra(arguments, 0)).ToArray() is { Length: > 0 } problems)
            return arguments.Fail(problems);
        using PlatformSource source = NdctlProgram.Open();
        return arguments.Value('e') is { } name ? Reconfigure(source.Platform, name, arguments) : Create(source.Platform, arguments);
    }

    private static NamespaceRequest Read(NdctlArguments arguments) => new()
    {
        Mode = arguments.Value('m') is { } mode ? NameFilter.ModeOf(mode)!.Value : NamespaceMode.Fsdax,
        Size = Number(arguments.Value('s')),
        Alignment = Number(arguments.Value('a')),
        Map = arguments.Value('M') == "mem" ? PageMapMode.Memory : PageMapMode.Device,
        SectorSize = (int?)Number(arguments.Value('l')),
        Name = arguments.Value('n') ?? string.Empty,
        Uuid = arguments.Value('u') is { } uuid ? Guid.ParseExact(uuid, "D") : null,
        AutoLabel = !arguments.IsUndone('L'),
    };

    private static ulong? Number(string? text) => text is not null && NdctlSize.TryParse(text, out ulong value) ? value : null;

    // One in each region that has room: that is how far --continue goes. Any other refusal ends it.
    private static int Create(IPlatform platform, NdctlArguments arguments)
    {
        int created = 0;
        Errno error = Errno.NoDeviceOrAddress;
        string? why = null;
        bool isSaid = false;
        bool isOver = false;
        foreach (RegionView region in arguments.Value('t') == "blk" ? [] : NdctlNamespaces.Regions(platform, arguments))
        {
            NamespaceRequest request = Read(arguments) with { Region = region.Name };
            NdctlCreateRules.Rule? rule = NdctlCreateRules.Find(region, null, arguments, request.Mode, request.SectorSize);

            // What is mapped has no sectors, though its label may tell of some.
            PlatformResult<NamespaceView>? result = rule is null ? platform.CreateNamespace(request.Mode == NamespaceMode.Devdax ? request with { SectorSize = null } : request) : null;
            if (result?.Value is { } space)
            {
                Print(platform, space);
                created++;
                if (!arguments.Has('c'))
                    return 0;
                continue;
            }

            if (rule is { IsElsewhere: true } || result?.Error is PlatformError.NoSpace or PlatformError.NoSlots or PlatformError.RegionUnusable)
            {
                why ??= rule?.Message ?? $"{result!.Message}; {result.Remedy}";
                error = Errno.NoSpace;
                continue;
            }

            rule?.Say();
            isSaid |= rule is { IsCounted: true };
            error = rule?.Error ?? Errnos.Of(result!.Error);
            why = rule is null ? $"{result!.Message}; {result.Remedy}" : null;
            isOver = !(arguments.Has('c') && arguments.Has('f'));
            if (isOver)
                break;
        }

        if (why is not null && created == 0)
            NdctlText.Error($"create namespace: {why}");
        if (arguments.Has('c'))
            NdctlText.Summary("created", created, "namespace");
        if (created > 0 && !isOver)
            return 0;
        if (isSaid)
            return error.Code();
        Console.Error.WriteLine($"failed to create namespace: {error.Text()}");
        return Errno.NoDevice.Code();
    }

    private static int Reconfigure(IPlatform platform, string name, NdctlArguments arguments)
    {
        NamespaceView? space = NdctlNamespaces.Regions(platform, arguments).SelectMany(region => region.Namespaces).FirstOrDefault(candidate => name == "all" || candidate.Name == name);
        if (space is null)
            return name == "all" ? 0 : Fail(Errno.NoDeviceOrAddress);
        name = space.Name;
        NamespaceRequest request = Read(arguments);
        RegionView region = platform.GetRegions().First(candidate => candidate.Name == space.Region);
        if (NdctlCreateRules.Find(region, space, arguments, arguments.Has('m') ? request.Mode : space.Mode, request.SectorSize) is { IsElsewhere: false } rule)
        {
            rule.Say();
            return rule.IsCounted ? rule.Error.Code() : Fail(rule.Error);
        }

        if (space.IsEnabled && !arguments.Has('f'))
        {
            NdctlText.Error($"{name} is active, specify --force for re-configuration\n");
            return Fail(Errno.Busy);
        }

        bool keepsMode = !arguments.Has('m') || request.Mode == space.Mode;
        bool hasPages = space.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        request = request with
        {
            Mode = arguments.Has('m') ? request.Mode : space.Mode,
            Uuid = request.Uuid ?? Guid.NewGuid(),
            Alignment = request.Alignment ?? (keepsMode && hasPages ? space.Alignment : null),
            SectorSize = (arguments.Has('m') ? request.Mode : space.Mode) == NamespaceMode.Devdax ? null : request.SectorSize ?? SectorsOf(space, arguments.Has('m') ? request.Mode : null),
        };
        PlatformResult<NamespaceView> result = region.State != RegionState.LabelLess ? platform.ReconfigureNamespace(name, request, force: true)
            : request.AutoLabel ? Relabel(platform, space, request)
            : platform.ReconfigureNamespace(name, request with { Uuid = null, Name = string.Empty }, force: true);
        if (result.Succeeded)
            Print(platform, result.Value);
        return NdctlNamespaces.Refusal("create namespace", result).Error.Code();
    }

    /// <summary>A region without labels gets them, unless that is not wanted, and in them the namespace that takes the place of all of it.</summary>
    private static PlatformResult<NamespaceView> Relabel(IPlatform platform, NamespaceView space, NamespaceRequest request)
    {
        if (space.IsEnabled && platform.DisableNamespace(space.Name) is { Succeeded: false } used)
            return used;
        return platform.CreateNamespace(request with { Region = space.Region, Size = null });
    }

    // Sectors stay as they are, but where sector mode is asked for by name, which has a size of its own; what only a translation table can have goes with it.
    private static int? SectorsOf(NamespaceView space, NamespaceMode? wanted) => wanted switch
    {
        NamespaceMode.Sector => null,
        null when space.Mode == NamespaceMode.Sector => space.SectorSize,
        _ => space.SectorSize == LargeSector ? LargeSector : null,
    };

    private static int Fail(Errno error)
    {
        Console.Error.WriteLine($"failed to reconfigure namespace: {error.Text()}");
        return error.Code();
    }

    private static void Print(IPlatform platform, NamespaceView space)
    {
        RegionView region = platform.GetRegions().First(candidate => candidate.Name == space.Region);
        var options = new ListOptions { DeviceDax = true, Human = !Console.IsOutputRedirected };
        Console.Out.WriteLine(NdctlJson.Print(NamespaceJson.Make(space, region, new BadSectors(region, platform.GetErrors(region.Name).Value), options)));
    }
}
