using Pmem.Platform.Dsm;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <content>
/// Security and firmware of DIMMs. Linux takes passphrases from its key ring alone, as keys of the type <c>encrypted</c>, which it makes or opens itself: a program cannot hand it a
/// passphrase. So what needs none is done here, through the attribute <c>security</c>, and the rest is refused with the command that does it. Firmware is sent by Intel's functions 12 to
/// 16, and armed and activated through attributes.
/// </content>
internal sealed partial class LinuxHardware
{
    private const string NoKey = "0";

    public PlatformResult<DimmSecurity> ChangeSecurity(int dimm, SecurityRequest request)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}";
        (string? words, string instead) = request switch
        {
            { Operation: SecurityOperation.Freeze } => ("freeze", string.Empty),
            { Operation: SecurityOperation.Erase, Current: null, IsMaster: false } => ($"erase {NoKey}", string.Empty),
            { Operation: SecurityOperation.Overwrite, Current: null } => ($"overwrite {NoKey}", string.Empty),
            { Operation: SecurityOperation.SetPassphrase, Current: null } => ((string?)null, $"'ndctl setup-passphrase nmem{dimm} -k user:nvdimm-master{(request.IsMaster ? " -m" : string.Empty)}'"),
            { Operation: SecurityOperation.SetPassphrase } => (null, $"'ndctl update-passphrase nmem{dimm}{(request.IsMaster ? " -m" : string.Empty)}'"),
            { Operation: SecurityOperation.RemovePassphrase } => (null, $"'ndctl remove-passphrase nmem{dimm}'"),
            { Operation: SecurityOperation.Unlock } => (null, $"'ndctl load-keys', and then 'pmem dimm enable nmem{dimm}', at which the kernel unlocks it"),
            { Operation: SecurityOperation.Erase } => (null, $"'ndctl sanitize-dimm nmem{dimm} --crypto-erase{(request.IsMaster ? " -m" : string.Empty)}'"),
            _ => (null, $"'ndctl sanitize-dimm nmem{dimm} --overwrite'"),
        };
        if (words is null)
            return PlatformResult<DimmSecurity>.Refused(PlatformError.NotSupported, $"Linux takes the passphrase of nmem{dimm} from its key ring, and from no program", $"put the key there and use {instead}");
        PlatformResult<string> written = sysfs.Write($"{path}/security", words);
        if (!written.Succeeded)
            return written.As<DimmSecurity>();
        return SecurityOf(path) is { } after ? PlatformResult<DimmSecurity>.Done(after) : PlatformResult<DimmSecurity>.Refused(PlatformError.NotFound, $"nmem{dimm} is not there any more", "list the DIMMs");
    }

    public PlatformResult<DimmFirmware> UpdateFirmware(int dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions options)
    {
        string file = device($"nmem{dimm}");
        if (!CanUpdate(dimm))
            return PlatformResult<DimmFirmware>.Refused(PlatformError.NotSupported, $"nmem{dimm} has no functions to update its firmware", "ask the vendor of the module");
        PlatformResult<FirmwareQueryOutput> sent = IntelFirmwareUpdate.Run($"nmem{dimm}", (function, input, size) => DeviceCall.CallBytes(file, IntelFamily, (ulong)function, input, size), image, options);
        if (!sent.Succeeded)
            return sent.As<DimmFirmware>();

        // Where nothing is activated while the system runs, there is nothing to be armed.
        return options.Arm && sysfs.Exists($"{Sysfs.Devices}/nmem{dimm}/firmware/activate") ? ArmFirmware(dimm, arm: true) : DescribeFirmware(dimm);
    }

    public PlatformResult<DimmFirmware> ArmFirmware(int dimm, bool arm)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}/firmware/activate";
        if (!sysfs.Exists(path))
            return PlatformResult<DimmFirmware>.Refused(PlatformError.NotSupported, $"firmware of nmem{dimm} cannot be activated while the system runs", "restart the machine");
        PlatformResult<string> written = sysfs.Write(path, arm ? "arm" : "disarm");
        return written.Succeeded ? DescribeFirmware(dimm) : written.As<DimmFirmware>();
    }

    public PlatformResult<FirmwareActivation> GetFirmwareActivation() => ActivatingBus is { } bus && GetActivation(bus) is { } activation
        ? PlatformResult<FirmwareActivation>.Done(activation)
        : PlatformResult<FirmwareActivation>.Refused(PlatformError.NotSupported, "no bus has the attribute firmware/activate: firmware runs after a restart", "restart the machine");

    /// <summary>Activation on one bus; null where there is none.</summary>
    public FirmwareActivation? GetActivation(string bus)
    {
        string folder = $"{Sysfs.Devices}/{bus}/firmware";
        return sysfs.Read($"{folder}/activate") is not { } state ? null : new FirmwareActivation(
            sysfs.Read($"{folder}/capability") switch
            {
                "live" => FirmwareActivationMethod.Live,
                "quiesce" => FirmwareActivationMethod.Suspend,
                _ => FirmwareActivationMethod.Reset,
            },
            state switch
            {
                "armed" => FirmwareActivationState.Armed,
                "overflow" => FirmwareActivationState.Overflow,
                "busy" => FirmwareActivationState.Busy,
                _ => FirmwareActivationState.Idle,
            });
    }

    public PlatformResult<FirmwareActivation> ActivateFirmware(bool force)
    {
        PlatformResult<FirmwareActivation> activation = GetFirmwareActivation();
        if (!activation.Succeeded)
            return activation;
        if (activation.Value.Method == FirmwareActivationMethod.Reset)
            return PlatformResult<FirmwareActivation>.Refused(PlatformError.NotSupported, "firmware of this machine runs after a restart alone", "restart the machine");
        if (activation.Value.State is not (FirmwareActivationState.Armed or FirmwareActivationState.Overflow))
            return PlatformResult<FirmwareActivation>.Refused(PlatformError.NotFound, "no DIMM is armed: nothing is to be activated", "arm one: 'pmem dimm firmware update --arm'");
        PlatformResult<string> written = sysfs.Write($"{Sysfs.Devices}/{ActivatingBus}/firmware/activate", force || activation.Value.Method == FirmwareActivationMethod.Live ? "live" : "quiesce");
        return written.Succeeded ? GetFirmwareActivation() : written.As<FirmwareActivation>();
    }

    private string? ActivatingBus => sysfs.Names("ndbus").FirstOrDefault(bus => sysfs.Exists($"{Sysfs.Devices}/{bus}/firmware/activate"));

    private bool CanUpdate(int dimm)
    {
        const ulong Functions = 0x1f << 12;
        string path = $"{Sysfs.Devices}/nmem{dimm}/nfit";
        return Number($"{path}/family") == IntelFamily && ((Number($"{path}/dsm_mask") ?? 0) & Functions) == Functions;
    }

    private PlatformResult<DimmFirmware> DescribeFirmware(int dimm) => FirmwareOf(dimm) is { } firmware
        ? PlatformResult<DimmFirmware>.Done(firmware)
        : PlatformResult<DimmFirmware>.Refused(PlatformError.NotSupported, $"nmem{dimm} does not say which firmware it has", "run as root");

    private DimmFirmware? FirmwareOf(int dimm)
    {
        string path = $"{Sysfs.Devices}/nmem{dimm}";
        if (Number($"{path}/nfit/family") != IntelFamily || ((Number($"{path}/nfit/dsm_mask") ?? 0) & (1 << 12)) == 0
            || DeviceCall.Call<FirmwareInfoOutput>(device($"nmem{dimm}"), IntelFamily, 12, [], IntelFirmwareUpdate.InfoSize).Value is not { HasAnswer: true } info)
        {
            return null;
        }

        bool isStaged = info.UpdatedVersion != 0;
        return new DimmFirmware(
            $"0x{info.RunningVersion:x}",
            isStaged ? $"0x{info.UpdatedVersion:x}" : null,
            CanUpdate(dimm),
            sysfs.Read($"{path}/firmware/activate") is "idle" or "armed" or "busy" ? sysfs.Read($"{path}/firmware/activate") : null,
            isStaged && sysfs.Read($"{path}/firmware/result") is not ("none" or "success" or "not_staged"))
        {
            CurrentRevision = info.RunningVersion,
            NextRevision = isStaged ? info.UpdatedVersion : null,
        };
    }
}
