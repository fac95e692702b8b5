using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Emulation;

/// <content>What a kernel that is given this platform would see.</content>
public sealed partial class VirtualPlatform
{
    /// <summary>The platform as evidence: its table, its labels as they are now, its media for reading. The caller disposes it.</summary>
    /// <exception cref="PmemException">The power is off.</exception>
    public PlatformEvidence GetEvidence()
    {
        // Hardware is never asked under the lock.
        DimmDetails[] details = [.. Platform.GetDimms().Select(dimm => dimm.Details)];
        DimmHealth?[] health = [.. Enumerable.Range(0, details.Length).Select(i => Platform.GetHealth(PlatformEvidence.NameOf(i)).Value)];
        ScrubStatus scrub = Platform.GetScrub();
        FirmwareActivation? activation = Platform.GetFirmwareActivation().Value;
        IReadOnlyCollection<string> disabled = _platform.DisabledNamespaces;
        lock (_gate)
        {
            DemandPower();
            VirtualDimm[] dimms = [.. _state.Dimms];
            byte[] devices = NvdimmSsdt.Build([.. dimms.Select(dimm => new NvdimmDevice { Handle = new NfitDeviceHandle(dimm.Handle) })]);
            return new PlatformEvidence(_folder, BuildNfit().ToBytes(), [.. dimms.Select((dimm, i) => EvidenceOf(dimm, i) with { Details = details[i], Health = health[i], IsLocked = details[i].Security?.State == DimmSecurityState.Locked })], devices)
            {
                Scrub = scrub,
                Activation = activation,
                Disabled = disabled,
            };
        }
    }

    private ModuleEvidence EvidenceOf(VirtualDimm dimm, int number)
    {
        string path = Path.Combine(_folder, dimm.File);
        return new ModuleEvidence(new NfitDeviceHandle(dimm.Handle), (ulong)dimm.Capacity)
        {
            File = path,
            LabelOffset = dimm.LabelSize == 0 ? null : (ulong)dimm.Capacity,
            Labels = _labels[number] is { } labels ? LabelArea.Read(labels) : null,
            Media = dimm.IsLost || dimm.Security.IsClosed ? null : new FileMedia(path, (ulong)dimm.Capacity),
            IsPresent = !dimm.IsLost,
            PhysicalId = dimm.PhysicalId,
            Poison = RangesOf(dimm.Poison)!,
            Reported = RangesOf(dimm.Reported),
            Injected = RangesOf(dimm.Poison),
        };
    }

    private static List<(ulong Address, ulong Length)>? RangesOf(IReadOnlyList<PoisonedRange>? ranges) => ranges is null ? null : [.. ranges.Select(range => ((ulong)range.Dpa, (ulong)range.Length))];
}
