using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>Flags of a range.</summary>
[Flags]
public enum NfitSpaFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The control region is there for management during hot add and online only.</summary>
    ControlForHotAdd = 1,

    /// <summary><see cref="NfitSpaRange.ProximityDomain"/> is valid.</summary>
    ProximityValid = 2,

    /// <summary><see cref="NfitSpaRange.LocationCookie"/> is there (ACPI 6.4): the structure has 64 bytes, not 56.</summary>
    LocationCookieValid = 4,
}

/// <summary>A range of system physical addresses (type 0): 56 bytes, or 64 with a location cookie.</summary>
public sealed class NfitSpaRange : NfitStructure
{
    /// <summary>The usual <see cref="MemoryAttributes"/>: write-back (bit 3) and non-volatile (bit 15).</summary>
    public const ulong WriteBackNonVolatile = 0x8008;

    /// <summary>Number by which mappings name the range, from 1; 0 only for virtual disks and CDs.</summary>
    public ushort Index;

    /// <summary>Which fields are valid.</summary>
    public NfitSpaFlags Flags;

    /// <summary>NUMA node, as in the SRAT.</summary>
    public uint ProximityDomain;

    /// <summary>What the range is: one of <see cref="NfitRangeType"/>.</summary>
    public Guid RangeType;

    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>EFI memory attributes. Linux ignores them.</summary>
    public ulong MemoryAttributes = WriteBackNonVolatile;

    /// <summary>A number that identifies the place of the range in the platform, which newer labels record (ACPI 6.4).</summary>
    public ulong LocationCookie;

    private ulong _reserved;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.SpaRange;

    internal override void Visit<T>(ref T fields)
    {
        ushort flags = (ushort)Flags;
        fields.UInt16("index", ref Index);
        fields.UInt16("flags", ref flags, FieldFormat.Hex, fields.Explains ? Names(Flags) : null);
        Flags = (NfitSpaFlags)flags;
        fields.Reserved(4, ref _reserved);
        fields.UInt32("proximityDomain", ref ProximityDomain);
        fields.Guid("rangeType", ref RangeType, fields.Explains ? NfitRangeType.NameOf(RangeType) ?? "unknown" : null);
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
        fields.UInt64("memoryAttributes", ref MemoryAttributes, FieldFormat.Hex);
        if (Flags.HasFlag(NfitSpaFlags.LocationCookieValid))
            fields.UInt64("locationCookie", ref LocationCookie, FieldFormat.Hex);
    }

    private static string Names(NfitSpaFlags flags) =>
        string.Join(", ", new[]
        {
            flags.HasFlag(NfitSpaFlags.ControlForHotAdd) ? "control region for hot add only" : null,
            flags.HasFlag(NfitSpaFlags.ProximityValid) ? "proximity domain valid" : null,
            flags.HasFlag(NfitSpaFlags.LocationCookieValid) ? "location cookie valid" : null,
        }.Where(name => name is not null));
}
