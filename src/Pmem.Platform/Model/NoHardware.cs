namespace Pmem.Platform.Model;

/// <summary>Hardware that says nothing: of platforms made from label areas and memory alone.</summary>
internal sealed class NoHardware : IPlatformHardware
{
    private const string Reason = "the platform was made from labels and memory alone: nothing is known of its hardware";
    private const string Remedy = "ask on the machine that has the DIMMs, or on a virtual platform";

    public ulong ClearUnit => 256;

    public DimmDetails Describe(int dimm) => new();

    public PlatformResult<DimmHealth> GetHealth(int dimm) => PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection) => GetHealth(dimm);

    public PlatformResult<IReadOnlyList<AddressRange>> GetErrors() => PlatformResult<IReadOnlyList<AddressRange>>.Done([]);

    public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors() => PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify) => GetInjectedErrors();

    public PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges) => GetInjectedErrors();

    public PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges) => GetInjectedErrors();

    public DimmPlace? Translate(ulong address) => null;

    public ScrubStatus GetScrub() => new(ScrubState.NotSupported, 0, Reason);

    public PlatformResult<ScrubStatus> StartScrub() => PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<ScrubStatus> StopScrub() => StartScrub();
}
