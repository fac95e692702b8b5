using System.Buffers.Binary;

namespace Pmem.Platform.Acpi;

/// <summary>
/// The NVDIMM Firmware Interface Table: which ranges of the address space are persistent, which DIMMs are behind them, how they interleave, and
/// how their writes are drained (ACPI, "NVDIMM Firmware Interface Table"). Not thread-safe.
/// </summary>
/// <remarks>
/// Two forms exist. The static table has a header with length and checksum. The method <c>_FIT</c> of the root device returns the structures
/// alone, and where it exists its answer replaces the table.
/// </remarks>
public sealed class Nfit
{
    /// <summary>Bytes of the header: that of every ACPI table, and 4 reserved bytes.</summary>
    public const int HeaderSize = AcpiTableHeader.Size + sizeof(uint);

    /// <summary>The header; null in the form that <c>_FIT</c> returns.</summary>
    public AcpiTableHeader? Header { get; set; } = new();

    /// <summary>The 4 reserved bytes after the header.</summary>
    public uint Reserved { get; set; }

    /// <summary>The structures, in the order in which they are stored. Linux numbers regions in the order of the ranges.</summary>
    public IList<NfitStructure> Structures { get; } = [];

    /// <summary>Reads a table or a <c>_FIT</c> buffer in which everything has the form that the specification gives it.</summary>
    /// <param name="bytes">The bytes; <see cref="ToBytes"/> gives the same again.</param>
    /// <exception cref="PmemFormatException">Header, checksum, a length or a count is wrong. <see cref="NfitScan"/> reads such tables too.</exception>
    public static Nfit Parse(ReadOnlySpan<byte> bytes)
    {
        var scan = NfitScan.Read(bytes);
        if (scan.Faults.Count != 0)
            throw scan.Faults[0].ToException();
        return FromScan(scan);
    }

    /// <summary>The structures of one kind, in their order.</summary>
    public IEnumerable<T> Of<T>()
        where T : NfitStructure => Structures.OfType<T>();

    /// <summary>The table with length and checksum, or the <c>_FIT</c> buffer when <see cref="Header"/> is null.</summary>
    /// <exception cref="PmemException">A structure is longer than its 16-bit length can say.</exception>
    public byte[] ToBytes()
    {
        if (Header is null)
            return ToFit();
        byte[] structures = ToFit();
        byte[] table = new byte[HeaderSize + structures.Length];
        Header.WriteTo(table);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(AcpiTableHeader.Size), Reserved);
        structures.CopyTo(table, HeaderSize);
        AcpiTableHeader.Seal(table);
        return table;
    }

    /// <summary>The structures without header: what <c>_FIT</c> returns.</summary>
    /// <exception cref="PmemException">A structure is longer than its 16-bit length can say.</exception>
    public byte[] ToFit()
    {
        byte[] buffer = new byte[Structures.Sum(structure => structure.TotalLength)];
        Span<byte> left = buffer;
        foreach (NfitStructure structure in Structures)
        {
            int length = structure.TotalLength;
            if (length > ushort.MaxValue)
                throw new PmemException($"an NFIT structure of type {(ushort)structure.Type} has {length} bytes, and at most {ushort.MaxValue} fit: use fewer lines or addresses");
            BinaryPrimitives.WriteUInt16LittleEndian(left, (ushort)structure.Type);
            BinaryPrimitives.WriteUInt16LittleEndian(left[sizeof(ushort)..], (ushort)length);
            structure.WriteTo(left[NfitStructure.HeaderSize..length]);
            left = left[length..];
        }

        return buffer;
    }

    internal static Nfit FromScan(NfitScan scan)
    {
        var nfit = new Nfit { Header = scan.Header, Reserved = scan.Reserved };
        foreach (NfitEntry entry in scan.Entries)
            nfit.Structures.Add(entry.Structure);
        return nfit;
    }
}
