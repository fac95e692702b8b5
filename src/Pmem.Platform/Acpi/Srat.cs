using System.Buffers.Binary;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>Flags of a memory affinity structure.</summary>
[Flags]
public enum SratMemoryFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The structure counts.</summary>
    Enabled = 1,

    /// <summary>The memory can be hot-plugged.</summary>
    HotPluggable = 2,

    /// <summary>The memory keeps its content without power.</summary>
    NonVolatile = 4,
}

/// <summary>Which proximity domain a range of memory belongs to (SRAT type 1, 40 bytes).</summary>
public sealed class SratMemoryAffinity : AcpiSubtable
{
    /// <summary>Proximity domain: NUMA node.</summary>
    public uint ProximityDomain;

    /// <summary>First system physical address.</summary>
    public ulong Base;

    /// <summary>Bytes.</summary>
    public ulong Length;

    /// <summary>Flags.</summary>
    public SratMemoryFlags Flags = SratMemoryFlags.Enabled;

    private ulong _reserved;
    private ulong _reserved2;
    private ulong _reserved3;

    /// <inheritdoc/>
    public override int Type => 1;

    internal override void Visit<T>(ref T fields)
    {
        uint flags = (uint)Flags;
        fields.UInt32("proximityDomain", ref ProximityDomain);
        fields.Reserved(2, ref _reserved);
        fields.UInt64("base", ref Base, FieldFormat.Hex);
        fields.UInt64("length", ref Length);
        fields.Reserved(4, ref _reserved2);
        fields.UInt32("flags", ref flags, FieldFormat.Hex);
        Flags = (SratMemoryFlags)flags;
        fields.Reserved(8, ref _reserved3);
    }
}

/// <summary>The System Resource Affinity Table: which processors and which memory are near each other.</summary>
public sealed class Srat
{
    private const string Name = "SRAT";
    private const int HeaderSize = AcpiTableHeader.Size + 12;
    private const int SubtableHeader = 2;

    /// <summary>The header.</summary>
    public AcpiTableHeader Header { get; init; } = new() { Signature = Name, Revision = 3 };

    /// <summary>The structures; those that are not about memory are kept as bytes.</summary>
    public IList<AcpiSubtable> Structures { get; } = [];

    /// <summary>The 12 bytes after the header: 1, and reserved bytes.</summary>
    public byte[] Reserved { get; private set; } = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>Every domain that a structure names: of memory, and of processors (types 0 and 2).</summary>
    public IEnumerable<uint> ProximityDomains => Structures.Select(DomainOf).OfType<uint>().Distinct();

    /// <summary>Reads a table.</summary>
    /// <exception cref="PmemFormatException">It is no SRAT, or a length or the checksum is wrong.</exception>
    public static Srat Parse(ReadOnlySpan<byte> table)
    {
        var srat = new Srat { Header = AcpiTableHeader.Demand(table, Name, HeaderSize), Reserved = table[AcpiTableHeader.Size..HeaderSize].ToArray() };
        for (int at = HeaderSize; at < table.Length;)
        {
            int length = table.Length - at < SubtableHeader ? 0 : table[at + 1];
            if (length < SubtableHeader || length > table.Length - at)
                throw new PmemFormatException("SRAT structure length", at, $"{SubtableHeader} to {table.Length - at}", $"{length}");
            AcpiSubtable structure = table[at] == 1 ? new SratMemoryAffinity() : new AcpiUnknownSubtable(table[at]);
            structure.ReadFrom(table.Slice(at + SubtableHeader, length - SubtableHeader), "SRAT structure", at + SubtableHeader);
            srat.Structures.Add(structure);
            at += length;
        }

        return srat;
    }

    /// <summary>The table with length and checksum.</summary>
    public byte[] ToBytes()
    {
        byte[] table = new byte[HeaderSize + Structures.Sum(structure => SubtableHeader + structure.ByteLength)];
        Header.WriteTo(table);
        Reserved.CopyTo(table, AcpiTableHeader.Size);
        int at = HeaderSize;
        foreach (AcpiSubtable structure in Structures)
        {
            int length = SubtableHeader + structure.ByteLength;
            table[at] = (byte)structure.Type;
            table[at + 1] = checked((byte)length);
            structure.WriteTo(table.AsSpan(at + SubtableHeader));
            at += length;
        }

        AcpiTableHeader.Seal(table);
        return table;
    }

    private static uint? DomainOf(AcpiSubtable structure) => structure switch
    {
        SratMemoryAffinity memory => memory.ProximityDomain,
        // Local APIC: low byte first, the other three 5 bytes on. Local x2APIC: after two reserved bytes.
        AcpiUnknownSubtable { Type: 0, Data.Length: >= 10 } local => local.Data[0] | ((uint)local.Data[7] << 8) | ((uint)local.Data[8] << 16) | ((uint)local.Data[9] << 24),
        AcpiUnknownSubtable { Type: 2, Data.Length: >= 6 } local => BinaryPrimitives.ReadUInt32LittleEndian(local.Data.AsSpan(2)),
        _ => null,
    };
}
