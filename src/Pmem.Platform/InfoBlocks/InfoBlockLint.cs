using Pmem.Blocks.Layout;
using Layout = Pmem.Platform.InfoBlocks.PfnInfoBlockLayout;

namespace Pmem.Platform.InfoBlocks;

/// <summary>
/// Finds the faults of the info blocks at the start of a namespace, each with a rule: why a kernel does not honour a block, or does although it is not as
/// any writer leaves it. docs/formats/lint.md lists the rules. The table behind a BTT's info block is <c>BttChecker</c>'s. Any bytes are fine.
/// </summary>
public static class InfoBlockLint
{
    private const string Raw = "the block does not count: the namespace silently becomes raw";
    private const string Refused = "the namespace cannot be enabled (-EOPNOTSUPP), not even as a raw device";
    private const string Accepted = "Linux accepts it";
    private const ulong Page = 4096;
    private const ulong DaxAlignment = 2 << 20;
    private const ulong HugeAlignment = 1 << 30;

    /// <summary>Examines the blocks of a namespace.</summary>
    /// <param name="head">The first 8192 bytes of the namespace, fewer if it has fewer.</param>
    /// <param name="class">What the label says; <see cref="NamespaceClass.None"/> without labels.</param>
    /// <param name="uuid">Uuid of the namespace; empty without labels.</param>
    /// <param name="start">System physical address at which it lies now.</param>
    /// <param name="size">Bytes of the namespace.</param>
    /// <returns>Findings; offsets are those in the namespace.</returns>
    public static IReadOnlyList<LintFinding> Examine(ReadOnlySpan<byte> head, NamespaceClass @class, Guid uuid, ulong start, ulong size)
    {
        var findings = new List<LintFinding>();
        bool isBttMeant = @class is NamespaceClass.None or NamespaceClass.Btt or NamespaceClass.Btt2;
        bool isPfnMeant = @class is NamespaceClass.None or NamespaceClass.Pfn or NamespaceClass.Dax;
        // Only one of the two places counts; what lies at the other one is a fault if nothing is where it should be, and else left over, or data.
        bool isFirstPage = @class == NamespaceClass.Btt2;
        bool hasBlock = isFirstPage
            ? ExamineBtt(findings, head, BttFormat.Uefi20, @class, isBttMeant, uuid)
            : ExamineBtt(findings, head, BttFormat.Linux11, @class, isBttMeant, uuid) || ExaminePfn(findings, head, @class, isPfnMeant, uuid, start, size);
        if (hasBlock && HasIntact(head, isFirstPage ? (int)Page : 0))
            findings.Add(new LintFinding("infoblock-two", LintSeverity.Warning, isFirstPage ? (long)Page : 0, "intact info blocks at 0 and at 4096", "the label's abstraction decides; if the other one is left over, whoever goes by it overwrites what this one describes"));
        else if (!hasBlock && isFirstPage)
            hasBlock = ExamineBtt(findings, head, BttFormat.Linux11, @class, isBttMeant, uuid) || ExaminePfn(findings, head, @class, isPfnMeant, uuid, start, size);
        else if (!hasBlock)
            hasBlock = ExamineBtt(findings, head, BttFormat.Uefi20, @class, isBttMeant, uuid);
        if (!hasBlock && @class is not (NamespaceClass.None or NamespaceClass.Unknown))
            findings.Add(new LintFinding("infoblock-missing", LintSeverity.Error, @class == NamespaceClass.Btt2 ? 0 : (long)Page, $"the label says {@class.ToString().ToUpperInvariant()}, and there is no such block", "the namespace silently becomes raw"));
        return findings;
    }

    private static bool HasIntact(ReadOnlySpan<byte> head, int at) => head.Length >= at + BttInfo.Size
        && (BttInfo.Read(head.Slice(at, BttInfo.Size)).IsIntact || (at == PfnInfoBlock.Position && PfnInfoBlock.TryParse(head.Slice(at, PfnInfoBlock.Size), out _) is not null));

    /// <summary>Whether a signature is there.</summary>
    private static bool ExamineBtt(List<LintFinding> findings, ReadOnlySpan<byte> head, BttFormat format, NamespaceClass @class, bool isMeant, Guid uuid)
    {
        int at = format.InitialOffset;
        if (head.Length < at + BttInfo.Size)
            return false;
        BttInfo info = BttInfo.Read(head.Slice(at, BttInfo.Size));
        if (info.Signature != BttInfo.ExpectedSignature)
            return false;
        bool isPlace = (@class == NamespaceClass.Btt2) == (at == 0);
        Guid parent = NetworkGuid.Read(BttInfo.ParentUuidOf(in info));
        if (!isMeant)
            findings.Add(new LintFinding("infoblock-class", @class == NamespaceClass.Unknown ? LintSeverity.Warning : LintSeverity.Error, at, $"a BTT block, and the label says {@class.ToString().ToUpperInvariant()}", Raw));
        else if (!info.IsIntact)
            findings.Add(new LintFinding("btt-checksum", LintSeverity.Error, at + BttInfo.ChecksumPosition, "the checksum of the BTT block is wrong", $"{Raw}; 'pmem btt repair' brings it back from its copy"));
        else if (!isPlace || info.Major != format.Major || info.Minor != format.Minor)
            findings.Add(new LintFinding("btt-version", LintSeverity.Error, at + 52, $"a BTT block of version {info.Major}.{info.Minor} at {at}, and the label's abstraction is {@class.ToString().ToUpperInvariant()}", "2.0 counts at 0 with BTT2, 1.1 at 4096 with BTT or none: the namespace silently becomes raw"));
        else if (parent != Guid.Empty && parent != uuid)
            findings.Add(new LintFinding("btt-parent", LintSeverity.Error, at + 32, $"the BTT block's parent is {parent}, not this namespace", Raw));
        else if ((info.Flags & BttInfo.ErrorFlag) != 0)
            findings.Add(new LintFinding("btt-error-flag", LintSeverity.Warning, at + 48, "the error flag is set: a write failed", "writes fail (-EIO)"));
        return true;
    }

    private static bool ExaminePfn(List<LintFinding> findings, ReadOnlySpan<byte> head, NamespaceClass @class, bool isMeant, Guid uuid, ulong start, ulong size)
    {
        if (head.Length < PfnInfoBlock.Position + PfnInfoBlock.Size)
            return false;
        ReadOnlySpan<byte> bytes = head.Slice(PfnInfoBlock.Position, PfnInfoBlock.Size);
        PfnInfoBlock? block = PfnInfoBlock.TryParse(bytes, out FormatProblem? problem);
        if (block is null)
        {
            bool isDamaged = problem!.What.EndsWith("checksum", StringComparison.Ordinal);
            if (isDamaged)
                findings.Add(new LintFinding("pfn-checksum", LintSeverity.Error, problem.Offset, problem.ToString(), Raw));
            return isDamaged;
        }

        string name = block.Kind == PfnKind.Pfn ? "PFN" : "DAX";
        NamespaceClass own = block.Kind == PfnKind.Pfn ? NamespaceClass.Pfn : NamespaceClass.Dax;
        if (!isMeant || (@class != NamespaceClass.None && @class != own))
            Add("infoblock-class", @class == NamespaceClass.Unknown ? LintSeverity.Warning : LintSeverity.Error, Layout.Signature, $"a {name} block, and the label says {@class.ToString().ToUpperInvariant()}", "the block does not count; without the one that the label names, the namespace silently becomes raw");
        else if (block.ParentUuid != uuid)
            Add("pfn-parent", LintSeverity.Error, Layout.ParentUuid, $"the {name} block's parent is {block.ParentUuid}, not this namespace", Raw);
        else if (block.Mode is not (PageMapMode.Memory or PageMapMode.Device))
            Add("pfn-mode", LintSeverity.Error, Layout.Mode, $"mode {(uint)block.Mode}: page structures are kept nowhere", Raw);
        else
            ExamineHonoured(findings, block, bytes, start, size);
        return true;

        void Add(string rule, LintSeverity severity, LayoutField field, string message, string effect) => findings.Add(Finding(rule, severity, field, message, effect));
    }

    private static LintFinding Finding(string rule, LintSeverity severity, LayoutField field, string message, string effect) => new(rule, severity, PfnInfoBlock.Position + field.Offset, message, effect);

    private static void ExamineHonoured(List<LintFinding> findings, PfnInfoBlock block, ReadOnlySpan<byte> bytes, ulong start, ulong size)
    {
        if (unchecked(start + block.StartPad) % DaxAlignment != 0)
            findings.Add(Finding("pfn-start", LintSeverity.Error, Layout.StartPad, $"the namespace begins at 0x{start:x}{(block.StartPad != 0 ? $", data {block.StartPad} bytes later" : string.Empty)}, not at a multiple of 2 MiB: it was moved, or is in another slot", Refused));
        else if (block.FindRefusal(start, size) is { } refusal)
            findings.Add(new LintFinding(RuleAt(refusal.Offset - PfnInfoBlock.Position), LintSeverity.Error, refusal.Offset, refusal.ToString(), Refused));
        ExamineOddities(findings, block, bytes, size);
    }

    /// <summary>What is accepted, although no writer of today leaves it.</summary>
    private static void ExamineOddities(List<LintFinding> findings, PfnInfoBlock block, ReadOnlySpan<byte> bytes, ulong size)
    {
        if (block.Flags != 0)
            Warn("pfn-flags", Layout.Flags, $"flags 0x{block.Flags:x}, and none is known");
        if (block.Major != 1 || block.Minor > PfnInfoBlock.CurrentMinor)
            Warn("pfn-version", Layout.Major, $"version {block.Major}.{block.Minor}, and 1.{PfnInfoBlock.CurrentMinor} is the newest that is known");
        else if (block.Minor < PfnInfoBlock.CurrentMinor)
            findings.Add(Finding("pfn-minor", LintSeverity.Info, Layout.Minor, $"version 1.{block.Minor}: fields that came later have their defaults", Accepted));
        if (block.StartPad != 0)
            Warn("pfn-start-pad", Layout.StartPad, $"{block.StartPad} bytes are left out at the start, which nobody writes any more");
        ulong reserved = unchecked(block.DataOffset + block.EndTruncate + block.StartPad);
        if (block.DataOffset < size && reserved <= size && block.PageFrames != (size - reserved) / Page)
            Warn("pfn-pages", Layout.PageFrames, $"{block.PageFrames} pages, and a namespace of this size has {(size - reserved) / Page}: it had another size when the block was written");
        ulong written = block.Minor >= 2 ? Layout.Alignment.Read(bytes) : block.Alignment;
        if (block.Kind == PfnKind.Pfn && block.Minor >= 2 && written is not (Page or DaxAlignment or HugeAlignment))
            Warn("pfn-alignment", Layout.Alignment, $"alignment {written}; 4096, 2 MiB and 1 GiB can be asked for");
        if (block.PageStructSize > 64)
            Warn("pfn-page-structure", Layout.PageStructSize, $"page structures of {block.PageStructSize} bytes; those of Linux have 64");

        void Warn(string rule, LayoutField field, string message) => findings.Add(Finding(rule, LintSeverity.Warning, field, message, Accepted));
    }

    private static string RuleAt(long field)
    {
        if (field == Layout.DataOffset.Offset)
            return "pfn-data-offset";
        if (field == Layout.Alignment.Offset)
            return "pfn-alignment";
        if (field == Layout.PageSize.Offset)
            return "pfn-page-size";
        if (field == Layout.PageStructSize.Offset)
            return "pfn-page-structure";
        return field == Layout.EndTruncate.Offset ? "pfn-end" : "pfn-start";
    }
}
