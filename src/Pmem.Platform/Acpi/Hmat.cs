using System.Buffers.Binary;
using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>What a latency and bandwidth matrix holds.</summary>
public enum HmatDataType : byte
{
    /// <summary>Latency of any access.</summary>
    AccessLatency = 0,

    /// <summary>Latency of reads.</summary>
    ReadLatency = 1,

    /// <summary>Latency of writes.</summary>
    WriteLatency = 2,

    /// <summary>Bandwidth of any access.</summary>
    AccessBandwidth = 3,

    /// <summary>Bandwidth of reads.</summary>
    ReadBandwidth = 4,

    /// <summary>Bandwidth of writes.</summary>
    WriteBandwidth = 5,
}

/// <summary>Which initiators a memory domain is attached to (HMAT type 0, 40 bytes).</summary>
public sealed class HmatProximity : AcpiSubtable
{
    /// <summary>Bit 0: <see cref="InitiatorDomain"/> is valid.</summary>
    public ushort Flags;

    /// <summary>Proximity domain of the processors that the memory is attached to.</summary>
    public uint InitiatorDomain;

    /// <summary>Proximity domain of the memory.</summary>
    public uint MemoryDomain;

    private ulong _reserved;
    private ulong _reserved2;
    private ulong _reserved3;
    private ulong _reserved4;

    /// <inheritdoc/>
    public override int Type => 0;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt16("flags", ref Flags, FieldFormat.Hex);
        fields.Reserved(2, ref _reserved);
        fields.UInt32("initiatorDomain", ref InitiatorDomain);
        fields.UInt32("memoryDomain", ref MemoryDomain);
        fields.Reserved(4, ref _reserved2);
        fields.Reserved(8, ref _reserved3);
        fields.Reserved(8, ref _reserved4);
    }
}

/// <summary>Latency or bandwidth between initiators and targets (HMAT type 1).</summary>
public sealed class HmatLatencyBandwidth : AcpiSubtable
{
    /// <summary>No figure is known.</summary>
    public const ushort Unknown = 0;

    /// <summary>The target cannot be reached from the initiator.</summary>
    public const ushort Unreachable = 0xffff;

    /// <summary>Bits 3–0: level (0 memory, 1 and up caches); bit 4: minimum transfer size; bit 5: non-sequential transfers.</summary>
    public byte Flags;

    /// <summary>What the matrix holds.</summary>
    public HmatDataType DataType;

    /// <summary>Bytes of the smallest transfer.</summary>
    public byte MinimumTransfer;

    /// <summary>What an entry of 1 is: picoseconds, or MB/s.</summary>
    public ulong BaseUnit;

    /// <summary>Proximity domains of the initiators.</summary>
    public uint[] Initiators = [];

    /// <summary>Proximity domains of the targets.</summary>
    public uint[] Targets = [];

    /// <summary>One entry for each initiator and target, all targets of an initiator together.</summary>
    public ushort[] Matrix = [];

    private ulong _reserved;
    private ulong _reserved2;

    /// <inheritdoc/>
    public override int Type => 1;

    /// <summary>The figure between two domains in picoseconds or MB/s; null when it is not known or the target cannot be reached.</summary>
    public ulong? Between(uint initiator, uint target)
    {
        int row = Array.IndexOf(Initiators, initiator);
        int column = Array.IndexOf(Targets, target);
        long at = ((long)row * Targets.Length) + column;
        return row < 0 || column < 0 || at >= Matrix.Length || Matrix[at] is Unknown or Unreachable ? null : Matrix[at] * BaseUnit;
    }

    internal override void Visit<T>(ref T fields)
    {
        byte type = (byte)DataType;
        uint initiators = (uint)Initiators.Length;
        uint targets = (uint)Targets.Length;
        fields.UInt8("flags", ref Flags, FieldFormat.Hex);
        fields.UInt8("dataType", ref type);
        DataType = (HmatDataType)type;
        fields.UInt8("minimumTransfer", ref MinimumTransfer);
        fields.Reserved(1, ref _reserved);
        fields.UInt32("initiatorCount", ref initiators);
        fields.UInt32("targetCount", ref targets);
        fields.Reserved(4, ref _reserved2);
        fields.UInt64("baseUnit", ref BaseUnit);
        fields.Array32("initiators", ref Initiators, initiators);
        fields.Array32("targets", ref Targets, targets);
        // Both lists were there, so the product is far from overflow.
        fields.Array16("matrix", ref Matrix, (long)initiators * targets);
    }
}

/// <summary>A cache in front of a memory domain (HMAT type 2).</summary>
public sealed class HmatMemorySideCache : AcpiSubtable
{
    /// <summary>Proximity domain of the memory.</summary>
    public uint MemoryDomain;

    /// <summary>Bytes of the cache.</summary>
    public ulong CacheSize;

    /// <summary>Levels (3–0), this level (7–4), associativity (11–8: 0 none, 1 direct, 2 complex), policy (15–12: 0 none, 1 write-back, 2 write-through), line size (31–16).</summary>
    public uint Attributes;

    /// <summary>SMBIOS handles of the modules.</summary>
    public ushort[] SmbiosHandles = [];

    private ulong _reserved;
    private ulong _reserved2;

    /// <inheritdoc/>
    public override int Type => 2;

    /// <summary>Bytes of a cache line.</summary>
    public int LineSize => (int)(Attributes >> 16);

    internal override void Visit<T>(ref T fields)
    {
        ushort handles = (ushort)SmbiosHandles.Length;
        fields.UInt32("memoryDomain", ref MemoryDomain);
        fields.Reserved(4, ref _reserved);
        fields.UInt64("cacheSize", ref CacheSize);
        fields.UInt32("attributes", ref Attributes, FieldFormat.Hex);
        fields.Reserved(2, ref _reserved2);
        fields.UInt16("handleCount", ref handles);
        fields.Array16("smbiosHandles", ref SmbiosHandles, handles);
    }
}

/// <summary>The Heterogeneous Memory Attribute Table, revision 2: latency and bandwidth of memory.</summary>
public sealed class Hmat
{
    private const string Name = "HMAT";
    private const int HeaderSize = AcpiTableHeader.Size + 4;
    private const int SubtableHeader = 8;

    /// <summary>The header.</summary>
    public AcpiTableHeader Header { get; init; } = new() { Signature = Name, Revision = 2 };

    /// <summary>The structures.</summary>
    public IList<AcpiSubtable> Structures { get; } = [];

    /// <summary>Reads a table.</summary>
    /// <exception cref="PmemFormatException">It is no HMAT, or a length, a count or the checksum is wrong.</exception>
    public static Hmat Parse(ReadOnlySpan<byte> table)
    {
        var hmat = new Hmat { Header = AcpiTableHeader.Demand(table, Name, HeaderSize) };
        for (int at = HeaderSize; at < table.Length;)
        {
            uint length = table.Length - at < SubtableHeader ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(table[(at + 4)..]);
            if (length < SubtableHeader || length > (uint)(table.Length - at))
                throw new PmemFormatException("HMAT structure length", at, $"{SubtableHeader} to {table.Length - at}", $"{length}");
            ushort type = BinaryPrimitives.ReadUInt16LittleEndian(table[at..]);
            AcpiSubtable structure = type switch
            {
                0 => new HmatProximity(),
                1 => new HmatLatencyBandwidth(),
                2 => new HmatMemorySideCache(),
                _ => new AcpiUnknownSubtable(type),
            };
            structure.ReadFrom(table.Slice(at + SubtableHeader, (int)length - SubtableHeader), "HMAT structure", at + SubtableHeader);
            hmat.Structures.Add(structure);
            at += (int)length;
        }

        return hmat;
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
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(at + 4), (uint)length);
            structure.WriteTo(table.AsSpan(at + SubtableHeader));
            at += length;
        }

        AcpiTableHeader.Seal(table);
        return table;
    }
}
