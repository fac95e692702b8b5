namespace Pmem.Platform.Model;

/// <content>Health, media errors and scrubs: the hardware does it. It is called outside of the lock.</content>
public partial class LabelledPlatform
{
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
        // Clearing writes: a kernel does it for writers of a block device, which a read-only region has none of.
        return FindReadOnly(name) is { } region
            ? PlatformResult<MediaErrors>.Refused(PlatformError.RegionUnusable, ReadOnlyReason(region), ReadOnlyRemedy)
            : _health.ClearErrors(name);
    }

    /// <inheritdoc/>
    public ScrubStatus GetScrub() => _hardware.GetScrub();

    /// <inheritdoc/>
    public PlatformResult<ScrubStatus> StartScrub() => _hardware.StartScrub();

    /// <inheritdoc/>
    public PlatformResult<ScrubStatus> StopScrub() => _hardware.StopScrub();

    private AddressRange? AddressesOf(string name)
    {
        lock (_gate)
        {
            for (int i = 0; i < _regions.Count; i++)
            {
                if (name == $"region{i}")
                    return new AddressRange(_regions[i].Description.SystemBase, _regions[i].Description.Size);
            }
        }

        return null;
    }

    private NamespaceView? SpaceOf(string name)
    {
        lock (_gate)
            return Find(name, ReadAreas())?.Space;
    }

    private int? NumberOf(string dimm)
    {
        int count = _dimms.Count;
        for (int i = 0; i < count; i++)
        {
            if (dimm == $"nmem{i}")
                return i;
        }

        return null;
    }

    private static PlatformResult<T> UnknownDimm<T>(string name)
        where T : class => PlatformHealth.UnknownDimm<T>(name);
}
