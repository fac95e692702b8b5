using System.Buffers.Binary;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>Identity of a module and its block control windows (type 4): 80 bytes, or 32 when there are no block windows.</summary>
/// <remarks>
/// Numbers that JEDEC defines byte by byte (vendor, device, date, serial) are kept as Linux keeps them: read little-endian. They are printed in
/// the order of their bytes.
/// </remarks>
public sealed class NfitControlRegion : NfitStructure
{
    /// <summary>Region format interface code of byte-addressable, energy-backed modules (NVDIMM-N).</summary>
    public const ushort ByteEnergyBacked = 0x0101;

    /// <summary>Region format interface code of block-addressed modules without energy source.</summary>
    public const ushort Block = 0x0201;

    /// <summary>Region format interface code of byte-addressable modules without energy source (Optane; QEMU's modules).</summary>
    public const ushort ByteNoEnergySource = 0x0301;

    /// <summary>Region format interface code of virtual modules (Hyper-V).</summary>
    public const ushort Virtual = 0x1901;

    /// <summary>Number by which mappings name the structure, from 1.</summary>
    public ushort Index;

    /// <summary>Vendor, JEDEC bank and code.</summary>
    public ushort VendorId;

    /// <summary>Device.</summary>
    public ushort DeviceId;

    /// <summary>Revision of the device.</summary>
    public ushort RevisionId;

    /// <summary>Vendor of the controller.</summary>
    public ushort SubsystemVendorId;

    /// <summary>The controller.</summary>
    public ushort SubsystemDeviceId;

    /// <summary>Revision of the controller.</summary>
    public ushort SubsystemRevisionId;

    /// <summary>Bit 0: manufacturing location and date are valid.</summary>
    public byte ValidFields;

    /// <summary>Where the module was made.</summary>
    public byte ManufacturingLocation;

    /// <summary>When, binary-coded decimal: first byte year, second byte week.</summary>
    public ushort ManufacturingDate;

    /// <summary>Serial number.</summary>
    public uint SerialNumber;

    /// <summary>Region format interface code: how the module is talked to.</summary>
    public ushort InterfaceCode = ByteNoEnergySource;

    /// <summary>Number of block control windows.</summary>
    public ushort WindowCount;

    /// <summary>Whether the fields below are there; without them the structure has 32 bytes.</summary>
    public bool HasWindowFields;

    /// <summary>Bytes of one block control window.</summary>
    public ulong WindowSize;

    /// <summary>Offset of the command register in the window.</summary>
    public ulong CommandOffset;

    /// <summary>Bytes of the command register.</summary>
    public ulong CommandSize;

    /// <summary>Offset of the status register in the window.</summary>
    public ulong StatusOffset;

    /// <summary>Bytes of the status register.</summary>
    public ulong StatusSize;

    /// <summary>Bit 0: the block data windows are buffered.</summary>
    public ushort Flags;

    private ulong _reserved;
    private ulong _reserved2;

    /// <inheritdoc/>
    public override NfitStructureType Type => NfitStructureType.ControlRegion;

    /// <summary>The module's id as Linux and ndctl print it: <c>8089-0a-2116-00002211</c>, or <c>8089-00002211</c> without location and date.</summary>
    public string Id
    {
        get
        {
            ushort vendor = BinaryPrimitives.ReverseEndianness(VendorId);
            uint serial = BinaryPrimitives.ReverseEndianness(SerialNumber);
            return (ValidFields & 1) != 0
                ? $"{vendor:x4}-{ManufacturingLocation:x2}-{BinaryPrimitives.ReverseEndianness(ManufacturingDate):x4}-{serial:x8}"
                : $"{vendor:x4}-{serial:x8}";
        }
    }

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt16("index", ref Index);
        fields.UInt16("vendorId", ref VendorId, FieldFormat.MemoryOrder);
        fields.UInt16("deviceId", ref DeviceId, FieldFormat.MemoryOrder);
        fields.UInt16("revisionId", ref RevisionId, FieldFormat.Hex);
        fields.UInt16("subsystemVendorId", ref SubsystemVendorId, FieldFormat.MemoryOrder);
        fields.UInt16("subsystemDeviceId", ref SubsystemDeviceId, FieldFormat.MemoryOrder);
        fields.UInt16("subsystemRevisionId", ref SubsystemRevisionId, FieldFormat.Hex);
        fields.UInt8("validFields", ref ValidFields, FieldFormat.Hex, fields.Explains && (ValidFields & 1) != 0 ? "manufacturing location and date" : null);
        fields.UInt8("manufacturingLocation", ref ManufacturingLocation, FieldFormat.Hex);
        fields.UInt16("manufacturingDate", ref ManufacturingDate, FieldFormat.MemoryOrder);
        fields.Reserved(2, ref _reserved);
        fields.UInt32("serialNumber", ref SerialNumber, FieldFormat.MemoryOrder, fields.Explains ? Id : null);
        fields.UInt16("interfaceCode", ref InterfaceCode, FieldFormat.Hex, fields.Explains ? NameOf(InterfaceCode) : null);
        fields.UInt16("windowCount", ref WindowCount);
        if (!fields.Optional("windowSize", ref HasWindowFields))
            return;
        fields.UInt64("windowSize", ref WindowSize);
        fields.UInt64("commandOffset", ref CommandOffset);
        fields.UInt64("commandSize", ref CommandSize);
        fields.UInt64("statusOffset", ref StatusOffset);
        fields.UInt64("statusSize", ref StatusSize);
        fields.UInt16("windowFlags", ref Flags, FieldFormat.Hex, fields.Explains && (Flags & 1) != 0 ? "buffered" : null);
        fields.Reserved(6, ref _reserved2);
    }

    private static string? NameOf(ushort code) => code switch
    {
        ByteEnergyBacked => "byte-addressable, energy-backed",
        Block => "block-addressed",
        ByteNoEnergySource => "byte-addressable, no energy source",
        Virtual => "virtual NVDIMM",
        _ => null,
    };
}
