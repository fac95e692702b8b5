namespace Pmem.Platform.Acpi;

/// <summary>Modules: identities, DIMM address ranges, flush hints, capabilities.</summary>
public sealed partial class NfitLint
{
    private void ExamineModules()
    {
        var byIdentity = new Dictionary<(uint Serial, ushort Vendor, ushort Date, byte Location), NfitDeviceHandle>();
        foreach (NfitEntry entry in _scan.Entries)
        {
            if (entry.Structure is not NfitRegionMapping mapping || !_controls.TryGetValue(mapping.ControlRegionIndex, out NfitEntry? control))
                continue;
            var identity = (NfitControlRegion)control.Structure;
            var key = (identity.SerialNumber, identity.VendorId, identity.ManufacturingDate, identity.ManufacturingLocation);
            if (byIdentity.TryAdd(key, mapping.Handle) || byIdentity[key] == mapping.Handle)
                continue;
            Fail("nfit-duplicate-identity", entry.Offset + 14, $"DIMMs {byIdentity[key]} and {mapping.Handle} have the same identity {identity.Id} (serial {Order(identity.SerialNumber)})",
                "Linux gives both the position of the first, and labels of the set cannot tell them apart");
        }

        ExamineDimmAddresses();
    }

    private void ExamineDimmAddresses()
    {
        IEnumerable<IGrouping<NfitDeviceHandle, NfitEntry>> modules = _scan.Entries
            .Where(entry => entry.Structure is NfitRegionMapping mapping && mapping.RegionSize != 0 && _ranges.TryGetValue(mapping.RangeIndex, out NfitEntry? range)
                && ((NfitSpaRange)range.Structure).RangeType is var type && (type == NfitRangeType.PersistentMemory || type == NfitRangeType.Volatile))
            .GroupBy(entry => ((NfitRegionMapping)entry.Structure).Handle);
        foreach (IGrouping<NfitDeviceHandle, NfitEntry> module in modules)
        {
            NfitRegionMapping? furthest = null;
            foreach (NfitEntry entry in module.OrderBy(entry => ((NfitRegionMapping)entry.Structure).DpaBase))
            {
                var mapping = (NfitRegionMapping)entry.Structure;
                if (furthest is not null && mapping.DpaBase < DpaEndOf(furthest))
                    Fail("nfit-dpa-overlap", entry.Offset + 32, $"DIMM {mapping.Handle} puts its address {Hex(mapping.DpaBase)} into range {mapping.RangeIndex} and range {furthest.RangeIndex}", "one byte of the DIMM has two addresses: two regions overwrite each other");
                if (furthest is null || DpaEndOf(mapping) > DpaEndOf(furthest))
                    furthest = mapping;
            }
        }
    }

    private static ulong DpaEndOf(NfitRegionMapping mapping) => mapping.DpaBase + Math.Min(mapping.RegionSize, ulong.MaxValue - mapping.DpaBase);

    private void ExamineFlushHints()
    {
        var handles = _scan.Entries.Select(entry => entry.Structure).OfType<NfitRegionMapping>().Select(mapping => mapping.Handle).ToHashSet();
        var hinted = new Dictionary<NfitDeviceHandle, int>();
        NfitSpaRange[] ranges = [.. _scan.Entries.Select(entry => entry.Structure).OfType<NfitSpaRange>().Where(range => range.RangeType == NfitRangeType.PersistentMemory).OrderBy(range => range.Base)];
        ulong[] bases = [.. ranges.Select(range => range.Base)];
        foreach (NfitEntry entry in _scan.Entries)
        {
            if (entry.Structure is not NfitFlushHints hints)
                continue;
            if (!handles.Contains(hints.Handle))
                Warn("nfit-flush-handle", entry.Offset + 4, $"flush hints for DIMM {hints.Handle}, which no mapping has", "Linux ignores them");
            if (!hinted.TryAdd(hints.Handle, hints.Addresses.Length))
                Warn("nfit-flush-duplicate", entry.Offset + 4, $"a second list of flush hints for DIMM {hints.Handle}", "Linux uses one of them");
            ExamineAddresses(entry, hints, ranges, bases);
        }

        ExamineMissingHints(hinted);
    }

    private void ExamineAddresses(NfitEntry entry, NfitFlushHints hints, NfitSpaRange[] ranges, ulong[] bases)
    {
        const int Addresses = 16;
        for (int i = 0; i < hints.Addresses.Length; i++)
        {
            ulong address = hints.Addresses[i];
            if (address % sizeof(ulong) != 0)
                Fail("nfit-flush-alignment", entry.Offset + Addresses + (i * sizeof(ulong)), $"flush hint {Hex(address)} is no multiple of 8", "the write of 8 bytes crosses a line, or faults");
            int at = Array.BinarySearch(bases, address);
            at = at < 0 ? ~at - 1 : at;
            if (at >= 0 && address - ranges[at].Base < ranges[at].Length)
                Fail("nfit-flush-inside", entry.Offset + Addresses + (i * sizeof(ulong)), $"flush hint {Hex(address)} lies in persistent range {ranges[at].Index}", "each flush overwrites 8 bytes of data");
        }

        if (hints.Padding.Length != 0)
            Warn("nfit-count", entry.Offset + 8, $"{hints.Addresses.Length} addresses are counted, and {hints.Padding.Length} bytes follow them", "none: what follows is not read");
    }

    private void ExamineMissingHints(Dictionary<NfitDeviceHandle, int> hinted)
    {
        foreach (IGrouping<ushort, NfitEntry> set in _scan.Entries.Where(entry => entry.Structure is NfitRegionMapping).GroupBy(entry => ((NfitRegionMapping)entry.Structure).RangeIndex))
        {
            if (!_ranges.TryGetValue(set.Key, out NfitEntry? range) || !IsPersistent(range))
                continue;
            NfitEntry? without = set.FirstOrDefault(entry => !Has(entry));
            if (without is not null && set.Any(Has))
                Fail("nfit-flush-partial", without.Offset + 4, $"DIMM {((NfitRegionMapping)without.Structure).Handle} of range {set.Key} has no flush hints, and others of the set have", "Linux 6.1 crashes (NULL dereference) when it activates the region: give hints to all or to none");
        }

        bool Has(NfitEntry entry) => hinted.TryGetValue(((NfitRegionMapping)entry.Structure).Handle, out int count) && count != 0;
    }

    private void ExamineCapabilities()
    {
        NfitEntry? first = null;
        foreach (NfitEntry entry in _scan.Entries)
        {
            if (entry.Structure is not NfitPlatformCapabilities capabilities)
                continue;
            if (first is not null)
                Warn("nfit-capabilities-duplicate", entry.Offset, $"a second platform capabilities structure; the first is at {Hex((ulong)first.Offset)}", "Linux uses the last");
            first ??= entry;
            if (capabilities.HighestValidBit > 31)
                Warn("nfit-capabilities-bit", entry.Offset + 4, $"highest valid bit is {capabilities.HighestValidBit}, and there are 32 bits", "none");
            else if (capabilities.Effective != capabilities.Capabilities)
                Warn("nfit-capabilities-bit", entry.Offset + 4, $"capabilities {Hex((uint)capabilities.Capabilities)} have bits above the highest valid one, {capabilities.HighestValidBit}", "Linux ignores the bits above");
            if (capabilities.Effective.HasFlag(NfitCapabilities.CacheFlush) && !capabilities.Effective.HasFlag(NfitCapabilities.MemoryControllerFlush))
                Note("nfit-capabilities-eadr", entry.Offset + 8, "CPU caches are flushed on power loss, and the memory controllers' queues are not said to be", "Linux says cpu_cache");
        }
    }
}
