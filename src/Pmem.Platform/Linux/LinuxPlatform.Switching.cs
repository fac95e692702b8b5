using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <content>Enabling and disabling of regions and DIMMs: their drivers are bound and unbound. What the kernel then finds, it finds as at a start.</content>
public sealed partial class LinuxPlatform
{
    private const string RegionDriver = "nd_region";
    private const string DimmDriver = "nvdimm";

    /// <inheritdoc/>
    public PlatformResult<RegionView> EnableRegion(string name) => RegionOf(name) is null
        ? UnknownRegion(name)
        : Switch(name, enable: true, RegionDriver, ViewRegion);

    /// <inheritdoc/>
    public PlatformResult<RegionView> DisableRegion(string name)
    {
        if (RegionOf(name) is null)
            return UnknownRegion(name);
        foreach (NamespaceView space in ViewRegion(name).Namespaces)
        {
            if (UserOf(space.Device) is { } user)
                return PlatformResult<RegionView>.Refused(PlatformError.InUse, $"{space.Name} is in use: {user}", "unmount it first");
        }

        return Switch(name, enable: false, RegionDriver, ViewRegion);
    }

    /// <inheritdoc/>
    public PlatformResult<DimmView> EnableDimm(string name) => NumberOf(name) is null ? PlatformHealth.UnknownDimm<DimmView>(name) : Switch(name, enable: true, DimmDriver, ViewDimm);

    /// <inheritdoc/>
    public PlatformResult<DimmView> DisableDimm(string name) => NumberOf(name) is null ? PlatformHealth.UnknownDimm<DimmView>(name) : ActiveRegionOf(name) is { } region
        ? PlatformResult<DimmView>.Refused(PlatformError.InUse, $"{name} is in use: {region} is enabled", $"disable it first: 'pmem region disable {region}'")
        : Switch(name, enable: false, DimmDriver, ViewDimm);

    /// <inheritdoc/>
    public PlatformResult<ILabelStorage> OpenLabels(string dimm, bool readOnly = true)
    {
        if (NumberOf(dimm) is null)
            return PlatformHealth.UnknownDimm<ILabelStorage>(dimm);
        if (_sysfs is CapturedSysfs captured)
            return OpenCapturedLabels(captured, dimm, readOnly);
        if (!readOnly && ActiveRegionOf(dimm) is { } region)
            return PlatformResult<ILabelStorage>.Refused(PlatformError.InUse, $"labels of {dimm} are in use: {region} is enabled", $"disable it first: 'pmem region disable {region}'");
        return LinuxLabelStorage.Open(Device(dimm)) is { } labels
            ? PlatformResult<ILabelStorage>.Done(labels)
            : PlatformResult<ILabelStorage>.Refused(PlatformError.NoLabels, $"{dimm} has no label storage area that this process can reach", "run as root");
    }

    private PlatformResult<ILabelStorage> OpenCapturedLabels(CapturedSysfs captured, string dimm, bool readOnly)
    {
        if (!readOnly)
            return PlatformResult<ILabelStorage>.Refused(PlatformError.NotSupported, EvidenceHardware.Reason, EvidenceHardware.Remedy);
        ulong? handle = Number($"{dimm}/nfit/handle");
        return captured.Evidence.Modules.FirstOrDefault(module => module.Handle.Value == handle)?.Labels is { } area
            ? PlatformResult<ILabelStorage>.Done(new EvidenceLabels(area, dimm))
            : PlatformResult<ILabelStorage>.Refused(PlatformError.NoLabels, $"the labels of {dimm} are not in the capture", "take it as root, where the DIMM has labels");
    }

    private string? ActiveRegionOf(string dimm) => _sysfs.Names("region").FirstOrDefault(region => IsBound(region) && MappingsOf(region).Any(mapping => mapping.Dimm == dimm));

    private PlatformResult<T> Switch<T>(string name, bool enable, string driver, Func<string, T> view)
        where T : class
    {
        if (IsBound(name) == enable)
            return PlatformResult<T>.Done(view(name));
        PlatformResult<string> done = enable ? Bind(driver, name) : Write($"{name}/driver/unbind", name);
        return done.Succeeded ? PlatformResult<T>.Done(view(name)) : done.As<T>();
    }

    private static PlatformResult<RegionView> UnknownRegion(string name) => PlatformResult<RegionView>.Refused(PlatformError.NotFound, $"there is no region {name}", "list the regions first");
}
