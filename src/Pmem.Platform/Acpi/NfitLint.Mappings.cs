namespace Pmem.Platform.Acpi;

/// <summary>Mappings and interleave structures, each on its own.</summary>
public sealed partial class NfitLint
{
    private const ulong PageSize = 4096;

    private void ExamineMapping(NfitEntry entry, NfitRegionMapping mapping)
    {
        if (!mapping.Handle.IsValid)
            Warn("nfit-handle-reserved", entry.Offset + 4, $"device handle {mapping.Handle} has reserved bits 31–28 set", "Linux takes it as it is; other systems may not find the DIMM");
        if (_options.Devices is { } devices && !devices.Contains(mapping.Handle))
            Fail("nfit-missing-adr", entry.Offset + 4, $"no ACPI device has _ADR {mapping.Handle}", $"Linux drops the DIMM (\"no ACPI.NFIT device with _ADR\"). {NoBus}, unless force_enable_dimms is set");
        if (mapping.RangeIndex != 0)
            ExamineMappedRange(entry, mapping);
        if (mapping.RegionSize % PageSize != 0 || mapping.DpaBase % PageSize != 0)
            Fail("nfit-mapping-alignment", entry.Offset + 16, $"region size {Hex(mapping.RegionSize)} and DIMM address {Hex(mapping.DpaBase)} must be multiples of 4096", $"Linux says \"not 4096 aligned\" and fails with -ENOMEM. {NoBus}");
        if (mapping.InterleaveIndex != 0 && !_interleaves.ContainsKey(mapping.InterleaveIndex))
            Fail("nfit-dangling-idt", entry.Offset + 40, $"mapping names interleave structure {mapping.InterleaveIndex}, which does not exist", "Linux does not look at it; nothing can translate addresses of the set");
        ExamineState(entry, mapping);
    }

    private void ExamineMappedRange(NfitEntry entry, NfitRegionMapping mapping)
    {
        if (!_ranges.TryGetValue(mapping.RangeIndex, out NfitEntry? range))
            Fail("nfit-dangling-spa", entry.Offset + 12, $"mapping names range {mapping.RangeIndex}, which does not exist", "the DIMM contributes to no region");
        bool needed = range?.Structure is NfitSpaRange spa && (spa.RangeType == NfitRangeType.PersistentMemory || spa.RangeType == NfitRangeType.ControlRegion);
        if (mapping.ControlRegionIndex == 0)
        {
            if (needed)
                Fail("nfit-dcr-zero", entry.Offset + 14, "mapping names no control region, so the DIMM has no identity", "Linux cannot compute the interleave-set cookie: the region does not come up");
        }
        else if (!_controls.ContainsKey(mapping.ControlRegionIndex))
        {
            Fail("nfit-dangling-dcr", entry.Offset + 14, $"mapping names control region {mapping.ControlRegionIndex}, which does not exist",
                needed ? $"Linux says \"SPA {mapping.RangeIndex} missing DCR {mapping.ControlRegionIndex}\" and fails with -ENODEV. {NoBus}" : "the DIMM has no identity");
        }
    }

    private void ExamineState(NfitEntry entry, NfitRegionMapping mapping)
    {
        const NfitStateFlags Failed = NfitStateFlags.SaveFailed | NfitStateFlags.RestoreFailed | NfitStateFlags.FlushFailed | NfitStateFlags.MapFailed;
        if (mapping.StateFlags.HasFlag(NfitStateFlags.NotArmed))
            Warn("nfit-not-armed", entry.Offset + 44, $"DIMM {mapping.Handle} is not armed: what is written will not survive", "Linux makes the region read-only");
        if ((mapping.StateFlags & Failed) != 0)
            Warn("nfit-state-failed", entry.Offset + 44, $"DIMM {mapping.Handle} reports {NfitRegionMapping.NamesOf(mapping.StateFlags & Failed)}", "Linux logs it and shows it in sysfs; data may be stale or lost");
    }

    private void ExamineInterleave(NfitEntry entry, NfitInterleave interleave)
    {
        if (interleave.LineOffsets.Length == 0 || interleave.LineSize == 0)
        {
            Fail("nfit-idt-lines", entry.Offset + 8, $"{interleave.LineOffsets.Length} lines of {interleave.LineSize} bytes: neither may be 0", "nothing can translate addresses of the set");
            return;
        }

        if (interleave.Padding.Length >= sizeof(ulong) || interleave.Padding.AsSpan().ContainsAnyExcept((byte)0))
            Warn("nfit-count", entry.Offset + 8, $"{interleave.LineOffsets.Length} lines are counted, and {interleave.Padding.Length} bytes follow them", "none: what follows is not read");
        uint[] sorted = [.. interleave.LineOffsets];
        Array.Sort(sorted);
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] != sorted[i - 1])
                continue;
            Fail("nfit-idt-overlap", entry.Offset + 16, $"two lines of the interleave structure have offset {sorted[i]}", "two addresses of the DIMM would be one address of the system");
            break;
        }
    }
}
