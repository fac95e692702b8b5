namespace Pmem.Platform.Acpi;

/// <summary>Ranges: against each other, the memory map and the SRAT.</summary>
public sealed partial class NfitLint
{
    private const ulong HugePage = 2 << 20;

    private void ExamineRanges()
    {
        NfitEntry[] entries = [.. _scan.Entries.Where(entry => entry.Structure is NfitSpaRange)];
        foreach (NfitEntry entry in entries)
            ExamineRange(entry, (NfitSpaRange)entry.Structure);

        // Sorted by base, a range that overlaps any earlier one overlaps the one that reaches furthest.
        NfitEntry? furthest = null;
        foreach (NfitEntry entry in entries.Where(entry => ((NfitSpaRange)entry.Structure).Length != 0).OrderBy(entry => ((NfitSpaRange)entry.Structure).Base))
        {
            var range = (NfitSpaRange)entry.Structure;
            if (furthest is not null && range.Base < EndOf((NfitSpaRange)furthest.Structure))
            {
                Fail("nfit-spa-overlap", entry.Offset + 32, $"range {range.Index} at {Hex(range.Base)} overlaps range {((NfitSpaRange)furthest.Structure).Index} at {Hex(((NfitSpaRange)furthest.Structure).Base)}",
                    "Linux brings up the first; the namespace of the second fails with -EBUSY");
            }

            if (furthest is null || EndOf(range) > EndOf((NfitSpaRange)furthest.Structure))
                furthest = entry;
        }
    }

    private void ExamineRange(NfitEntry entry, NfitSpaRange range)
    {
        if (NfitRangeType.NameOf(range.RangeType) is null)
            Warn("nfit-spa-unknown-guid", entry.Offset + 16, $"range {range.Index} has the unknown type {range.RangeType}", "Linux ignores the range");
        if (range.Length == 0)
            Fail("nfit-spa-empty", entry.Offset + 40, $"range {range.Index} has length 0", "the region cannot be mapped");
        else if (range.Base + (range.Length - 1) < range.Base)
            Fail("nfit-spa-empty", entry.Offset + 40, $"range {range.Index} at {Hex(range.Base)} with {Hex(range.Length)} bytes reaches beyond the address space", "the region cannot be mapped");
        if (range.RangeType == NfitRangeType.PersistentMemory && range.Base % HugePage != 0)
            Warn("nfit-spa-alignment", entry.Offset + 32, $"range {range.Index} begins at {Hex(range.Base)}, which is no multiple of 2 MiB", "fsdax and devdax namespaces cannot be enabled; raw and sector ones can");
        if (range.Flags.HasFlag(NfitSpaFlags.ProximityValid) && _options.ProximityDomains is { } domains && !domains.Contains(range.ProximityDomain))
            Warn("nfit-proximity", entry.Offset + 12, $"range {range.Index} is in proximity domain {range.ProximityDomain}, which the SRAT does not have", "Linux has no NUMA node for the region: numa_node is -1");
        foreach (E820Range memory in _options.MemoryMap ?? [])
        {
            if (memory.Type == E820Type.Ram && memory.Overlaps(range.Base, range.Length))
            {
                Fail("nfit-spa-ram", entry.Offset + 32, $"range {range.Index} at {Hex(range.Base)} lies in memory of the operating system ({Hex(memory.Base)}–{Hex(memory.End)})",
                    "Linux uses the memory as RAM: the namespace fails with -EBUSY, and what it held is overwritten");
                break;
            }
        }
    }

    private static ulong EndOf(NfitSpaRange range) => range.Base + Math.Min(range.Length, ulong.MaxValue - range.Base);
}
