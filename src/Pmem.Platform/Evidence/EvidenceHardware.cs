using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>What evidence says of modules' hardware: what was known when it was taken. Nothing can be injected, cleared or searched.</summary>
internal sealed class EvidenceHardware(PlatformEvidence evidence) : IPlatformHardware
{
    public const string Reason = "the platform is a capture, which nobody may change";
    public const string Remedy = "do it on the platform itself";
    private const int MostLines = 4096;

    public ulong ClearUnit => 256;

    public DimmDetails Describe(int dimm)
    {
        ModuleEvidence module = evidence.Modules[dimm];
        return module.Details with { IsPresent = module.IsPresent, Flags = evidence.StateOf(module.Handle), Control = evidence.ControlOf(module) };
    }

    public PlatformResult<DimmHealth> GetHealth(int dimm) => evidence.Modules[dimm].Health is { } health
        ? PlatformResult<DimmHealth>.Done(health)
        : PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, $"nothing is known of the health of {PlatformEvidence.NameOf(dimm)}", "ask on the machine that has the DIMM, or take a capture there");

    public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection) => PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<IReadOnlyList<AddressRange>> GetErrors() => PlatformResult<IReadOnlyList<AddressRange>>.Done(ToSystem(module => module.Reported ?? module.Poison));

    public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors() => evidence.Modules.All(module => module.Injected is not null)
        ? PlatformResult<IReadOnlyList<AddressRange>>.Done(ToSystem(module => module.Injected!))
        : PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.NotSupported, "nothing is known of errors that were injected: whoever took the capture did not know, or did not keep it", "ask on the platform itself");

    public PlatformResult<IReadOnlyList<AddressRange>> InjectErrors(IReadOnlyList<AddressRange> ranges, bool notify) => Refused();

    public PlatformResult<IReadOnlyList<AddressRange>> UninjectErrors(IReadOnlyList<AddressRange> ranges) => Refused();

    public PlatformResult<IReadOnlyList<AddressRange>> ClearErrors(IReadOnlyList<AddressRange> ranges) => Refused();

    public DimmPlace? Translate(ulong address)
    {
        foreach (RegionEvidence region in evidence.Regions)
        {
            if (address >= region.Range.Base && region.TryToModule(address - region.Range.Base, out int module, out ulong dpa, out ulong contiguous))
                return new DimmPlace(module, dpa, contiguous);
        }

        return null;
    }

    public PlatformResult<FirmwareActivation> GetFirmwareActivation() => evidence.Activation is { } activation
        ? PlatformResult<FirmwareActivation>.Done(activation)
        : PlatformResult<FirmwareActivation>.Refused(PlatformError.NotSupported, "nothing is known of activation: whoever took the capture did not know, or did not keep it", "ask on the platform itself");

    public ScrubStatus GetScrub() => evidence.Scrub ?? new ScrubStatus(ScrubState.NotSupported, 0, "nothing is known of it: whoever took the capture did not know, or did not keep it");

    public PlatformResult<ScrubStatus> StartScrub() => PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<ScrubStatus> StopScrub() => StartScrub();

    private static PlatformResult<IReadOnlyList<AddressRange>> Refused() => PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.NotSupported, Reason, Remedy);

    private List<AddressRange> ToSystem(Func<ModuleEvidence, IReadOnlyList<(ulong Address, ulong Length)>> rangesOf)
    {
        var joined = new List<AddressRange>();
        foreach (AddressRange range in evidence.Modules.SelectMany(module => rangesOf(module).SelectMany(range => ToSystem(module, range.Address, range.Length))).OrderBy(range => range.Address))
        {
            if (joined.Count > 0 && joined[^1].Address + joined[^1].Length == range.Address)
                joined[^1] = joined[^1] with { Length = joined[^1].Length + range.Length };
            else
                joined.Add(range);
        }

        return joined;
    }

    private List<AddressRange> ToSystem(ModuleEvidence module, ulong address, ulong length)
    {
        var ranges = new List<AddressRange>();
        ulong end = length > module.Capacity - Math.Min(address, module.Capacity) ? module.Capacity : address + length;
        for (int line = 0; line < MostLines && address < end; line++)
        {
            ulong part = 0;
            foreach (RegionEvidence region in evidence.Regions)
            {
                if (region.Set is null || !region.Set.TryToSystem(module.Handle, address, out ulong system, out ulong contiguous))
                    continue;
                part = Math.Min(contiguous, end - address);
                if (ranges.Count > 0 && ranges[^1].Address + ranges[^1].Length == system)
                    ranges[^1] = ranges[^1] with { Length = ranges[^1].Length + part };
                else
                    ranges.Add(new AddressRange(system, part));
                break;
            }

            if (part == 0)
                break;
            address += part;
        }

        return ranges;
    }
}
