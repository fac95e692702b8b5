using Pmem.Platform.Acpi;
using Pmem.Platform.Interleave;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>A range of persistent memory of which there is evidence: what it is, which modules are behind it, and what can be read of it.</summary>
public sealed class RegionEvidence
{
    private readonly IReadOnlyList<ModuleEvidence> _modules;

    internal RegionEvidence(int number, NfitSpaRange range, Nfit nfit, IReadOnlyList<ModuleEvidence> modules)
    {
        _modules = modules;
        Number = number;
        Range = range;
        NfitRegionMapping[] mappings = [.. nfit.Of<NfitRegionMapping>().Where(mapping => mapping.RangeIndex == range.Index && range.Index != 0)];
        Mappings = mappings;
        Modules = [.. mappings.Select(mapping => IndexOf(mapping.Handle))];
        Description = new RegionDescription { SystemBase = range.Base, Type = range.RangeType, Mappings = [.. mappings.Select(mapping => Describe(mapping, nfit))] };
        try
        {
            Set = mappings.Length == 0 ? null : InterleaveSet.Of(nfit, range.Index);
        }
        catch (PmemFormatException wrong)
        {
            SetProblem = wrong.Message;
        }
    }

    /// <summary>Its number as Linux counts: ranges that become regions, in the order of the table.</summary>
    public int Number { get; }

    /// <summary><c>region0</c> and so on.</summary>
    public string Name => $"region{Number}";

    /// <summary>The range.</summary>
    public NfitSpaRange Range { get; }

    /// <summary>Its mappings in the order of the table.</summary>
    public IReadOnlyList<NfitRegionMapping> Mappings { get; }

    /// <summary>For each mapping, which module; -1 for a module of which nothing is known.</summary>
    public IReadOnlyList<int> Modules { get; }

    /// <summary>The region as far as labels are concerned; without mappings for a range that no module is said to be behind.</summary>
    public RegionDescription Description { get; }

    /// <summary>How addresses interleave; null when that cannot be told.</summary>
    public InterleaveSet? Set { get; }

    /// <summary>Why <see cref="Set"/> is null; empty when it is not, or when there are no modules.</summary>
    public string SetProblem { get; } = string.Empty;

    /// <summary>Whether it is persistent memory that labels may divide, rather than volatile memory or a virtual disk.</summary>
    public bool IsPersistentMemory => Range.RangeType == NfitRangeType.PersistentMemory;

    /// <summary>The label storage area of each mapping's module; null where there is none.</summary>
    public IReadOnlyList<LabelArea?> Areas => [.. Modules.Select(module => module < 0 ? null : _modules[module].Labels)];

    /// <summary>The region with its namespaces, as Linux 6.1 makes them; set by <see cref="PlatformEvidence"/>.</summary>
    public RegionView View { get; internal set; } = null!;

    /// <summary>The module and its address behind a place of the region.</summary>
    /// <param name="offset">From the start of the region, in bytes.</param>
    /// <param name="module">Which module.</param>
    /// <param name="address">DIMM physical address.</param>
    /// <param name="contiguous">Bytes from there on that lie behind one another both in the module and in the region.</param>
    /// <returns>False when no known module has the place.</returns>
    public bool TryToModule(ulong offset, out int module, out ulong address, out ulong contiguous)
    {
        module = -1;
        address = contiguous = 0;
        if (Set is null || offset >= Range.Length || !Set.TryToDimm(Range.Base + offset, out DimmAddress found))
            return false;
        module = IndexOf(found.Handle);
        address = found.Dpa;
        contiguous = found.Contiguous;
        return module >= 0;
    }

    /// <summary>Reads a range of the region from its modules.</summary>
    /// <param name="offset">From the start of the region, in bytes.</param>
    /// <param name="destination">Takes the bytes.</param>
    /// <returns>False if some of it cannot be read.</returns>
    public bool TryRead(ulong offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            if (!TryToModule(offset, out int module, out ulong address, out ulong contiguous))
                return false;
            int part = (int)Math.Min(contiguous, (ulong)destination.Length);
            if (_modules[module].Media is not { } media || !media.TryRead(address, destination[..part]))
                return false;
            destination = destination[part..];
            offset += (ulong)part;
        }

        return true;
    }

    private int IndexOf(NfitDeviceHandle handle)
    {
        for (int i = 0; i < _modules.Count; i++)
        {
            if (_modules[i].Handle == handle)
                return i;
        }

        return -1;
    }

    private static RegionMapping Describe(NfitRegionMapping mapping, Nfit nfit)
    {
        NfitControlRegion? control = nfit.Of<NfitControlRegion>().FirstOrDefault(known => known.Index == mapping.ControlRegionIndex);
        var member = new InterleaveSetMember(mapping.RegionOffset, control?.SerialNumber ?? 0, control?.VendorId ?? 0, control?.ManufacturingDate ?? 0, control?.ManufacturingLocation ?? 0);
        return new RegionMapping(mapping.DpaBase, mapping.RegionSize, member);
    }
}
