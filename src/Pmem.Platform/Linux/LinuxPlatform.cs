using System.Globalization;
using Pmem.Blocks;
using Pmem.Platform.Acpi;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>
/// The NVDIMMs of a running Linux: what its kernel shows in <c>/sys/bus/nd</c>, and does when it is asked there (libndctl). Labels and info blocks are the kernel's
/// to write; nothing is remembered here, every member looks anew.
/// </summary>
/// <remarks>
/// Much can be read by everybody; addresses, health and label areas by root alone, as can anything be changed. Members may be called from many threads; changes
/// that two programs make at once are the kernel's to order.
/// </remarks>
public sealed partial class LinuxPlatform : IPlatform
{
    /// <summary>Where the NVDIMM table of the firmware is, from the root folder.</summary>
    public const string TablePath = "sys/firmware/acpi/tables/NFIT";

    private readonly Sysfs _sysfs;
    private readonly LinuxHardware _hardware;
    private readonly PlatformHealth _health;

    /// <summary>Looks at a machine.</summary>
    /// <param name="root">Its root folder; another one than <c>/</c> holds a copy of <c>sys</c>, and perhaps of <c>proc</c> and <c>dev</c>.</param>
    public LinuxPlatform(string root = "/")
        : this(root, written: null)
    {
    }

    internal LinuxPlatform(string root, Action<string, string>? written)
    {
        _sysfs = new Sysfs(root) { Written = written };
        _hardware = new LinuxHardware(_sysfs, Device);
        _health = new PlatformHealth(_hardware, new PlatformNames(Provider, NumberOf, RegionOf, SpaceOf));
    }

    /// <summary>Looks at what the kernel of a machine showed when a capture was made.</summary>
    internal LinuxPlatform(CapturedSysfs captured)
    {
        _sysfs = captured;
        _hardware = new LinuxHardware(_sysfs, Device);
        _health = new PlatformHealth(new CapturedHardware(captured, _hardware), new PlatformNames(Provider, NumberOf, RegionOf, SpaceOf));
    }

    /// <summary>Whether the machine has a bus of NVDIMMs, be it an empty one.</summary>
    public bool IsPresent => _sysfs.Names("ndbus").Count > 0;

    /// <inheritdoc/>
    public string Provider => _sysfs.Names("ndbus").Select(bus => _sysfs.Read($"{Sysfs.Devices}/{bus}/provider")).FirstOrDefault(provider => provider is not null) ?? "none";

    /// <inheritdoc/>
    public IReadOnlyList<BusView> GetBuses() => [.. _sysfs.Names("ndbus").Select(bus => new BusView(bus, Text($"{bus}/provider") ?? "none", _hardware.GetScrub(bus)) { Activation = _hardware.GetActivation(bus) })];

    /// <inheritdoc/>
    public IReadOnlyList<DimmView> GetDimms() => [.. _sysfs.Names("nmem").Select(ViewDimm)];

    /// <inheritdoc/>
    public IReadOnlyList<RegionView> GetRegions() => [.. _sysfs.Names("region").Select(ViewRegion)];

    /// <summary>The table of the firmware.</summary>
    /// <exception cref="PmemException">There is none, or it may not be read.</exception>
    public byte[] ReadTable()
    {
        string path = _sysfs.PathOf(TablePath);
        try
        {
            return _sysfs.ReadBytes(TablePath);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new PmemException($"{path} may not be read: run as root", denied);
        }
        catch (IOException gone)
        {
            throw new PmemException($"this machine has no NVDIMM firmware table ({path}): {gone.Message}", gone);
        }
    }

    /// <inheritdoc/>
    public PlatformResult<DimmHealth> GetHealth(string dimm) => _health.GetHealth(dimm);

    /// <inheritdoc/>
    public PlatformResult<DimmHealth> InjectHealth(string dimm, HealthInjection injection) => _health.InjectHealth(dimm, injection);

    /// <inheritdoc/>
    public PlatformResult<MediaErrors> GetErrors(string? scope = null) => _health.GetErrors(scope);

    /// <inheritdoc/>
    public PlatformResult<MediaErrors> GetInjectedErrors(string name) => _health.GetInjectedErrors(name);

    /// <inheritdoc/>
    public PlatformResult<MediaErrors> InjectError(string name, ErrorInjection injection) => _health.InjectError(name, injection);

    /// <inheritdoc/>
    public PlatformResult<MediaErrors> UninjectError(string name, ErrorInjection injection) => _health.UninjectError(name, injection);

    /// <inheritdoc/>
    public PlatformResult<MediaErrors> ClearErrors(string name)
    {
        // The kernel clears nothing under an active namespace; so it is taken away for the time.
        if (_sysfs is CapturedSysfs || SpaceOf(name) is not { IsEnabled: true })
            return _health.ClearErrors(name);
        PlatformResult<NamespaceView> disabled = DisableNamespace(name);
        if (!disabled.Succeeded)
            return disabled.As<MediaErrors>();
        PlatformResult<MediaErrors> cleared = _health.ClearErrors(name);
        PlatformResult<NamespaceView> enabled = EnableNamespace(name);
        return enabled.Succeeded ? cleared : enabled.As<MediaErrors>();
    }

    /// <inheritdoc/>
    public ScrubStatus GetScrub() => _hardware.GetScrub();

    /// <inheritdoc/>
    public PlatformResult<ScrubStatus> StartScrub() => _hardware.StartScrub();

    /// <inheritdoc/>
    public PlatformResult<ScrubStatus> StartScrub(string bus) => !_sysfs.Names("ndbus").Contains(bus, StringComparer.Ordinal) ? IPlatform.UnknownBus(bus)
        : _sysfs is CapturedSysfs ? StartScrub()
        : _hardware.StartScrub(bus);

    /// <inheritdoc/>
    public PlatformResult<ScrubStatus> StopScrub() => _hardware.StopScrub();

    /// <inheritdoc/>
    public PersistentMap OpenNamespace(string name, bool readOnly = false)
    {
        NamespaceView space = SpaceOf(name) ?? throw new PmemException($"there is no namespace {name}; list the namespaces first");
        if (space.Mode != NamespaceMode.Devdax)
            throw new PmemException($"{name} is the block device /dev/{space.Device}: map a file of the file system on it, or reconfigure it to devdax mode");
        if (!space.IsEnabled)
            throw new PmemException($"{name} is disabled: enable it first");
        return PersistentMap.Open(Device(space.Device), new PersistentMapOptions { Access = readOnly ? MapAccess.ReadOnly : MapAccess.ReadWrite });
    }

    /// <inheritdoc/>
    public PlatformResult<IBlockDevice> OpenBlockDevice(string name, BlockDeviceOptions? options = null) => SpaceOf(name) is { } space
        ? PlatformResult<IBlockDevice>.Refused(PlatformError.NotSupported, $"the kernel has the sectors of {name}: a second user of its block translation table would destroy it", $"use the block device /dev/{space.Device}")
        : Unknown(name).As<IBlockDevice>();

    /// <summary>Reads <c>0x1f</c> or <c>31</c>, as attributes have them.</summary>
    internal static ulong? ParseNumber(string? text)
    {
        if (text is null)
            return null;
        bool isHex = text.StartsWith("0x", StringComparison.Ordinal);
        return ulong.TryParse(isHex ? text.AsSpan(2) : text, isHex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }

    private string Device(string name) => Path.Combine(_sysfs.Root, "dev", name);

    private int? NumberOf(string dimm) => dimm.StartsWith("nmem", StringComparison.Ordinal) && int.TryParse(dimm.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && _sysfs.Exists($"{Sysfs.Devices}/{dimm}") ? number : null;

    private AddressRange? RegionOf(string name) => name.StartsWith("region", StringComparison.Ordinal) && _sysfs.Names("region").Contains(name, StringComparer.Ordinal)
        ? new AddressRange(Number($"{name}/resource") ?? 0, Number($"{name}/size") ?? 0)
        : null;

    private NamespaceView? SpaceOf(string name) => _sysfs.Names("namespace").Contains(name, StringComparer.Ordinal) && ViewNamespace(name) is { RawSize: > 0 } space ? space : null;

    private string? Text(string path) => _sysfs.Read($"{Sysfs.Devices}/{path}");

    private ulong? Number(string path) => ParseNumber(Text(path));

    private static PlatformResult<NamespaceView> Unknown(string name) => PlatformResult<NamespaceView>.Refused(PlatformError.NotFound, $"there is no namespace {name}", "list the namespaces first");
}
