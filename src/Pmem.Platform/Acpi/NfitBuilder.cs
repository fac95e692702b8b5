namespace Pmem.Platform.Acpi;

/// <summary>A module as an NFIT describes it.</summary>
public sealed record NfitModule
{
    /// <summary>Its name in the table; the <c>_ADR</c> of its device.</summary>
    public required NfitDeviceHandle Handle { get; init; }

    /// <summary>Handle of its SMBIOS type 17 structure.</summary>
    public ushort PhysicalId { get; init; }

    /// <summary>Vendor, the bytes read little-endian: 0x8980 prints as <c>8089</c>.</summary>
    public ushort VendorId { get; init; } = 0x8980;

    /// <summary>Device, the bytes read little-endian.</summary>
    public ushort DeviceId { get; init; } = 1;

    /// <summary>Serial number, the bytes read little-endian.</summary>
    public required uint SerialNumber { get; init; }

    /// <summary>Manufacturing location; null for a module that tells neither location nor date.</summary>
    public byte? ManufacturingLocation { get; init; }

    /// <summary>Manufacturing date, the bytes read little-endian: 0x1621 prints as <c>2116</c>.</summary>
    public ushort ManufacturingDate { get; init; }

    /// <summary>How the module is talked to.</summary>
    public ushort InterfaceCode { get; init; } = NfitControlRegion.ByteNoEnergySource;

    /// <summary>State at boot.</summary>
    public NfitStateFlags StateFlags { get; init; }

    /// <summary>Flush hint addresses; all modules of a set have some, or none has.</summary>
    public IReadOnlyList<ulong> FlushHints { get; init; } = [];
}

/// <summary>
/// Composes an NFIT from modules and interleave sets: numbers the structures, gives each module its share of each range and its DIMM addresses one
/// behind the other, and writes one interleave structure for each geometry. Not thread-safe.
/// </summary>
public sealed class NfitBuilder
{
    private readonly List<NfitModule> _modules = [];
    private readonly List<NfitSpaRange> _ranges = [];
    private readonly List<NfitRegionMapping> _mappings = [];
    private readonly List<NfitInterleave> _interleaves = [];
    private readonly Dictionary<NfitDeviceHandle, ulong> _nextDpa = [];

    /// <summary>What the platform flushes on power loss; null leaves the structure out, and Linux then says <c>unknown</c>.</summary>
    public NfitCapabilities? Capabilities { get; set; }

    /// <summary>Adds an interleave set, or a range of a single module.</summary>
    /// <param name="start">First system physical address; a multiple of 2 MiB for DAX.</param>
    /// <param name="modules">The modules in the order of their lines: 1 to 32.</param>
    /// <param name="sizePerModule">Bytes that each contributes; a multiple of 4096 and of the line size.</param>
    /// <param name="lineSize">Bytes of consecutive addresses on one module, where there are several.</param>
    /// <param name="rangeType">One of <see cref="NfitRangeType"/>; persistent memory if not given.</param>
    /// <param name="proximityDomain">NUMA node of the range, if known.</param>
    /// <exception cref="ArgumentException">A size or a module does not fit.</exception>
    public NfitBuilder AddSet(ulong start, IReadOnlyList<NfitModule> modules, ulong sizePerModule, uint lineSize = 4096, Guid? rangeType = null, uint? proximityDomain = null)
    {
        ArgumentNullException.ThrowIfNull(modules);
        if (modules.Count is 0 or > 32)
            throw new ArgumentException($"a set has 1 to 32 modules, not {modules.Count}", nameof(modules));
        if (modules.DistinctBy(module => module.Handle).Count() != modules.Count)
            throw new ArgumentException("a module is in the set twice", nameof(modules));
        bool interleaved = modules.Count > 1;
        if (sizePerModule == 0 || sizePerModule % 4096 != 0 || (interleaved && (lineSize == 0 || sizePerModule % lineSize != 0)))
            throw new ArgumentException($"{sizePerModule} bytes a module is no multiple of 4096 and of the line size {lineSize}", nameof(sizePerModule));

        var range = new NfitSpaRange
        {
            Index = (ushort)(_ranges.Count + 1),
            RangeType = rangeType ?? NfitRangeType.PersistentMemory,
            Base = start,
            Length = checked(sizePerModule * (ulong)modules.Count),
            ProximityDomain = proximityDomain ?? 0,
            Flags = proximityDomain is null ? NfitSpaFlags.None : NfitSpaFlags.ProximityValid,
        };
        _ranges.Add(range);
        for (int i = 0; i < modules.Count; i++)
        {
            NfitModule module = modules[i];
            ulong dpa = _nextDpa.GetValueOrDefault(module.Handle);
            _mappings.Add(new NfitRegionMapping
            {
                Handle = module.Handle,
                PhysicalId = module.PhysicalId,
                RegionId = (ushort)_ranges.Count,
                RangeIndex = range.Index,
                ControlRegionIndex = ControlRegionOf(module),
                RegionSize = sizePerModule,
                RegionOffset = (ulong)i * lineSize,
                DpaBase = dpa,
                InterleaveIndex = interleaved ? InterleaveOf(lineSize) : (ushort)0,
                InterleaveWays = (ushort)modules.Count,
                StateFlags = module.StateFlags,
            });
            _nextDpa[module.Handle] = dpa + sizePerModule;
        }

        return this;
    }

    /// <summary>Adds a module that firmware did not map into any range.</summary>
    public NfitBuilder AddUnmapped(NfitModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        _mappings.Add(new NfitRegionMapping { Handle = module.Handle, PhysicalId = module.PhysicalId, ControlRegionIndex = ControlRegionOf(module), InterleaveWays = 0, StateFlags = module.StateFlags });
        return this;
    }

    /// <summary>The table: ranges, mappings, interleave structures, control regions, flush hints, capabilities.</summary>
    public Nfit Build()
    {
        var nfit = new Nfit();
        foreach (NfitStructure structure in (IEnumerable<NfitStructure>)[.. _ranges, .. _mappings, .. _interleaves])
            nfit.Structures.Add(structure);
        for (int i = 0; i < _modules.Count; i++)
        {
            NfitModule module = _modules[i];
            nfit.Structures.Add(new NfitControlRegion
            {
                Index = (ushort)(i + 1),
                VendorId = module.VendorId,
                DeviceId = module.DeviceId,
                RevisionId = 1,
                SerialNumber = module.SerialNumber,
                ValidFields = module.ManufacturingLocation is null ? (byte)0 : (byte)1,
                ManufacturingLocation = module.ManufacturingLocation ?? 0,
                ManufacturingDate = module.ManufacturingLocation is null ? (ushort)0 : module.ManufacturingDate,
                InterfaceCode = module.InterfaceCode,
                HasWindowFields = true,
            });
        }

        foreach (NfitModule module in _modules.Where(module => module.FlushHints.Count != 0))
            nfit.Structures.Add(new NfitFlushHints { Handle = module.Handle, Addresses = [.. module.FlushHints] });
        if (Capabilities is { } capabilities)
            nfit.Structures.Add(new NfitPlatformCapabilities { Capabilities = capabilities, HighestValidBit = capabilities.HasFlag(NfitCapabilities.Mirroring) ? (byte)2 : (byte)1 });
        return nfit;
    }

    private ushort ControlRegionOf(NfitModule module)
    {
        int index = _modules.FindIndex(known => known.Handle == module.Handle);
        if (index < 0)
        {
            _modules.Add(module);
            return (ushort)_modules.Count;
        }

        return _modules[index] == module ? (ushort)(index + 1) : throw new ArgumentException($"two modules have the handle {module.Handle}", nameof(module));
    }

    // Lines of a DIMM are W apart. With one line in the table each repetition is one line of each DIMM.
    private ushort InterleaveOf(uint lineSize)
    {
        int index = _interleaves.FindIndex(known => known.LineSize == lineSize);
        if (index >= 0)
            return _interleaves[index].Index;
        _interleaves.Add(new NfitInterleave { Index = (ushort)(_interleaves.Count + 1), LineSize = lineSize, LineOffsets = [0] }.Padded());
        return (ushort)_interleaves.Count;
    }
}
