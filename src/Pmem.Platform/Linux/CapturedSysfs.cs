using Pmem.Platform.Evidence;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <summary>What a kernel showed when a capture was made. Nothing can be written.</summary>
/// <param name="texts">Text of attributes by their path below <c>/sys</c>; a link that says which driver a device has is its name.</param>
/// <param name="evidence">The rest of the capture.</param>
internal sealed class CapturedSysfs(IReadOnlyDictionary<string, string> texts, PlatformEvidence evidence) : Sysfs("capture")
{
    private const string Folder = "sys/";

    /// <summary>The rest of the capture.</summary>
    public PlatformEvidence Evidence => evidence;

    /// <summary>Whether a kernel was asked at all.</summary>
    public static bool Has(IReadOnlyDictionary<string, string> texts) => texts.Keys.Any(path => path.StartsWith($"{Devices[Folder.Length..]}/ndbus", StringComparison.Ordinal));

    /// <inheritdoc/>
    public override string BusOf(string device)
    {
        foreach (string path in texts.Keys)
        {
            string[] parts = path.Split('/');
            int bus = Array.FindIndex(parts, part => IsNumbered(part, "ndbus"));
            if (bus >= 0 && Array.IndexOf(parts, device, bus + 1) > 0)
                return parts[bus];
        }

        return Names("ndbus") is [{ } first, ..] ? first : BusView.First;
    }

    /// <inheritdoc/>
    public override bool Exists(string path) => Read(path) is not null || Below(path).Any();

    /// <inheritdoc/>
    public override string? Read(string path) => path.StartsWith(Folder, StringComparison.Ordinal) ? texts.GetValueOrDefault(path[Folder.Length..])?.Trim() : null;

    /// <inheritdoc/>
    public override byte[] ReadBytes(string path) => path == LinuxPlatform.TablePath ? evidence.NfitBytes.ToArray() : throw new FileNotFoundException($"{path} is not in the capture", path);

    /// <inheritdoc/>
    public override IReadOnlyList<string> List(string path) => [.. Below(path).Select(rest => rest.Split('/')[0]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public override PlatformResult<string> Write(string path, string value) => PlatformResult<string>.Refused(PlatformError.NotSupported, EvidenceHardware.Reason, EvidenceHardware.Remedy);

    private IEnumerable<string> Below(string path)
    {
        string folder = $"{path}/";
        return folder.StartsWith(Folder, StringComparison.Ordinal) ? texts.Keys.Where(name => name.StartsWith(folder[Folder.Length..], StringComparison.Ordinal)).Select(name => name[(folder.Length - Folder.Length)..]) : [];
    }
}

/// <summary>What a capture says of the hardware of a machine: what its kernel showed, and what was asked of the DIMMs. Nothing of it can be changed.</summary>
internal sealed class CapturedHardware(CapturedSysfs sysfs, LinuxHardware shown) : IPlatformHardware
{
    public ulong ClearUnit => shown.ClearUnit;

    public DimmDetails Describe(int dimm) => shown.Describe(dimm);

    public PlatformResult<DimmHealth> GetHealth(int dimm)
    {
        ulong? handle = LinuxPlatform.ParseNumber(sysfs.Read($"{Sysfs.Devices}/nmem{dimm}/nfit/handle"));
        return sysfs.Evidence.Modules.FirstOrDefault(module => module.Handle.Value == handle)?.Health is { } health
            ? PlatformResult<DimmHealth>.Done(health)
            : PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, $"nothing is known of the health of nmem{dimm}", "ask on the machine that has the DIMM");
    }

    public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection) => Refused<DimmHealth>();

    public PlatformResult<IReadOnlyList<AddressRange>> GetErrors() => shown.GetErrors();

    public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors() => Refused<IReadOnlyList<AddressRange>>();

    public PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify) => Refused<IReadOnlyList<AddressRange>>();

    public PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges) => Refused<IReadOnlyList<AddressRange>>();

    public PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges) => Refused<IReadOnlyList<AddressRange>>();

    public DimmPlace? Translate(ulong address) => shown.Translate(address);

    public ScrubStatus GetScrub() => shown.GetScrub();

    public PlatformResult<ScrubStatus> StartScrub() => Refused<ScrubStatus>();

    public PlatformResult<ScrubStatus> StopScrub() => Refused<ScrubStatus>();

    private static PlatformResult<T> Refused<T>()
        where T : class => PlatformResult<T>.Refused(PlatformError.NotSupported, EvidenceHardware.Reason, EvidenceHardware.Remedy);
}
