using System.Globalization;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <content>
/// Changing namespaces: attributes are written in the order in which ndctl writes them, and what a refusal leaves half made is taken back. The kernel writes labels and
/// info blocks, so a crash leaves what it leaves after ndctl.
/// </content>
public sealed partial class LinuxPlatform
{
    private const ulong DefaultAlignment = 16 << 20;
    private const ulong DefaultPageAlignment = 2 << 20;
    private const int DefaultSectorSize = 512;
    private const int DefaultBttSector = 4096;
    private const int MaximumMappings = 32;
    private const string PmemDriver = "nd_pmem";
    private const string DaxDriver = "dax_pmem";

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> CreateNamespace(NamespaceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        PlatformResult<NamespaceView>? refusal = null;
        foreach (RegionView region in GetRegions().Where(region => request.Region is null || request.Region == region.Name))
        {
            PlatformResult<NamespaceView> made = CreateIn(region, request);
            if (made.Succeeded)
                return made;
            refusal ??= made;
        }

        return refusal ?? PlatformResult<NamespaceView>.Refused(PlatformError.NotFound, request.Region is null ? "there is no region" : $"there is no region {request.Region}", "list the regions first");
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> DestroyNamespace(string name, bool force = false)
    {
        if (PrepareChange(name, force) is { Succeeded: false } refusal)
            return refusal;
        NamespaceView space = SpaceOf(name)!;
        if (Write($"{name}/size", "0") is { Succeeded: false } refused && HasLabels(space.Region))
            return refused.As<NamespaceView>();
        return PlatformResult<NamespaceView>.Done(space with { IsEnabled = false });
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> ReconfigureNamespace(string name, NamespaceRequest request, bool force = false)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (SpaceOf(name) is not { } space)
            return Unknown(name);
        RegionView region = ViewRegion(space.Region);
        NamespaceRequest wanted = request with { Region = space.Region, Size = request.Size ?? space.RawSize, Name = request.Name.Length > 0 ? request.Name : space.FriendlyName };

        // What it takes now is free then; whatever can be refused is refused before anything is lost.
        ulong room = HasLabels(space.Region) ? region.MaximumExtent + space.RawSize : region.Size;
        if (FindProblem(region with { MaximumExtent = Math.Max(room, space.RawSize) }, wanted, wanted.Size!.Value) is { } problem)
            return problem;
        PlatformResult<NamespaceView> destroyed = DestroyNamespace(name, force);
        return destroyed.Succeeded ? CreateIn(ViewRegion(space.Region), wanted) : destroyed;
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> EnableNamespace(string name)
    {
        if (SpaceOf(name) is not { } space)
            return Unknown(name);
        if (space.IsEnabled)
            return PlatformResult<NamespaceView>.Done(space);

        // The kernel gives a namespace that has an info block to another device, and then says that binding failed.
        PlatformResult<string> bound = Bind(PmemDriver, name);
        return SpaceOf(name) is { IsEnabled: true } enabled
            ? PlatformResult<NamespaceView>.Done(enabled)
            : PlatformResult<NamespaceView>.Refused(bound.Succeeded ? PlatformError.CannotEnable : bound.Error, $"{name} cannot be enabled{(bound.Succeeded ? string.Empty : $": {bound.Message}")}", bound.Succeeded ? "look into the kernel's log" : bound.Remedy);
    }

    /// <inheritdoc/>
    public PlatformResult<NamespaceView> DisableNamespace(string name)
    {
        if (SpaceOf(name) is not { } space)
            return Unknown(name);
        if (!space.IsEnabled)
            return PlatformResult<NamespaceView>.Done(space);
        if (UserOf(space.Device) is { } user)
            return PlatformResult<NamespaceView>.Refused(PlatformError.InUse, $"{name} is in use: {user}", "unmount it first");
        string holder = Text($"{name}/holder") is { Length: > 0 } held && IsBound(held) ? held : name;
        PlatformResult<string> unbound = Write($"{holder}/driver/unbind", holder);

        // As long as its holder claims it, nobody can bind the namespace again.
        if (unbound.Succeeded && holder != name)
            unbound = Write($"{holder}/namespace", string.Empty);
        return unbound.Succeeded ? PlatformResult<NamespaceView>.Done(SpaceOf(name) ?? space with { IsEnabled = false }) : unbound.As<NamespaceView>();
    }

    private PlatformResult<NamespaceView> CreateIn(RegionView region, NamespaceRequest request)
    {
        int ways = Math.Max(1, region.Mappings.Count);
        bool hasLabels = HasLabels(region.Name);
        ulong unit = CapacityAdvice.UnitOf(ways, region.Alignment, request);
        ulong room = hasLabels ? region.MaximumExtent : region.Size;
        ulong size = request.Size ?? room / unit * unit;
        if (FindProblem(region with { MaximumExtent = room }, request, size) is { } problem)
            return problem;
        string name = hasLabels ? Text($"{region.Name}/namespace_seed") ?? string.Empty : $"namespace{region.Name["region".Length..]}.0";
        if (name.Length == 0)
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"{region.Name} has no namespace to be made", "look into the kernel's log");
        if (!hasLabels && SpaceOf(name) is { IsEnabled: true })
            return PlatformResult<NamespaceView>.Refused(PlatformError.InUse, $"{region.Name} has no labels, and its one namespace is enabled", $"disable {name} first, or reconfigure it");

        PlatformResult<string> done = hasLabels ? Allocate(name, request, size) : PlatformResult<string>.Done(name);
        if (done.Succeeded)
            done = Dress(region.Name, name, request);
        if (done.Succeeded && SpaceOf(name) is { } made)
            return PlatformResult<NamespaceView>.Done(made);
        if (hasLabels)
            Write($"{name}/size", "0");
        return done.Succeeded
            ? PlatformResult<NamespaceView>.Refused(PlatformError.Failed, $"the kernel does not show {name} any more", "look into the kernel's log")
            : done.As<NamespaceView>();
    }

    private static PlatformResult<NamespaceView>? FindProblem(RegionView region, NamespaceRequest request, ulong size)
    {
        if (region.IsReadOnly)
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"{region.Name} is read-only: a DIMM of it is not armed", "replace the DIMM");
        if (region.State == RegionState.Disabled)
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"{region.Name} is not enabled", "look into the kernel's log");
        if (region.State == RegionState.LabelLess && size != region.Size)
            return PlatformResult<NamespaceView>.Refused(PlatformError.BadSize, $"{region.Name} has no labels, and so one namespace of {region.Size} bytes", $"take {region.Size}, or initialise labels where its DIMMs can have some", region.Size);
        if (size == 0)
            return PlatformResult<NamespaceView>.Refused(PlatformError.NoSpace, $"{region.Name} has no free extent", "destroy a namespace");
        if (size > region.MaximumExtent)
            return PlatformResult<NamespaceView>.Refused(PlatformError.NoSpace, $"{region.Name} has no free extent of {size} bytes", $"take {region.MaximumExtent}", region.MaximumExtent);
        CapacityAdvice advice = CapacityAdvice.For(Math.Max(1, region.Mappings.Count), region.Alignment, region.Start, request, size);
        if (advice.IsLegal || region.State == RegionState.LabelLess)
            return CapacityAdvice.FindProblem(request) is { } bad ? PlatformResult<NamespaceView>.Refused(bad.Error, bad.Message, bad.Remedy) : null;
        ulong suggestion = advice.LargerSize <= region.MaximumExtent ? advice.LargerSize : advice.SmallerSize;
        return PlatformResult<NamespaceView>.Refused(PlatformError.BadSize, advice.Reason, suggestion == 0 ? "take another region" : $"take {suggestion}", suggestion == 0 ? null : suggestion);
    }

    /// <summary>Gives the seed an identity and a size, which makes the kernel write labels.</summary>
    private PlatformResult<string> Allocate(string name, NamespaceRequest request, ulong size)
    {
        var steps = new List<(string Attribute, string Value)> { ("uuid", (request.Uuid ?? Guid.NewGuid()).ToString()) };
        if (request.Name.Length > 0)
            steps.Add(("alt_name", request.Name));
        steps.Add(("size", size.ToString(CultureInfo.InvariantCulture)));
        int sector = request.SectorSize ?? (request.Mode == NamespaceMode.Sector ? DefaultBttSector : DefaultSectorSize);
        if ((Text($"{name}/sector_size") ?? string.Empty).Split(' ', '[', ']').Contains(sector.ToString(CultureInfo.InvariantCulture), StringComparer.Ordinal))
            steps.Add(("sector_size", sector.ToString(CultureInfo.InvariantCulture)));
        return Write(name, steps);
    }

    /// <summary>Gives a namespace its info block, by the device that will hold it, and binds that.</summary>
    private PlatformResult<string> Dress(string region, string name, NamespaceRequest request)
    {
        // Kernels before 4.13 do not have it; then nothing is enforced.
        if (_sysfs.Exists($"{Sysfs.Devices}/{name}/holder_class"))
        {
            PlatformResult<string> enforced = Write($"{name}/holder_class", request.Mode switch
            {
                NamespaceMode.Sector => "btt",
                NamespaceMode.Fsdax => "pfn",
                NamespaceMode.Devdax => "dax",
                _ => string.Empty,
            });
            if (!enforced.Succeeded && request.Mode != NamespaceMode.Raw)
                return enforced;
        }

        if (request.Mode == NamespaceMode.Raw)
            return Bind(PmemDriver, name);
        string kind = request.Mode switch
        {
            NamespaceMode.Sector => "btt",
            NamespaceMode.Fsdax => "pfn",
            _ => "dax",
        };
        if (Text($"{region}/{kind}_seed") is not { Length: > 0 } holder)
            return PlatformResult<string>.Refused(PlatformError.RegionUnusable, $"{region} has no {kind} device to be made", "load the module of it");
        var steps = new List<(string Attribute, string Value)> { ("uuid", Guid.NewGuid().ToString()) };
        if (kind == "btt")
        {
            steps.Add(("sector_size", (request.SectorSize ?? DefaultBttSector).ToString(CultureInfo.InvariantCulture)));
        }
        else
        {
            steps.Add(("mode", request.Map == PageMapMode.Memory ? "ram" : "pmem"));
            steps.Add(("align", (request.Alignment ?? DefaultPageAlignment).ToString(CultureInfo.InvariantCulture)));
        }

        steps.Add(("namespace", name));
        PlatformResult<string> done = Write(holder, steps);
        if (done.Succeeded)
            done = Bind(kind == "dax" ? DaxDriver : PmemDriver, holder);
        if (!done.Succeeded)
            Write($"{holder}/namespace", string.Empty);
        return done;
    }

    /// <summary>Disables a namespace and takes its info block away, so that what comes after it is not taken for it.</summary>
    private PlatformResult<NamespaceView>? PrepareChange(string name, bool force)
    {
        if (SpaceOf(name) is not { } space)
            return Unknown(name);
        if (Text($"{space.Region}/read_only") == "1")
            return PlatformResult<NamespaceView>.Refused(PlatformError.RegionUnusable, $"{space.Region} is read-only: a DIMM of it is not armed", "replace the DIMM");
        if (space.IsEnabled && !force)
            return PlatformResult<NamespaceView>.Refused(PlatformError.InUse, $"{name} is enabled and may be in use", "disable it first, or force it");
        PlatformResult<NamespaceView> disabled = DisableNamespace(name);
        if (!disabled.Succeeded)
            return disabled;
        _ = Write($"{name}/holder_class", string.Empty);
        return ZeroInfoBlock(name);
    }

    private PlatformResult<NamespaceView>? ZeroInfoBlock(string name)
    {
        PlatformResult<string> raw = Write($"{name}/force_raw", "1");
        if (raw.Succeeded)
            raw = Bind(PmemDriver, name);
        if (!raw.Succeeded)
            return raw.As<NamespaceView>();
        try
        {
            using FileStream device = new(Device(DeviceOf(name)), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            device.Write(new byte[NamespacePersonality.HeadSize]);
            device.Flush(flushToDisk: true);
            return null;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return PlatformResult<NamespaceView>.Refused(PlatformError.Failed, $"the info block of {name} cannot be taken away: {refused.Message}", "look into the kernel's log");
        }
        finally
        {
            Write($"{name}/driver/unbind", name);
            Write($"{name}/force_raw", "0");
        }
    }

    private bool HasLabels(string region) => Text($"{region}/nstype") == "5";

    /// <summary>Who uses a block device, or null.</summary>
    private string? UserOf(string device)
    {
        if (device.Length == 0)
            return null;
        foreach (string line in (_sysfs.Read("proc/mounts") ?? string.Empty).Split('\n'))
        {
            string[] parts = line.Split(' ');
            if (parts.Length > 1 && parts[0] == $"/dev/{device}")
                return $"it is mounted on {parts[1]}";
        }

        string? holder = _sysfs.First($"sys/block/{device}/holders");
        return holder is null ? null : $"{holder} is on it";
    }

    private PlatformResult<string> Bind(string driver, string device) => _sysfs.Write($"sys/bus/nd/drivers/{driver}/bind", device);

    private PlatformResult<string> Write(string path, string value) => _sysfs.Write($"{Sysfs.Devices}/{path}", value);

    private PlatformResult<string> Write(string device, IEnumerable<(string Attribute, string Value)> steps)
    {
        foreach ((string attribute, string value) in steps)
        {
            PlatformResult<string> written = Write($"{device}/{attribute}", value);
            if (!written.Succeeded)
                return written;
        }

        return PlatformResult<string>.Done(device);
    }
}
