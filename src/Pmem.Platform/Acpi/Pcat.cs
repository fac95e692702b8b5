using System.Buffers.Binary;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>What the platform can do with its modules (PCAT type 0, 16 bytes); the fields differ between the generations.</summary>
public sealed class PcatPlatformCapability : AcpiSubtable
{
    /// <summary>Whether the table is of the newer generation (major revision above 0).</summary>
    public bool Newer;

    /// <summary>Bit 0: software may configure; bit 1: it may validate at run time (first generation).</summary>
    public byte SoftwareConfiguration;

    /// <summary>Memory modes: bit 0 1LM, bit 1 2LM, bit 2 App Direct, bit 4 mixed (newer), bit 5 sub-NUMA clusters.</summary>
    public byte MemoryModes;

    /// <summary>Bits 1–0: volatile mode (0 1LM, 1 2LM, 2 auto); bits 3–2: persistent; bits 5–4: volatile modes that are allowed.</summary>
    public byte CurrentMode;

    /// <summary>First generation: bit 0 mirroring, bit 1 sparing, bit 2 migration.</summary>
    public byte Ras;

    /// <summary>Newer: interleave sets at most, bits 3–0 a die, bits 7–4 a module.</summary>
    public ushort MaximumInterleaveSets;

    /// <summary>Newer: DDR cache in GiB.</summary>
    public uint DdrCacheSize;

    /// <summary>Newer: cache capability.</summary>
    public byte CacheCapability;

    private ulong _reserved;

    /// <inheritdoc/>
    public override int Type => 0;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt8("softwareConfiguration", ref SoftwareConfiguration, FieldFormat.Hex);
        fields.UInt8("memoryModes", ref MemoryModes, FieldFormat.Hex);
        fields.UInt8("currentMode", ref CurrentMode, FieldFormat.Hex);
        if (Newer)
        {
            fields.UInt16("maximumInterleaveSets", ref MaximumInterleaveSets, FieldFormat.Hex);
            fields.UInt32("ddrCacheSize", ref DdrCacheSize);
            fields.UInt8("cacheCapability", ref CacheCapability, FieldFormat.Hex);
            fields.Reserved(2, ref _reserved);
        }
        else
        {
            fields.UInt8("ras", ref Ras, FieldFormat.Hex);
            fields.Reserved(8, ref _reserved);
        }
    }
}

/// <summary>How a memory mode can interleave (PCAT type 1).</summary>
public sealed class PcatInterleaveCapability : AcpiSubtable
{
    /// <summary>Whether the table is of the newer generation.</summary>
    public bool Newer;

    /// <summary>0 1LM, 1 2LM, 3 App Direct.</summary>
    public byte MemoryMode;

    /// <summary>Alignment of sets as a power of two: 26 is 64 MiB.</summary>
    public ushort AlignmentExponent;

    /// <summary>Newer: one byte for channels and one for controllers, bit 0 4 KiB, bit 1 256 bytes.</summary>
    public ushort InterleaveSizes;

    /// <summary>Newer: sets at most.</summary>
    public ushort MaximumInterleaveSets;

    /// <summary>First generation: channel sizes, controller sizes (bits 15–8), ways (bits 30–16), recommended (bit 31). Newer: population (15–0), recommended (16).</summary>
    public uint[] Formats = [];

    private ulong _reserved;

    /// <inheritdoc/>
    public override int Type => 1;

    internal override void Visit<T>(ref T fields)
    {
        ushort count = (ushort)Formats.Length;
        fields.UInt8("memoryMode", ref MemoryMode);
        fields.Reserved(3, ref _reserved);
        fields.UInt16("alignmentExponent", ref AlignmentExponent);
        if (Newer)
        {
            fields.UInt16("interleaveSizes", ref InterleaveSizes, FieldFormat.Hex);
            fields.UInt16("maximumInterleaveSets", ref MaximumInterleaveSets);
        }

        fields.UInt16("formatCount", ref count);
        fields.Array32("formats", ref Formats, count, FieldFormat.Hex);
    }
}

/// <summary>Data of a vendor (PCAT type 3).</summary>
public sealed class PcatAttributeExtension : AcpiSubtable
{
    /// <summary>Vendor.</summary>
    public ushort VendorId;

    /// <summary>What the data is.</summary>
    public Guid Guid;

    /// <summary>The data.</summary>
    public byte[] Data = [];

    private ulong _reserved;

    /// <inheritdoc/>
    public override int Type => 3;

    internal override void Visit<T>(ref T fields)
    {
        fields.Reserved(2, ref _reserved);
        fields.UInt16("vendorId", ref VendorId, FieldFormat.MemoryOrder);
        fields.Guid("guid", ref Guid);
        fields.Rest("data", ref Data);
    }
}

/// <summary>How much memory a socket may map (PCAT type 6, 32 bytes).</summary>
public sealed class PcatSocketSku : AcpiSubtable
{
    /// <summary>Socket.</summary>
    public ushort Socket;

    /// <summary>Die, in the newer generation.</summary>
    public ushort Die;

    /// <summary>Bytes that may be mapped.</summary>
    public ulong MappedLimit;

    /// <summary>Bytes that are mapped.</summary>
    public ulong MappedTotal;

    /// <summary>Bytes that are used as cache.</summary>
    public ulong Caching;

    /// <inheritdoc/>
    public override int Type => 6;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt16("socket", ref Socket);
        fields.UInt16("die", ref Die);
        fields.UInt64("mappedLimit", ref MappedLimit);
        fields.UInt64("mappedTotal", ref MappedTotal);
        fields.UInt64("caching", ref Caching);
    }
}

/// <summary>Intel's Platform Capability Table. Structures of other types (2, the run-time validation interface) are kept as bytes.</summary>
public sealed class Pcat
{
    private const string Name = "PCAT";
    private const int HeaderSize = AcpiTableHeader.Size + 4;
    private const int SubtableHeader = 4;

    /// <summary>The header; the high half of its revision is the major revision.</summary>
    public AcpiTableHeader Header { get; init; } = new() { Signature = Name, Revision = 2 };

    /// <summary>The structures.</summary>
    public IList<AcpiSubtable> Structures { get; } = [];

    /// <summary>Whether structures have the fields of the newer generation.</summary>
    public bool IsNewer => Header.Revision >> 4 != 0;

    /// <summary>Reads a table.</summary>
    /// <exception cref="PmemFormatException">It is no PCAT, or a length, a count or the checksum is wrong.</exception>
    public static Pcat Parse(ReadOnlySpan<byte> table)
    {
        var pcat = new Pcat { Header = AcpiTableHeader.Demand(table, Name, HeaderSize) };
        for (int at = HeaderSize; at < table.Length;)
        {
            ushort length = table.Length - at < SubtableHeader ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(table[(at + 2)..]);
            if (length < SubtableHeader || length > table.Length - at)
                throw new PmemFormatException("PCAT structure length", at, $"{SubtableHeader} to {table.Length - at}", $"{length}");
            ushort type = BinaryPrimitives.ReadUInt16LittleEndian(table[at..]);
            AcpiSubtable structure = type switch
            {
                0 => new PcatPlatformCapability { Newer = pcat.IsNewer },
                1 => new PcatInterleaveCapability { Newer = pcat.IsNewer },
                3 => new PcatAttributeExtension(),
                6 => new PcatSocketSku(),
                _ => new AcpiUnknownSubtable(type),
            };
            structure.ReadFrom(table.Slice(at + SubtableHeader, length - SubtableHeader), "PCAT structure", at + SubtableHeader);
            pcat.Structures.Add(structure);
            at += length;
        }

        return pcat;
    }

    /// <summary>The table with length and checksum.</summary>
    public byte[] ToBytes()
    {
        byte[] table = new byte[HeaderSize + Structures.Sum(structure => SubtableHeader + structure.ByteLength)];
        Header.WriteTo(table);
        int at = HeaderSize;
        foreach (AcpiSubtable structure in Structures)
        {
            int length = SubtableHeader + structure.ByteLength;
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(at), (ushort)structure.Type);
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(at + 2), checked((ushort)length));
            structure.WriteTo(table.AsSpan(at + SubtableHeader));
            at += length;
        }

        AcpiTableHeader.Seal(table);
        return table;
    }
}
