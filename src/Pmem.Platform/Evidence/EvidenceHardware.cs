using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>What evidence says of modules' hardware: what was known when it was taken. Nothing can be injected, cleared or searched.</summary>
internal sealed class EvidenceHardware(PlatformEvidence evidence) : IPlatformHardware
{
    public const string Reason = "the platform is evidence, which nobody may change";
    public const string Remedy = "do it on the platform itself";
    private const int MostLines = 4096;

    public ulong ClearUnit => 256;

    public DimmDetails Describe(int dimm)
    {
        ModuleEvidence module = evidence.Modules[dimm];
        return module.Details with { IsPresent = module.IsPresent, Flags = evidence.StateOf(module.Handle), Control = evidence.ControlOf(module.Handle) };
    }

    public PlatformResult<DimmHealth> GetHealth(int dimm) => evidence.Modules[dimm].Health is { } health
        ? PlatformResult<DimmHealth>.Done(health)
        : PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, $"nothing is known of the health of {PlatformEvidence.NameOf(dimm)}", "ask on the machine that has the DIMM, or take a capture there");

    public PlatformResult<DimmHealth> InjectHealth(int dimm, HealthInjection injection) => PlatformResult<DimmHealth>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<IReadOnlyList<AddressRange>> GetErrors() => PlatformResult<IReadOnlyList<AddressRange>>.Done([.. evidence.Modules.SelectMany(module => module.Poison.SelectMany(range => ToSystem(module, range.Address, range.Length))).OrderBy(range => range.Address)]);

    public PlatformResult<IReadOnlyList<AddressRange>> GetInjectedErrors() => Refused();

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

    public ScrubStatus GetScrub() => new(ScrubState.NotSupported, 0, Reason);

    public PlatformResult<ScrubStatus> StartScrub() => PlatformResult<ScrubStatus>.Refused(PlatformError.NotSupported, Reason, Remedy);

    public PlatformResult<ScrubStatus> StopScrub() => StartScrub();

    private static PlatformResult<IReadOnlyList<AddressRange>> Refused() => PlatformResult<IReadOnlyList<AddressRange>>.Refused(PlatformError.NotSupported, Reason, Remedy);

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
