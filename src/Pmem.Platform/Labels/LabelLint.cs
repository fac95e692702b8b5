using System.Text.Unicode;
using Index = Pmem.Platform.Labels.IndexBlockLayout;
using Layout = Pmem.Platform.Labels.NamespaceLabelLayout;

namespace Pmem.Platform.Labels;

/// <summary>A finding, and the mapping of the region whose area has it.</summary>
/// <param name="Dimm">Mapping; 0 for an area that is examined alone.</param>
/// <param name="Finding">What was found; the offset is that in the area.</param>
public sealed record LabelFinding(int Dimm, LintFinding Finding);

/// <summary>
/// Finds the faults of label storage areas, each with a rule: what kernels refuse, what they accept although it is not as it should be, and what no
/// update leaves. docs/formats/lint.md lists the rules. Any bytes are fine. The verdicts on labels are those of <see cref="RegionLabelVerdict"/>.
/// </summary>
public static class LabelLint
{
    /// <summary>Rule of labels that are as they should be, and do not count because another one is not.</summary>
    internal const string Consequence = "label-consequence";

    private const ulong PageSize = 4096;

    /// <summary>Examines the area of one DIMM of which the region is not known.</summary>
    /// <param name="area">The area.</param>
    /// <param name="capacity">Bytes of the DIMM; null when not known.</param>
    /// <param name="cookie">Cookie of the set; null when not known.</param>
    public static IReadOnlyList<LintFinding> ExamineAlone(LabelArea area, ulong? capacity = null, ulong? cookie = null)
    {
        ArgumentNullException.ThrowIfNull(area);
        return [.. OfVerdict(RegionLabelVerdict.JudgeAlone(area, capacity, cookie)).Where(finding => finding.Dimm == 0).Select(finding => finding.Finding), .. ExamineArea(area)];
    }

    /// <summary>Examines the areas of a region's DIMMs.</summary>
    /// <param name="region">The region.</param>
    /// <param name="areas">The area of each mapping's DIMM; null for a DIMM without one.</param>
    public static IReadOnlyList<LabelFinding> Examine(RegionDescription region, IReadOnlyList<LabelArea?> areas)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentNullException.ThrowIfNull(areas);
        return [.. OfVerdict(RegionLabelVerdict.Judge(region, areas)), .. Unjudged(region, areas)];
    }

    /// <summary>What the verdict on the region does not tell.</summary>
    internal static IEnumerable<LabelFinding> Unjudged(RegionDescription region, IReadOnlyList<LabelArea?> areas)
    {
        for (int dimm = 0; dimm < areas.Count; dimm++)
        {
            if (areas[dimm] is not { } area)
                continue;
            foreach (LintFinding finding in ExamineArea(area))
                yield return new LabelFinding(dimm, finding);
            foreach (LabelSlot slot in Active(area).Where(slot => slot.Label.SetCookie != region.Cookie.For(areas[0]?.Format) && slot.Label.SetCookie == region.Cookie.Alternate))
                yield return new LabelFinding(dimm, Of("label-cookie-alternate", LintSeverity.Info, slot, Layout.SetCookie, "the cookie is the one that old kernels computed", "Linux accepts it; other systems may not"));
            if (area.Format is { } format && areas[0]?.Format is { } first && format != first)
                yield return new LabelFinding(dimm, new LintFinding("index-version-mix", LintSeverity.Warning, Index.Major.Offset, $"labels of version {format.Text()}, and of {first.Text()} on mapping 0", "Linux expects the cookie for mapping 0's version on all DIMMs"));
        }
    }

    private static IEnumerable<LabelFinding> OfVerdict(RegionLabelVerdict verdict) => verdict.Labels.Where(label => label.Kind != LabelVerdictKind.Accepted).Select(label => new LabelFinding(label.Dimm, new LintFinding(
        label.Rule, label.Kind == LabelVerdictKind.Doubtful || label.Rule == Consequence ? LintSeverity.Warning : LintSeverity.Error, label.Slot.Problem?.Offset ?? label.Slot.Offset,
        $"slot {label.Slot.Slot} ({label.Slot.Label.Uuid}): {label.Reason}", label.Kind switch
        {
            LabelVerdictKind.Doubtful => "the label is accepted",
            LabelVerdictKind.Ignored => "the label is not looked at",
            LabelVerdictKind.Hidden => "its namespace is not shown, and its place stays taken",
            LabelVerdictKind.DisablesDimm => "the DIMM is not enabled, and its region may come up as one raw device over everything",
            _ => "the whole region is not enabled",
        })));

    private static IEnumerable<LintFinding> ExamineArea(LabelArea area)
    {
        if (area.Indexes.Count == 0)
            return [new LintFinding("index-none", LintSeverity.Error, 0, $"{area.Size} bytes are too few for a label storage area", "the DIMM counts as unlabelled")];
        return area.Current is not { } current
            ? [.. area.Indexes.Select(index => OfIndex(index.Problem!, LintSeverity.Error, "no index block is valid: the DIMM counts as unlabelled, and its region is one raw device over everything"))]
            : [.. ExamineIndexes(area, current), .. area.Slots.SelectMany(slot => ExamineSlot(area, slot))];
    }

    private static LintFinding OfIndex(FormatProblem problem, LintSeverity severity, string effect) =>
        new(problem.What.EndsWith("sequence", StringComparison.Ordinal) ? "index-sequence-zero" : "index-invalid", severity, problem.Offset, problem.ToString(), effect);

    internal static IEnumerable<LintFinding> ExamineIndexes(LabelArea area, IndexBlock current)
    {
        foreach (IndexVerdict index in area.Indexes.Where(index => index.Block is null))
            yield return OfIndex(index.Problem!, LintSeverity.Warning, "the other block counts; an update was interrupted, or the block rotted");
        int size = area.Geometry!.Value.IndexSize;
        if (area.Indexes is [{ Block: { } first }, { Block: { } second }])
        {
            if (first.Sequence == second.Sequence)
                yield return new LintFinding("index-sequence-equal", LintSeverity.Warning, Index.Sequence.Offset, $"both index blocks have the sequence number {first.Sequence}, which no update leaves", "block 1 counts");
            if (FindDifference(area.Bytes[..size], area.Bytes.Slice(size, size)) is { } field)
                yield return new LintFinding("index-differ", LintSeverity.Warning, size + field.Offset, "the index blocks differ in what no update changes", "the current block counts; what the next update makes of it depends on the program");
        }

        int start = current.Position * size;
        if (current.HasStrayFreeBits)
            yield return new LintFinding("index-free-bits", LintSeverity.Warning, start + IndexBlock.HeaderSize, "the free bitmap has bits behind the last slot", "Linux does not mind");
        if (current.FreeSlots < 2)
            yield return new LintFinding("index-full", LintSeverity.Warning, start + IndexBlock.HeaderSize, $"{(current.FreeSlots == 0 ? "no slot is" : "only one slot is")} free, and one must stay so", "no namespace can be created or changed");
        if (current.Format == LabelFormat.Cxl21)
            yield return new LintFinding("index-cxl", LintSeverity.Warning, start + Index.Major.Offset, "labels of CXL 2.0", "no kernel reads them: Linux writes version 1.2 on CXL devices too");
    }

    /// <summary>The first field that must be the same in both blocks and is not.</summary>
    private static LayoutField? FindDifference(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        foreach (LayoutField field in (ReadOnlySpan<LayoutField>)[Index.Flags, Index.LabelSizeCode, Index.MySize, Index.LabelOffset, Index.SlotCount, Index.Major, Index.Minor])
        {
            if (!field.Of(first).SequenceEqual(field.Of(second)))
                return field;
        }

        return null;
    }

    private static IEnumerable<LabelSlot> Active(LabelArea area) => area.Format == LabelFormat.Cxl21 ? [] : area.Slots.Where(slot => slot.State == LabelSlotState.Active);

    private static IEnumerable<LintFinding> ExamineSlot(LabelArea area, LabelSlot slot)
    {
        if (slot.State != LabelSlotState.Stale && !BytesOf(area, slot).ContainsAnyExcept((byte)0))
            return [new LintFinding("label-empty", LintSeverity.Warning, slot.Offset, $"slot {slot.Slot} is in use and holds nothing", "Linux does not look at it, or refuses the region for slot 0")];
        if (area.Format == LabelFormat.Cxl21 || slot.State == LabelSlotState.Invalid)
            return [];
        return slot.State == LabelSlotState.Stale ? ExamineStale(area, slot) : ExamineLabel(area, slot);
    }

    private static IEnumerable<LintFinding> ExamineStale(LabelArea area, LabelSlot slot)
    {
        NamespaceLabel? used = area.ActiveLabels.FirstOrDefault(label => label.Uuid == slot.Label.Uuid);
        if (used is null)
            yield return Of("label-stale", LintSeverity.Info, slot, Layout.Uuid, $"a free slot holds a label of {slot.Label.Uuid}, which has none in use: it was destroyed, or never completed", "Linux does not look at it; 'pmem labels repair --restore UUID' brings it back");
        else if (slot.Label.Flags.HasFlag(NamespaceLabelFlags.Updating) && slot.Label with { Flags = used.Flags, Slot = used.Slot } != used)
            yield return Of("label-stale-newer", LintSeverity.Info, slot, Layout.Flags, $"a free slot holds a label of {slot.Label.Uuid} that says something else and was part of an update: newer than the one in use if the update was interrupted", "Linux does not look at it");
    }

    private static IEnumerable<LintFinding> ExamineLabel(LabelArea area, LabelSlot slot)
    {
        NamespaceLabel label = slot.Label;
        if (!Utf8.IsValid(NameOf(BytesOf(area, slot))))
            yield return Of("label-name-encoding", LintSeverity.Warning, slot, Layout.Name, "the name is not UTF-8", "Linux passes the bytes on as they are");
        if (label.Abstraction != Guid.Empty && InfoBlocks.NamespaceClasses.Of(label.Abstraction) == InfoBlocks.NamespaceClass.Unknown)
            yield return Of("label-abstraction", LintSeverity.Warning, slot, Layout.Abstraction, $"nobody knows the abstraction {label.Abstraction}", "the namespace is raw");
        if (label.Dpa % PageSize != 0 || label.RawSize % PageSize != 0)
            yield return Of("label-granularity", LintSeverity.Warning, slot, label.Dpa % PageSize != 0 ? Layout.Dpa : Layout.RawSize, $"0x{label.RawSize:x} bytes at 0x{label.Dpa:x} are not multiples of 4096", "Linux accepts the label; fsdax and devdax may be refused");
        if (label.Flags.HasFlag(NamespaceLabelFlags.Local) && label.Type != NvdimmGuids.ControlRegion)
            yield return Of("label-local", label.LabelCount > 1 ? LintSeverity.Warning : LintSeverity.Info, slot, Layout.Flags, label.LabelCount > 1 ? $"LOCAL in a label of a set of {label.LabelCount}" : "LOCAL", "Linux does not heed it");
    }

    private static ReadOnlySpan<byte> BytesOf(LabelArea area, LabelSlot slot) => area.Bytes.Slice(slot.Offset, area.Format!.Value.LabelSize());

    private static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> label)
    {
        ReadOnlySpan<byte> name = Layout.Name.Of(label);
        int end = name.IndexOf((byte)0);
        return end < 0 ? name : name[..end];
    }

    private static LintFinding Of(string rule, LintSeverity severity, LabelSlot slot, LayoutField field, string message, string effect) =>
        new(rule, severity, slot.Offset + field.Offset, $"slot {slot.Slot}: {message}", effect);
}
