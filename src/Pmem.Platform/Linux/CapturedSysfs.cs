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
    public override string BusOf(string device) => Index.Buses.GetValueOrDefault(device) ?? (Names("ndbus") is [{ } first, ..] ? first : BusView.First);

    /// <inheritdoc/>
    public override bool Exists(string path) => Read(path) is not null || Index.Folders.ContainsKey(path);

    /// <inheritdoc/>
    public override string? Read(string path) => path.StartsWith(Folder, StringComparison.Ordinal) ? texts.GetValueOrDefault(path[Folder.Length..])?.Trim() : null;

    /// <inheritdoc/>
    public override byte[] ReadBytes(string path) => path == LinuxPlatform.TablePath ? evidence.NfitBytes.ToArray() : throw new FileNotFoundException($"{path} is not in the capture", path);

    /// <inheritdoc/>
    public override IReadOnlyList<string> List(string path) => Index.Folders.TryGetValue(path, out SortedSet<string>? names) ? [.. names] : [];

    /// <inheritdoc/>
    public override PlatformResult<string> Write(string path, string value) => PlatformResult<string>.Refused(PlatformError.NotSupported, EvidenceHardware.Reason, EvidenceHardware.Remedy);

    // Names of all folders, and the bus of each device, found once: a capture may come from anywhere, and have very many texts.
    private (Dictionary<string, SortedSet<string>> Folders, Dictionary<string, string> Buses) Index
    {
        get
        {
            lock (texts)
            {
                return field.Folders is null ? field = MakeIndex() : field;
            }
        }
    }

    private (Dictionary<string, SortedSet<string>> Folders, Dictionary<string, string> Buses) MakeIndex()
    {
        var folders = new Dictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        var buses = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in texts.Keys.Order(StringComparer.Ordinal))
        {
            string whole = Folder + path;
            for (int end = whole.LastIndexOf('/'); end > 0; end = whole.LastIndexOf('/', end - 1))
            {
                if (!folders.TryGetValue(whole[..end], out SortedSet<string>? names))
                    folders[whole[..end]] = names = new SortedSet<string>(StringComparer.Ordinal);
                int next = whole.IndexOf('/', end + 1);
                if (!names.Add(next < 0 ? whole[(end + 1)..] : whole[(end + 1)..next]))
                    break; // so are those above it
            }

            string? bus = null;
            foreach (string part in path.Split('/'))
            {
                if (bus is not null)
                    buses.TryAdd(part, bus);
                else if (IsNumbered(part, "ndbus"))
                    bus = part;
            }
        }

        return (folders, buses);
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
