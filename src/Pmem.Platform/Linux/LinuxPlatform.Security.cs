using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <content>Security and firmware of DIMMs, as far as a kernel lets a program have them.</content>
public sealed partial class LinuxPlatform
{
    /// <inheritdoc/>
    public PlatformResult<DimmSecurity> GetSecurity(string dimm)
    {
        if (NumberOf(dimm) is not { } number)
            return PlatformHealth.UnknownDimm<DimmSecurity>(dimm);
        return _hardware.Describe(number).Security is { } security
            ? PlatformResult<DimmSecurity>.Done(security)
            : PlatformResult<DimmSecurity>.Refused(PlatformError.NotSupported, $"{dimm} has no security: its attribute 'security' is not there", "ask the vendor of the module");
    }

    /// <inheritdoc/>
    public PlatformResult<DimmSecurity> ChangeSecurity(string dimm, SecurityRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (GetSecurity(dimm) is { Succeeded: false } refusal)
            return refusal;
        if (request.FindProblem() is { } problem)
            return PlatformResult<DimmSecurity>.Refused(PlatformError.BadValue, $"security of {dimm} cannot be changed: {problem}", "give what the operation needs");
        return request.Erases && ActiveRegionOf(dimm) is { } region
            ? PlatformResult<DimmSecurity>.Refused(PlatformError.InUse, $"{dimm} is in use: {region} is enabled, and all of its content would be lost", $"disable it first: 'pmem region disable {region}'")
            : _hardware.ChangeSecurity(NumberOf(dimm) ?? 0, request);
    }

    /// <inheritdoc/>
    public PlatformResult<DimmFirmware> UpdateFirmware(string dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions? options = null)
    {
        options ??= new FirmwareUpdateOptions();
        if (NumberOf(dimm) is not { } number)
            return PlatformHealth.UnknownDimm<DimmFirmware>(dimm);
        return !options.Force && GetScrub().State == ScrubState.Active
            ? PlatformResult<DimmFirmware>.Refused(PlatformError.Busy, $"{dimm} is not updated: a scrub is under way", "wait for its end ('pmem scrub wait'), or force it")
            : _hardware.UpdateFirmware(number, image, options);
    }

    /// <inheritdoc/>
    public PlatformResult<DimmFirmware> ArmFirmware(string dimm, bool arm) => NumberOf(dimm) is { } number ? _hardware.ArmFirmware(number, arm) : PlatformHealth.UnknownDimm<DimmFirmware>(dimm);

    /// <inheritdoc/>
    public PlatformResult<FirmwareActivation> GetFirmwareActivation() => _hardware.GetFirmwareActivation();

    /// <inheritdoc/>
    public PlatformResult<FirmwareActivation> ActivateFirmware(bool force = false) => _hardware.ActivateFirmware(force);
}
