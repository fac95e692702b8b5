using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary><c>ndctl create-namespace</c>, which also reconfigures.</summary>
internal static class NdctlCreate
{
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
        if (arguments.Operands.Count > 0)
            return arguments.Fail($"unknown extra parameter \"{arguments.Operands[0]}\"\n");
        if (FindProblem(arguments) is { } problem)
            return arguments.Fail($"{problem}\n");
        using PlatformSource source = NdctlProgram.Open();
        return arguments.Value('e') is { } name ? Reconfigure(source.Platform, name, arguments) : Create(source.Platform, arguments);
    }

    private static string? FindProblem(NdctlArguments arguments)
    {
        if (arguments.Value('t') is { } type and not ("pmem" or "blk"))
            return $"invalid type '{type}', must be either 'pmem' or 'blk'";
        NamespaceMode? mode = arguments.Value('m') is { } word ? NameFilter.ModeOf(word) : NamespaceMode.Fsdax;
        if (mode is null)
            return $"invalid mode '{arguments.Value('m')}'";
        if (arguments.Value('M') is { } map)
        {
            if (map is not ("mem" or "dev"))
                return $"invalid map location '{map}'";
            if (!arguments.Has('e') && mode is not (NamespaceMode.Fsdax or NamespaceMode.Devdax))
                return "--map only valid for an devdax mode pmem namespace";
        }

        if (arguments.Value('s') is { } size && !NdctlSize.TryParse(size, out _))
            return $"failed to parse namespace size '{size}'";
        if (arguments.Value('a') is { } text)
        {
            if (!NdctlSize.TryParse(text, out ulong align))
                return $"failed to parse namespace alignment '{text}'";
            if (align < 4096 || !ulong.IsPow2(align))
                return "align must be a power-of-2 greater than 4096";
        }

        if (arguments.Value('u') is { } uuid && !Guid.TryParseExact(uuid, "D", out _))
            return $"failed to parse uuid: '{uuid}'";
        return arguments.Value('l') is { } sector && !(NdctlSize.TryParse(sector, out ulong bytes) && bytes <= int.MaxValue) ? $"invalid sector size: {sector}" : null;
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

    private static int Create(IPlatform platform, NdctlArguments arguments)
    {
        int created = 0;
        PlatformResult<NamespaceView>? refusal = null;
        foreach (RegionView region in arguments.Value('t') == "blk" ? [] : NdctlNamespaces.Regions(platform, arguments))
        {
            while (true)
            {
                PlatformResult<NamespaceView> result = platform.CreateNamespace(Read(arguments) with { Region = region.Name });
                if (!result.Succeeded)
                {
                    refusal ??= result;
                    break;
                }

                Print(platform, result.Value);
                created++;
                if (!arguments.Has('c'))
                    return 0;
            }
        }

        if (arguments.Has('c'))
            NdctlText.Summary("created", created, "namespace");
        if (created > 0)
            return 0;
        if (refusal is not null)
            NdctlText.Error($"create namespace: {refusal.Message}; {refusal.Remedy}");
        Errno error = refusal is null ? Errno.NoDeviceOrAddress : Errnos.Of(refusal.Error);
        Console.Error.WriteLine($"failed to create namespace: {error.Text()}");
        return refusal is null || error == Errno.NoSpace ? Errno.NoDevice.Code() : error.Code();
    }

    private static int Reconfigure(IPlatform platform, string name, NdctlArguments arguments)
    {
        NamespaceView? space = NdctlNamespaces.Regions(platform, arguments).SelectMany(region => region.Namespaces).FirstOrDefault(candidate => candidate.Name == name);
        if (space is null)
            return Fail(Errno.NoDeviceOrAddress);
        if (space.IsEnabled && !arguments.Has('f'))
        {
            NdctlText.Error($"{name} is active, specify --force for re-configuration\n");
            return Fail(Errno.Busy);
        }

        NamespaceRequest request = Read(arguments);
        bool keepsMode = !arguments.Has('m') || request.Mode == space.Mode;
        bool hasPages = space.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        request = request with
        {
            Mode = arguments.Has('m') ? request.Mode : space.Mode,
            Uuid = request.Uuid ?? Guid.NewGuid(),
            Map = arguments.Has('M') || !keepsMode || !hasPages ? request.Map : space.Map,
            Alignment = request.Alignment ?? (keepsMode && hasPages ? space.Alignment : null),
            SectorSize = request.SectorSize ?? (keepsMode && !hasPages ? space.SectorSize : null),
        };
        PlatformResult<NamespaceView> result = platform.ReconfigureNamespace(name, request, force: true);
        if (result.Succeeded)
            Print(platform, result.Value);
        return NdctlNamespaces.Refusal("create namespace", result).Error.Code();
    }

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
