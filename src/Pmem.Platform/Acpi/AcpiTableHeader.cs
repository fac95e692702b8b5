using Pmem.Platform.Fields;

namespace Pmem.Platform.Acpi;

/// <summary>
/// The 36 bytes that begin every ACPI table (ACPI, "System Description Table Header"). Length and checksum are not kept here: whoever builds a
/// table computes them (<see cref="Seal"/>).
/// </summary>
public sealed class AcpiTableHeader : BinaryStructure
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 36;

    internal const int LengthPosition = 4;
    internal const int ChecksumPosition = 9;

    /// <summary>Four characters that name the kind of table.</summary>
    public string Signature = "NFIT";

    /// <summary>Revision of the kind of table.</summary>
    public byte Revision = 1;

    /// <summary>Who made the platform: 6 characters.</summary>
    public string OemId = "PMEMNT";

    /// <summary>Which table of theirs: 8 characters.</summary>
    public string OemTableId = "PMEMNET ";

    /// <summary>Their revision; Linux replaces a firmware table by one with the same ids and a higher revision.</summary>
    public uint OemRevision = 1;

    /// <summary>Which program made the table: 4 characters.</summary>
    public string CreatorId = "PMEM";

    /// <summary>That program's revision.</summary>
    public uint CreatorRevision = 1;

    private uint _length;
    private byte _checksum;

    internal uint StoredLength => _length;

    internal byte StoredChecksum => _checksum;

    /// <summary>Reads the header of a table; length and checksum are not judged.</summary>
    /// <param name="table">The table, at least <see cref="Size"/> bytes.</param>
    /// <exception cref="PmemFormatException">It is shorter.</exception>
    public static AcpiTableHeader Read(ReadOnlySpan<byte> table)
    {
        var header = new AcpiTableHeader();
        header.ReadFrom(table, "ACPI table header", exact: false);
        return header;
    }

    /// <summary>Reads the header of a table in order: right signature, length and checksum, nothing behind it.</summary>
    internal static AcpiTableHeader Demand(ReadOnlySpan<byte> table, string signature, int minimum)
    {
        if (table.Length < minimum)
            throw new PmemFormatException(signature, 0, $"at least {minimum} bytes", $"{table.Length}");
        AcpiTableHeader header = Read(table);
        if (header.Signature != signature)
            throw new PmemFormatException("ACPI table signature", 0, $"\"{signature}\"", $"\"{header.Signature}\"");
        if (header._length != (uint)table.Length)
            throw new PmemFormatException($"{signature} length", LengthPosition, $"{table.Length}", $"{header._length}");
        byte sum = Sum(table);
        if (sum != 0)
            throw new PmemFormatException($"{signature} checksum", ChecksumPosition, $"0x{(byte)(header._checksum - sum):x2}", $"0x{header._checksum:x2}");
        return header;
    }

    /// <summary>Writes length and checksum of a whole table: afterwards its bytes sum to zero modulo 256.</summary>
    /// <param name="table">The table with its header.</param>
    public static void Seal(Span<byte> table)
    {
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(table[LengthPosition..], (uint)table.Length);
        table[ChecksumPosition] = 0;
        table[ChecksumPosition] = (byte)-Sum(table);
    }

    /// <summary>Sum of bytes modulo 256: zero for a table in order.</summary>
    public static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
            sum += value;
        return sum;
    }

    internal override void Visit<T>(ref T fields)
    {
        fields.Text("signature", ref Signature, 4);
        fields.UInt32("length", ref _length);
        fields.UInt8("revision", ref Revision);
        fields.UInt8("checksum", ref _checksum);
        fields.Text("oemId", ref OemId, 6);
        fields.Text("oemTableId", ref OemTableId, 8);
        fields.UInt32("oemRevision", ref OemRevision);
        fields.Text("creatorId", ref CreatorId, 4);
        fields.UInt32("creatorRevision", ref CreatorRevision);
    }
}
