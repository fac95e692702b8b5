namespace Pmem.Platform.Acpi;

/// <summary>Interleave sets: the mappings of one range, together.</summary>
public sealed partial class NfitLint
{
    /// <summary>Mappings that Linux takes for one range.</summary>
    private const int MaximumMappings = 32;

    /// <summary>Lines that are looked at in all sets together: tables of that size are not found in machines, but may be made to keep us busy.</summary>
    private long _lineBudget = 1 << 24;

    private HashSet<NfitDeviceHandle>? _met;

    private void ExamineSets()
    {
        ILookup<ushort, NfitEntry> mappings = _scan.Entries.Where(entry => entry.Structure is NfitRegionMapping).ToLookup(entry => ((NfitRegionMapping)entry.Structure).RangeIndex);
        foreach ((ushort index, NfitEntry entry) in _ranges)
        {
            var range = (NfitSpaRange)entry.Structure;
            NfitEntry[] members = [.. mappings[index]];
            if (members.Length == 0)
            {
                if (range.RangeType == NfitRangeType.PersistentMemory)
                    Warn("nfit-spa-unmapped", entry.Offset, $"no mapping names range {index}", "Linux makes a region without labels, and cannot flush it");
                continue;
            }

            if (members.Length > MaximumMappings)
                Fail("nfit-too-many-mappings", members[MaximumMappings].Offset, $"{members.Length} mappings name range {index}; Linux takes {MaximumMappings}", $"Linux fails. {NoBus}");
            ExamineUnknownModules(entry, range, members);
            if (range.RangeType == NfitRangeType.PersistentMemory || range.RangeType == NfitRangeType.Volatile)
                ExamineSet(entry, range, members);
        }
    }

    // A volatile range needs DIMMs that Linux met elsewhere.
    private void ExamineUnknownModules(NfitEntry entry, NfitSpaRange range, NfitEntry[] members)
    {
        if (range.RangeType != NfitRangeType.Volatile)
            return;
        _met ??= ModulesOfPersistentRanges();
        if (Array.Find(members, member => !_met.Contains(((NfitRegionMapping)member.Structure).Handle)) is { } lone)
        {
            Warn("nfit-volatile-dimm", entry.Offset, $"DIMM {((NfitRegionMapping)lone.Structure).Handle} of the volatile range {range.Index} is in no persistent range and has no mapping with range index 0",
                "Linux may not find the DIMM when it registers the range, and fails");
        }
    }

    private HashSet<NfitDeviceHandle> ModulesOfPersistentRanges()
    {
        var met = new HashSet<NfitDeviceHandle>();
        foreach (NfitRegionMapping mapping in _scan.Entries.Select(e => e.Structure).OfType<NfitRegionMapping>())
        {
            bool found = mapping.RangeIndex == 0 || (_ranges.TryGetValue(mapping.RangeIndex, out NfitEntry? other)
                && other.Structure is NfitSpaRange spa && (spa.RangeType == NfitRangeType.PersistentMemory || spa.RangeType == NfitRangeType.ControlRegion));
            if (found)
                met.Add(mapping.Handle);
        }

        return met;
    }

    private void ExamineSet(NfitEntry entry, NfitSpaRange range, NfitEntry[] members)
    {
        UInt128 sum = 0;
        foreach (NfitEntry member in members)
            sum += ((NfitRegionMapping)member.Structure).RegionSize;
        bool adds = sum == range.Length;
        if (!adds)
        {
            Fail("nfit-size-sum", entry.Offset + 40, $"range {range.Index} has {Hex(range.Length)} bytes, and its {members.Length} mapping(s) contribute {Hex((ulong)UInt128.Min(sum, ulong.MaxValue))}",
                "Linux does not check it: namespaces may reach beyond the range, or memory is never used");
        }

        foreach (NfitEntry member in members)
        {
            var mapping = (NfitRegionMapping)member.Structure;
            if (mapping.InterleaveWays != members.Length && !(mapping.InterleaveWays == 0 && members.Length == 1))
                Fail("nfit-ways", member.Offset + 42, $"mapping of DIMM {mapping.Handle} says {mapping.InterleaveWays} way(s), and {members.Length} mapping(s) name range {range.Index}", "Linux counts the mappings; other systems believe the field");
        }

        if (members.Length > 1)
            ExaminePlaces(range, members, adds);
    }

    private void ExaminePlaces(NfitSpaRange range, NfitEntry[] members, bool adds)
    {
        var offsets = new HashSet<ulong>();
        bool distinct = true;
        foreach (NfitEntry member in members)
        {
            ulong offset = ((NfitRegionMapping)member.Structure).RegionOffset;
            if (offsets.Add(offset))
                continue;
            distinct = false;
            Fail("nfit-region-offsets", member.Offset + 24, $"two mappings of range {range.Index} have region offset {Hex(offset)}", "DIMMs of the set get the same place: labels name the wrong position");
        }

        if (Array.Find(members, member => ((NfitRegionMapping)member.Structure).InterleaveIndex == 0) is { } plain)
        {
            // Without interleaving the DIMMs lie behind one another.
            if (members.All(member => ((NfitRegionMapping)member.Structure).InterleaveIndex == 0))
            {
                if (distinct && adds)
                    ExamineConcatenation(range, members);
                return;
            }

            Fail("nfit-idt-missing", plain.Offset + 40, $"mapping of DIMM {((NfitRegionMapping)plain.Structure).Handle} names no interleave structure, and others of range {range.Index} do", "nothing can translate addresses of the set");
            return;
        }

        if (distinct && adds)
            ExamineTiling(range, members);
    }

    private void ExamineConcatenation(NfitSpaRange range, NfitEntry[] members)
    {
        ulong next = 0;
        foreach (NfitEntry member in members.OrderBy(member => ((NfitRegionMapping)member.Structure).RegionOffset))
        {
            var mapping = (NfitRegionMapping)member.Structure;
            if (mapping.RegionOffset != next)
            {
                Fail("nfit-region-offsets", member.Offset + 24, $"mapping of DIMM {mapping.Handle} begins at {Hex(mapping.RegionOffset)} of range {range.Index}, and {Hex(next)} comes next: there is no interleave structure that would explain it",
                    "Linux does not check it; nothing can translate addresses of the set");
                return;
            }

            next += mapping.RegionSize;
        }
    }

    // Lines of all DIMMs in one repetition: they must fill n·W lines, each once.
    private void ExamineTiling(NfitSpaRange range, NfitEntry[] members)
    {
        (NfitRegionMapping Mapping, NfitInterleave Table)[] parts = [.. members.Select(member => (NfitRegionMapping)member.Structure)
            .Where(mapping => _interleaves.ContainsKey(mapping.InterleaveIndex))
            .Select(mapping => (mapping, (NfitInterleave)_interleaves[mapping.InterleaveIndex].Structure))];
        if (parts.Length != members.Length || parts.Any(part => part.Table.LineOffsets.Length == 0 || part.Table.LineSize == 0))
            return;
        ulong lineSize = parts[0].Table.LineSize;
        int lines = parts[0].Table.LineOffsets.Length;
        long offset = members[0].Offset + 40;
        if (parts.Any(part => part.Table.LineSize != lineSize || part.Table.LineOffsets.Length != lines))
        {
            Fail("nfit-idt-inconsistent", offset, $"the interleave structures of range {range.Index} differ in line size or number of lines", "nothing can translate addresses of the set");
            return;
        }

        _lineBudget -= (long)lines * parts.Length;
        if (_lineBudget < 0)
            return;
        if (Array.Find(parts, part => part.Mapping.RegionSize % (lineSize * (ulong)lines) != 0) is { Mapping: not null } odd)
        {
            Fail("nfit-idt-inconsistent", offset, $"DIMM {odd.Mapping.Handle} contributes {Hex(odd.Mapping.RegionSize)} bytes to range {range.Index}, no multiple of {lines} lines of {lineSize} bytes", "the last lines of the set have no place");
            return;
        }

        bool[] taken = new bool[lines * parts.Length];
        foreach ((NfitRegionMapping mapping, NfitInterleave table) in parts)
        {
            foreach (uint line in table.LineOffsets)
            {
                ulong place = (mapping.RegionOffset / lineSize) + line;
                if (mapping.RegionOffset % lineSize == 0 && place < (ulong)taken.Length && !taken[place])
                {
                    taken[place] = true;
                    continue;
                }

                Fail("nfit-region-offsets", offset, $"the lines of DIMM {mapping.Handle} do not tile range {range.Index}: line {line} from region offset {Hex(mapping.RegionOffset)} is outside of {taken.Length} lines, or belongs to another DIMM too",
                    "Linux does not check it; two addresses of the set would be one, or an address would have no DIMM");
                return;
            }
        }
    }
}
