namespace Pmem.Platform.Acpi;

/// <summary>The kinds of structure in an NFIT.</summary>
public enum NfitStructureType : ushort
{
    /// <summary>System physical address (SPA) range.</summary>
    SpaRange = 0,

    /// <summary>NVDIMM region mapping: what one DIMM contributes to a range.</summary>
    RegionMapping = 1,

    /// <summary>Interleave: where the lines of a DIMM are in a range.</summary>
    Interleave = 2,

    /// <summary>SMBIOS management information.</summary>
    Smbios = 3,

    /// <summary>NVDIMM control region: identity of a module, and its block windows.</summary>
    ControlRegion = 4,

    /// <summary>NVDIMM block data window region.</summary>
    BlockDataWindow = 5,

    /// <summary>Flush hint addresses.</summary>
    FlushHints = 6,

    /// <summary>Platform capabilities.</summary>
    PlatformCapabilities = 7,
}

/// <summary>One structure of an NFIT: 16 bits type, 16 bits length, then the fields (ACPI, "NVDIMM Firmware Interface Table").</summary>
public abstract class NfitStructure : BinaryStructure
{
    /// <summary>Type and length, which begin every structure.</summary>
    public const int HeaderSize = 4;

    private protected NfitStructure()
    {
    }

    /// <summary>The kind of structure; other values than the named ones are structures of a later specification.</summary>
    public abstract NfitStructureType Type { get; }

    /// <summary>Bytes of the structure with its type and length.</summary>
    public int TotalLength => HeaderSize + ByteLength;

    /// <summary>The name of a kind in the specification; null if unknown.</summary>
    public static string? NameOf(NfitStructureType type) => type switch
    {
        NfitStructureType.SpaRange => "System Physical Address Range",
        NfitStructureType.RegionMapping => "NVDIMM Region Mapping",
        NfitStructureType.Interleave => "Interleave",
        NfitStructureType.Smbios => "SMBIOS Management Information",
        NfitStructureType.ControlRegion => "NVDIMM Control Region",
        NfitStructureType.BlockDataWindow => "NVDIMM Block Data Window Region",
        NfitStructureType.FlushHints => "Flush Hint Address",
        NfitStructureType.PlatformCapabilities => "Platform Capabilities",
        _ => null,
    };

    internal static NfitStructure Create(NfitStructureType type) => type switch
    {
        NfitStructureType.SpaRange => new NfitSpaRange(),
        NfitStructureType.RegionMapping => new NfitRegionMapping(),
        NfitStructureType.Interleave => new NfitInterleave(),
        NfitStructureType.Smbios => new NfitSmbios(),
        NfitStructureType.ControlRegion => new NfitControlRegion(),
        NfitStructureType.BlockDataWindow => new NfitBlockDataWindow(),
        NfitStructureType.FlushHints => new NfitFlushHints(),
        NfitStructureType.PlatformCapabilities => new NfitPlatformCapabilities(),
        _ => new NfitUnknown(type),
    };
}

/// <summary>A structure kept as bytes: of a kind that this library does not know, or of a known kind with a length that the kind does not have.</summary>
/// <param name="type">The kind.</param>
public sealed class NfitUnknown(NfitStructureType type) : NfitStructure
{
    /// <summary>The bytes after type and length.</summary>
    public byte[] Data = [];

    /// <inheritdoc/>
    public override NfitStructureType Type => type;

    internal override void Visit<T>(ref T fields) => fields.Rest("data", ref Data);
}

/// <summary>SMBIOS structures (type 17 and others) for management software. Linux skips it.</summary>
public sealed class NfitSmbios : NfitStructure
{
    /// <summary>Raw SMBIOS data.</summary>
    public byte[] Data = [];

    private ulong _reserved;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.Smbios;

    internal override void Visit<T>(ref T fields)
    {
        fields.Reserved(4, ref _reserved);
        fields.Rest("data", ref Data);
    }
}
