using Pmem.Blocks;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <summary>
/// A machine with NVDIMMs, real or virtual: its DIMMs, its regions, and the namespaces into which regions are divided. Views are snapshots; take them again after a
/// change. Changes of labels and info blocks are durable at return, and a crash leaves the old namespaces or the new ones.
/// </summary>
public interface IPlatform
{
    /// <summary>Who provides it: <c>ACPI.NFIT</c>, or a folder.</summary>
    string Provider { get; }

    /// <summary>The buses as they are now; none on a machine without NVDIMMs.</summary>
    IReadOnlyList<BusView> GetBuses() => [new BusView(BusView.First, Provider, GetScrub()) { Activation = GetFirmwareActivation().Value }];

    /// <summary>The DIMMs as they are now.</summary>
    IReadOnlyList<DimmView> GetDimms();

    /// <summary>The regions as they are now, with their namespaces.</summary>
    IReadOnlyList<RegionView> GetRegions();

    /// <summary>Creates and enables a namespace (<c>ndctl create-namespace</c>).</summary>
    PlatformResult<NamespaceView> CreateNamespace(NamespaceRequest request);

    /// <summary>Destroys a namespace (<c>ndctl destroy-namespace</c>). Its labels stay in free slots until these are used again.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="force">Also when it is enabled.</param>
    PlatformResult<NamespaceView> DestroyNamespace(string name, bool force = false);

    /// <summary>Makes a namespace another one of the same place (<c>ndctl create-namespace -e</c>); what it held is lost. Size and name stay unless given, and so may the uuid as long as the size does.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="request">What it shall be; the region is that of the namespace.</param>
    /// <param name="force">Also when it is enabled.</param>
    PlatformResult<NamespaceView> ReconfigureNamespace(string name, NamespaceRequest request, bool force = false);

    /// <summary>Enables a namespace.</summary>
    PlatformResult<NamespaceView> EnableNamespace(string name);

    /// <summary>Disables a namespace.</summary>
    PlatformResult<NamespaceView> DisableNamespace(string name);

    /// <summary>Enables a region, and with it whatever can be enabled in it (<c>ndctl enable-region</c>).</summary>
    /// <param name="name">Such as <c>region0</c>.</param>
    PlatformResult<RegionView> EnableRegion(string name) => CannotSwitch<RegionView>(name);

    /// <summary>Disables a region with its namespaces (<c>ndctl disable-region</c>).</summary>
    /// <param name="name">Such as <c>region0</c>.</param>
    PlatformResult<RegionView> DisableRegion(string name) => CannotSwitch<RegionView>(name);

    /// <summary>Enables a DIMM (<c>ndctl enable-dimm</c>); its regions stay as they are.</summary>
    /// <param name="name">Such as <c>nmem0</c>.</param>
    PlatformResult<DimmView> EnableDimm(string name) => CannotSwitch<DimmView>(name);

    /// <summary>Disables a DIMM whose regions are disabled (<c>ndctl disable-dimm</c>).</summary>
    /// <param name="name">Such as <c>nmem0</c>.</param>
    PlatformResult<DimmView> DisableDimm(string name) => CannotSwitch<DimmView>(name);

    /// <summary>The label storage area of a DIMM.</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="readOnly">Only to be read; to be written it must not be in use: its regions are disabled.</param>
    PlatformResult<ILabelStorage> OpenLabels(string dimm, bool readOnly = true) => CannotSwitch<ILabelStorage>(dimm);

    /// <summary>Maps the whole of a namespace as it lies in its region, info block and all (<c>ndctl read-infoblock</c>). The caller disposes the map.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="readOnly">Only to be read.</param>
    /// <param name="force">Also when it is enabled.</param>
    /// <exception cref="PmemException">There is no such namespace, it is enabled, or its memory cannot be mapped.</exception>
    PersistentMap OpenRaw(string name, bool readOnly = true, bool force = false) => throw new PmemException($"{name} cannot be opened here: {Provider} can only be looked at; take a virtual platform, or the machine itself");

    /// <summary>Maps the data of an enabled namespace; of sector mode all of it, for a block translation table to be opened on. The caller disposes the map.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="readOnly">Only to be read.</param>
    /// <exception cref="PmemException">There is no such namespace, it is not enabled, its memory cannot be mapped, or it is to be written and its region is read-only.</exception>
    PersistentMap OpenNamespace(string name, bool readOnly = false);

    /// <summary>Opens the sectors of an enabled namespace in sector mode, each of which is written all or nothing. The caller disposes the device.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>.</param>
    /// <param name="options">How to open it.</param>
    /// <exception cref="PmemException">Its memory cannot be mapped.</exception>
    PlatformResult<IBlockDevice> OpenBlockDevice(string name, BlockDeviceOptions? options = null);

    /// <summary>What a DIMM says of its health (<c>ndctl list -H</c>).</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    PlatformResult<DimmHealth> GetHealth(string dimm);

    /// <summary>Lets a DIMM pretend something of its health, or sets its alarms (<c>ndctl inject-smart</c>); durable at return.</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="injection">What to pretend, what to take back.</param>
    PlatformResult<DimmHealth> InjectHealth(string dimm, HealthInjection injection);

    /// <summary>Security of a DIMM as it is now.</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    PlatformResult<DimmSecurity> GetSecurity(string dimm) => CannotSwitch<DimmSecurity>(dimm);

    /// <summary>
    /// Changes the security of a DIMM; durable at return, except that an overwrite goes on (<see cref="OverwriteWaiting"/>) and is finished after a crash. To be erased or overwritten
    /// the DIMM must not be in use: its regions are disabled.
    /// </summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="request">What to do.</param>
    /// <returns>Security after it.</returns>
    PlatformResult<DimmSecurity> ChangeSecurity(string dimm, SecurityRequest request) => CannotSwitch<DimmSecurity>(dimm);

    /// <summary>Sends firmware to a DIMM (<c>ndctl update-firmware</c>). It runs after the next power cycle or activation; durable at return, and a crash before leaves what was there.</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="image">The image, as the vendor gives it.</param>
    /// <param name="options">How; null for the usual.</param>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    PlatformResult<DimmFirmware> UpdateFirmware(string dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions? options = null) => CannotSwitch<DimmFirmware>(dimm);

    /// <summary>Arms a DIMM, so that the next activation runs what was sent to it, or disarms it (<c>ndctl update-firmware --arm</c>); durable at return.</summary>
    /// <param name="dimm">Such as <c>nmem0</c>.</param>
    /// <param name="arm">Whether it is armed.</param>
    PlatformResult<DimmFirmware> ArmFirmware(string dimm, bool arm) => CannotSwitch<DimmFirmware>(dimm);

    /// <summary>How firmware of all DIMMs comes to run, and whether any waits for it.</summary>
    PlatformResult<FirmwareActivation> GetFirmwareActivation() => CannotSwitch<FirmwareActivation>("firmware");

    /// <summary>Lets armed DIMMs run what was sent to them (<c>ndctl activate-firmware</c>); durable at return.</summary>
    /// <param name="force">While the system runs, where it would rather be idle.</param>
    PlatformResult<FirmwareActivation> ActivateFirmware(bool force = false) => CannotSwitch<FirmwareActivation>("firmware");

    /// <summary>What cannot be read, as far as the system knows (<c>ndctl list -M</c>).</summary>
    /// <param name="scope">A region, a namespace (of which the data count), a DIMM; null for everything.</param>
    PlatformResult<MediaErrors> GetErrors(string? scope = null);

    /// <summary>Makes the data of a namespace readable where they are not (<c>ndctl clear-errors</c>); the content of these places is undefined. Durable at return.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>; not one in sector mode.</param>
    /// <returns>What was cleared.</returns>
    PlatformResult<MediaErrors> ClearErrors(string name);

    /// <summary>Makes sectors of a namespace unreadable (<c>ndctl inject-error</c>); durable at return.</summary>
    /// <returns>What was made unreadable.</returns>
    PlatformResult<MediaErrors> InjectError(string name, ErrorInjection injection);

    /// <summary>Takes back what was injected (<c>ndctl inject-error --uninject</c>). What the system knows of it, it knows until it is cleared.</summary>
    PlatformResult<MediaErrors> UninjectError(string name, ErrorInjection injection);

    /// <summary>What was injected in a namespace, whether the system knows of it or not (<c>ndctl inject-error --status</c>).</summary>
    PlatformResult<MediaErrors> GetInjectedErrors(string name);

    /// <summary>The search for media errors as it is now.</summary>
    ScrubStatus GetScrub();

    /// <summary>Starts a search for media errors on every bus that has one, and does not wait for its end (<c>ndctl start-scrub</c>); see <see cref="ScrubWaiting"/>.</summary>
    PlatformResult<ScrubStatus> StartScrub();

    /// <summary>Starts a search for media errors on one bus, and does not wait for its end.</summary>
    /// <param name="bus">Such as <c>ndbus0</c>.</param>
    PlatformResult<ScrubStatus> StartScrub(string bus) => GetBuses().Any(known => known.Name == bus) ? StartScrub() : UnknownBus(bus);

    /// <summary>Ends a search for media errors before it is done. Linux has no way to do that.</summary>
    PlatformResult<ScrubStatus> StopScrub();

    internal static PlatformResult<ScrubStatus> UnknownBus(string bus) => PlatformResult<ScrubStatus>.Refused(PlatformError.NotFound, $"there is no bus {bus}", "list the buses first");

    private PlatformResult<T> CannotSwitch<T>(string name)
        where T : class => PlatformResult<T>.Refused(PlatformError.NotSupported, $"{name} of {Provider} cannot be switched or written here", "take a virtual platform, or use ndctl on the machine itself");
}
