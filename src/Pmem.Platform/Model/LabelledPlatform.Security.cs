namespace Pmem.Platform.Model;

/// <content>Security and firmware of DIMMs: the hardware does it, outside of the lock.</content>
public partial class LabelledPlatform
{
    /// <inheritdoc/>
    public PlatformResult<DimmSecurity> GetSecurity(string dimm)
    {
        if (NumberOf(dimm) is not { } number)
            return UnknownDimm<DimmSecurity>(dimm);
        return _hardware.Describe(number).Security is { } security
            ? PlatformResult<DimmSecurity>.Done(security)
            : PlatformResult<DimmSecurity>.Refused(PlatformError.NotSupported, $"{dimm} has no security, or nothing is known of it", "take a DIMM with Intel's functions 19 to 28");
    }

    /// <inheritdoc/>
    public PlatformResult<DimmSecurity> ChangeSecurity(string dimm, SecurityRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (IsEvidence)
            return RefusedAsEvidence<DimmSecurity>();
        if (NumberOf(dimm) is not { } number)
            return UnknownDimm<DimmSecurity>(dimm);
        if (request.FindProblem() is { } problem)
            return PlatformResult<DimmSecurity>.Refused(PlatformError.BadValue, $"security of {dimm} cannot be changed: {problem}", "give what the operation needs");
        if (GetSecurity(dimm) is { Succeeded: false } silent)
            return silent;
        return request.Erases && InUseBy(number) is { } region
            ? PlatformResult<DimmSecurity>.Refused(PlatformError.InUse, $"{dimm} is in use: {region} is enabled, and all of its content would be lost", $"disable it first: 'pmem region disable {region}'")
            : _hardware.ChangeSecurity(number, request);
    }

    /// <inheritdoc/>
    public PlatformResult<DimmFirmware> UpdateFirmware(string dimm, ReadOnlyMemory<byte> image, FirmwareUpdateOptions? options = null)
    {
        options ??= new FirmwareUpdateOptions();
        if (IsEvidence)
            return RefusedAsEvidence<DimmFirmware>();
        if (NumberOf(dimm) is not { } number)
            return UnknownDimm<DimmFirmware>(dimm);
        return !options.Force && GetScrub().State == ScrubState.Active
            ? PlatformResult<DimmFirmware>.Refused(PlatformError.Busy, $"{dimm} is not updated: a scrub is under way", "wait for its end ('pmem scrub wait'), or force it")
            : _hardware.UpdateFirmware(number, image, options);
    }

    /// <inheritdoc/>
    public PlatformResult<DimmFirmware> ArmFirmware(string dimm, bool arm) => IsEvidence ? RefusedAsEvidence<DimmFirmware>()
        : NumberOf(dimm) is { } number ? _hardware.ArmFirmware(number, arm)
        : UnknownDimm<DimmFirmware>(dimm);

    /// <inheritdoc/>
    public PlatformResult<FirmwareActivation> GetFirmwareActivation() => _hardware.GetFirmwareActivation();

    /// <inheritdoc/>
    public PlatformResult<FirmwareActivation> ActivateFirmware(bool force = false) => IsEvidence ? RefusedAsEvidence<FirmwareActivation>() : _hardware.ActivateFirmware(force);

    private string? InUseBy(int dimm)
    {
        lock (_gate)
            return ActiveRegionOf(dimm) is { } region ? $"region{region}" : null;
    }
}
