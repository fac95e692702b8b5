using System.Buffers.Binary;

namespace Pmem.Platform.Acpi;

/// <summary>
/// Examines an NFIT for everything that an operating system refuses, ignores or mistakes, and for tables whose arithmetic does not add up. Each
/// finding names its rule (docs/formats/nfit.md has the catalogue) and what Linux does about it.
/// </summary>
/// <remarks>
/// The work is bounded by the number of structures in a table of any size: comparisons of all with all are made on sorted lists.
/// </remarks>
public sealed partial class NfitLint
{
    private const string NoBus = "Linux takes the whole bus down: no DIMM and no region appears";
    private readonly NfitScan _scan;
    private readonly NfitLintOptions _options;
    private readonly List<LintFinding> _findings = [];
    private readonly Dictionary<ushort, NfitEntry> _ranges = [];
    private readonly Dictionary<ushort, NfitEntry> _controls = [];
    private readonly Dictionary<ushort, NfitEntry> _interleaves = [];

    private NfitLint(NfitScan scan, NfitLintOptions options)
    {
        _scan = scan;
        _options = options;
    }

    /// <summary>Examines a table or a <c>_FIT</c> buffer.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="options">What else is known of the platform.</param>
    /// <returns>The findings in the order of their offsets; empty when all is well.</returns>
    /// <exception cref="PmemFormatException">The bytes are another ACPI table, or too few for a header.</exception>
    public static IReadOnlyList<LintFinding> Examine(ReadOnlySpan<byte> bytes, NfitLintOptions? options = null) => Examine(NfitScan.Read(bytes), options);

    /// <summary>Examines what a scan read.</summary>
    public static IReadOnlyList<LintFinding> Examine(NfitScan scan, NfitLintOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(scan);
        var lint = new NfitLint(scan, options ?? new NfitLintOptions());
        lint.Run();
        return [.. lint._findings.OrderBy(finding => finding.Offset).ThenByDescending(finding => finding.Severity).ThenBy(finding => finding.Rule, StringComparer.Ordinal)];
    }

    /// <summary>The faults of form alone: header, checksum, lengths and counts, without which a table cannot be read as it was meant.</summary>
    public static IReadOnlyList<LintFinding> FormFaults(NfitScan scan)
    {
        ArgumentNullException.ThrowIfNull(scan);
        return [.. scan.Faults.Select(fault => fault.ToFinding())];
    }

    /// <summary>Whether Linux takes the whole bus down, or does not bring it up, because of a finding.</summary>
    internal static bool StopsBus(LintFinding finding) => finding.Effect.Contains(NoBus, StringComparison.Ordinal) || finding.Effect.Contains(NfitScan.NothingRegistered, StringComparison.Ordinal);

    private void Run()
    {
        foreach (NfitFault fault in _scan.Faults)
            _findings.Add(fault.ToFinding());
        ExamineHeader();
        ExamineIndices();
        foreach (NfitEntry entry in _scan.Entries)
            ExamineStructure(entry);
        ExamineRanges();
        ExamineSets();
        ExamineModules();
        ExamineFlushHints();
        ExamineCapabilities();
    }

    private void ExamineHeader()
    {
        if (_scan.Header is null)
            return;
        if (_scan.Header.Revision != 1)
            Warn("nfit-revision", 8, $"table revision is {_scan.Header.Revision}; every version of ACPI has 1", "Linux does not look at it; Intel's tools refuse the table");
        if (_scan.Reserved != 0)
            Note("nfit-reserved", AcpiTableHeader.Size, $"the reserved bytes of the header are 0x{_scan.Reserved:x}, not 0", "none");
        if (_scan.Entries.Count == 0)
            Warn("nfit-empty", Nfit.HeaderSize, "the table has no structures", "no persistent memory appears");
    }

    // Index numbers name structures; of two with the same number Linux finds the first.
    private void ExamineIndices()
    {
        foreach (NfitEntry entry in _scan.Entries)
        {
            (Dictionary<ushort, NfitEntry> known, ushort index, string kind)? named = entry.Structure switch
            {
                NfitSpaRange range => (_ranges, range.Index, "range"),
                NfitControlRegion control => (_controls, control.Index, "control region"),
                NfitInterleave interleave => (_interleaves, interleave.Index, "interleave"),
                _ => null,
            };
            if (named is not { } name)
                continue;
            if (name.index == 0)
                ExamineIndexZero(entry, name.kind);
            else if (!name.known.TryAdd(name.index, entry))
                Fail("nfit-duplicate-index", entry.Offset + 4, $"{name.kind} index {name.index} is also that of the structure at offset 0x{name.known[name.index].Offset:x}",
                    "Linux uses the first structure for every mapping that names the index");
        }
    }

    private void ExamineIndexZero(NfitEntry entry, string kind)
    {
        if (entry.Structure is not NfitSpaRange range)
            Fail("nfit-index-zero", entry.Offset + 4, $"{kind} index is 0, and indices begin at 1", "no mapping can name the structure");
        else if (!NfitRangeType.IsVirtual(range.RangeType))
            Fail("nfit-index-zero", entry.Offset + 4, "range index is 0, which only virtual disks and CDs may have", "Linux ignores the range: its memory does not appear");
    }

    private void ExamineStructure(NfitEntry entry)
    {
        switch (entry.Structure)
        {
            case NfitUnknown unknown when NfitStructure.NameOf(unknown.Type) is null:
                Warn("nfit-unknown-type", entry.Offset, $"structure of unknown type {(ushort)unknown.Type}, {entry.Length} bytes", "Linux logs it and goes on");
                break;
            case NfitRegionMapping mapping:
                ExamineMapping(entry, mapping);
                break;
            case NfitInterleave interleave:
                ExamineInterleave(entry, interleave);
                break;
            case NfitControlRegion { HasWindowFields: false, WindowCount: not 0 } control:
                Fail("nfit-block-windows", entry.Offset + 30, $"{control.WindowCount} block control windows in a structure of 32 bytes, which ends before their description",
                    "Linux before 5.18 reads behind the structure; later ones have no block windows");
                break;
            case NfitBlockDataWindow window when !_controls.ContainsKey(window.ControlRegionIndex):
                Fail("nfit-dangling-dcr", entry.Offset + 4, $"block data window names control region {window.ControlRegionIndex}, which does not exist", "the windows belong to no DIMM");
                break;
            default:
                break;
        }
    }

    private void Fail(string rule, long offset, string message, string effect) => _findings.Add(new LintFinding(rule, LintSeverity.Error, offset, message, effect));

    private void Warn(string rule, long offset, string message, string effect) => _findings.Add(new LintFinding(rule, LintSeverity.Warning, offset, message, effect));

    private void Note(string rule, long offset, string message, string effect) => _findings.Add(new LintFinding(rule, LintSeverity.Info, offset, message, effect));

    private static bool IsPersistent(NfitEntry? entry) => entry?.Structure is NfitSpaRange range && range.RangeType == NfitRangeType.PersistentMemory;

    private static string Hex(ulong value) => $"0x{value:x}";

    private static string Order(uint value) => $"{BinaryPrimitives.ReverseEndianness(value):x8}";
}
