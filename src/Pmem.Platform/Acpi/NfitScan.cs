using System.Buffers.Binary;

namespace Pmem.Platform.Acpi;

/// <summary>
/// Reads the frame of an NFIT the way an operating system walks it, and keeps going where it would: each structure with its offset, and every
/// fault of header, lengths and counts. Any bytes that carry the signature, or none at all (<c>_FIT</c>), give a scan.
/// </summary>
public sealed class NfitScan
{
    internal const string NothingRegistered = "Linux registers nothing: the bus fails with -ENOMEM";
    private readonly List<NfitEntry> _entries = [];
    private readonly List<NfitFault> _faults = [];

    private NfitScan(AcpiTableHeader? header) => Header = header;

    /// <summary>The header; null for the form that <c>_FIT</c> returns, which has none.</summary>
    public AcpiTableHeader? Header { get; }

    /// <summary>The 4 reserved bytes after the header.</summary>
    public uint Reserved { get; private set; }

    /// <summary>The structures in their order.</summary>
    public IReadOnlyList<NfitEntry> Entries => _entries;

    internal IReadOnlyList<NfitFault> Faults => _faults;

    /// <summary>Reads a table, or the buffer that <c>_FIT</c> returns.</summary>
    /// <param name="bytes">The bytes; a table begins with <c>NFIT</c>.</param>
    /// <exception cref="PmemFormatException">They are another ACPI table, or too few for a header.</exception>
    public static NfitScan Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < NfitStructure.HeaderSize)
            throw new PmemFormatException("NFIT", 0, $"at least {NfitStructure.HeaderSize} bytes", $"{bytes.Length}");
        if (!LooksLikeTable(bytes))
        {
            var buffer = new NfitScan(header: null);
            buffer.Walk(bytes, 0);
            return buffer;
        }

        if (!bytes.StartsWith("NFIT"u8))
            throw new PmemFormatException("ACPI table signature", 0, "\"NFIT\"", $"\"{System.Text.Encoding.ASCII.GetString(bytes[..4])}\"");
        if (bytes.Length < Nfit.HeaderSize)
            throw new PmemFormatException("NFIT", 0, $"at least {Nfit.HeaderSize} bytes", $"{bytes.Length}");
        var scan = new NfitScan(AcpiTableHeader.Read(bytes)) { Reserved = BinaryPrimitives.ReadUInt32LittleEndian(bytes[AcpiTableHeader.Size..]) };
        scan.Walk(scan.TableOf(bytes), Nfit.HeaderSize);
        return scan;
    }

    // A _FIT buffer begins with the type of a structure; four capitals would be type 0x4141 or above.
    private static bool LooksLikeTable(ReadOnlySpan<byte> bytes) =>
        bytes[..4].IndexOfAnyExceptInRange((byte)'A', (byte)'Z') is -1 or 3 && bytes[3] is >= (byte)'0' and <= (byte)'Z';

    private ReadOnlySpan<byte> TableOf(ReadOnlySpan<byte> bytes)
    {
        uint length = Header!.StoredLength;
        if (length < Nfit.HeaderSize)
        {
            Fault("nfit-table-length", LintSeverity.Error, AcpiTableHeader.LengthPosition, "NFIT length", $"at least {Nfit.HeaderSize}", $"{length}", "ACPI refuses the table");
            length = (uint)bytes.Length;
        }
        else if (length > (uint)bytes.Length)
        {
            Fault("nfit-table-length", LintSeverity.Error, AcpiTableHeader.LengthPosition, "NFIT length", $"at most the {bytes.Length} bytes that are there", $"{length}",
                "the table is cut: structures at its end are lost, and the checksum is wrong");
        }
        else if (length < (uint)bytes.Length)
        {
            Fault("nfit-trailing-bytes", LintSeverity.Warning, length, "end of the NFIT", $"{length} bytes, as the header says", $"{bytes.Length}", "what follows is never read");
        }

        ReadOnlySpan<byte> table = bytes[..(int)Math.Min(length, (uint)bytes.Length)];
        byte sum = AcpiTableHeader.Sum(table);
        if (sum != 0)
        {
            Fault("nfit-checksum", LintSeverity.Error, AcpiTableHeader.ChecksumPosition, "NFIT checksum", $"0x{(byte)(Header.StoredChecksum - sum):x2}",
                $"0x{Header.StoredChecksum:x2}", "Linux refuses the table when it comes with an initrd, and warns when it comes from firmware");
        }

        return table;
    }

    private void Walk(ReadOnlySpan<byte> table, int start)
    {
        int at = start;
        while (at < table.Length)
        {
            if (table.Length - at < NfitStructure.HeaderSize)
            {
                Fault("nfit-structure-truncated", LintSeverity.Error, at, "NFIT structure", $"{NfitStructure.HeaderSize} bytes of type and length", $"{table.Length - at} left",
                    "Linux reads behind the table");
                return;
            }

            var type = (NfitStructureType)BinaryPrimitives.ReadUInt16LittleEndian(table[at..]);
            int length = BinaryPrimitives.ReadUInt16LittleEndian(table[(at + 2)..]);
            if (length == 0)
            {
                Fault("nfit-zero-length", LintSeverity.Error, at + 2, $"length of {Describe(type)}", $"at least {NfitStructure.HeaderSize}", "0",
                    $"Linux warns and stops reading: {table.Length - at} bytes from here on are lost");
                return;
            }

            if (length < NfitStructure.HeaderSize || length > table.Length - at)
            {
                Fault("nfit-structure-truncated", LintSeverity.Error, at + 2, $"length of {Describe(type)}", $"{NfitStructure.HeaderSize} to {table.Length - at}", $"{length}",
                    "Linux reads structures from the wrong place, and behind the table");
                return;
            }

            _entries.Add(new NfitEntry(at, length, ReadStructure(table.Slice(at, length), at, type)));
            at += length;
        }
    }

    private NfitStructure ReadStructure(ReadOnlySpan<byte> bytes, int at, NfitStructureType type)
    {
        ReadOnlySpan<byte> body = bytes[NfitStructure.HeaderSize..];
        var structure = NfitStructure.Create(type);
        try
        {
            structure.ReadFrom(body, Describe(type), at + NfitStructure.HeaderSize);
            if (Minimum(type) > bytes.Length)
                Fault("nfit-structure-length", LintSeverity.Error, at + 2, $"length of {Describe(type)}", $"at least {Minimum(type)}", $"{bytes.Length}", NothingRegistered);
            return structure;
        }
        catch (PmemFormatException problem)
        {
            Misfit(bytes, at, type, problem);
            return new NfitUnknown(type) { Data = body.ToArray() };
        }
    }

    private void Misfit(ReadOnlySpan<byte> bytes, int at, NfitStructureType type, PmemFormatException problem)
    {
        string what = $"length of {Describe(type)}";
        string found = $"{bytes.Length}";
        switch (type)
        {
            case NfitStructureType.SpaRange when bytes.Length is 56 or 64:
                Fault("nfit-location-cookie", LintSeverity.Error, at + 2, what, bytes.Length == 56 ? "64, as flag bit 2 says" : "56, as flag bit 2 is clear", found, NothingRegistered);
                break;
            case NfitStructureType.Interleave or NfitStructureType.FlushHints when bytes.Length >= Minimum(type):
                Fault("nfit-count", LintSeverity.Error, problem.Offset, problem.What, problem.Expected, problem.Found,
                    "Linux believes the count and reads behind the structure");
                break;
            case NfitStructureType.ControlRegion when bytes.Length >= 32:
                Fault("nfit-structure-length", LintSeverity.Warning, at + 2, what, "32 or 80", found, "Linux takes the first 32 bytes; other systems may refuse the table");
                break;
            case NfitStructureType.PlatformCapabilities or NfitStructureType.Smbios:
                Fault("nfit-structure-length", LintSeverity.Warning, at + 2, what, type == NfitStructureType.Smbios ? "at least 8" : "16", found,
                    "Linux does not check it and may read what is not there");
                break;
            default:
                Fault("nfit-structure-length", LintSeverity.Error, at + 2, what, Lengths(type), found, NothingRegistered);
                break;
        }
    }

    private static int Minimum(NfitStructureType type) => type switch
    {
        NfitStructureType.Interleave => 20,
        NfitStructureType.FlushHints => 24,
        _ => 0,
    };

    private static string Lengths(NfitStructureType type) => type switch
    {
        NfitStructureType.SpaRange => "56, or 64 with a location cookie",
        NfitStructureType.RegionMapping => "48",
        NfitStructureType.Interleave => "at least 20",
        NfitStructureType.ControlRegion => "32 or 80",
        NfitStructureType.BlockDataWindow => "40",
        _ => "at least 24",
    };

    private static string Describe(NfitStructureType type) => NfitStructure.NameOf(type) is { } name ? $"the {name} structure" : $"structure of type {(ushort)type}";

    private void Fault(string rule, LintSeverity severity, long offset, string what, string expected, string found, string effect) =>
        _faults.Add(new NfitFault(rule, severity, offset, what, expected, found, effect));
}
