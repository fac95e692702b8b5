using System.Buffers.Binary;

namespace Pmem.Platform.Labels;

/// <summary>What a kernel makes of a label.</summary>
public enum LabelVerdictKind
{
    /// <summary>Part of a namespace that is shown.</summary>
    Accepted,

    /// <summary>Part of a namespace that is shown, although something is not as it should be.</summary>
    Doubtful,

    /// <summary>Not looked at.</summary>
    Ignored,

    /// <summary>Its namespace is not shown, but its place on the DIMM stays taken.</summary>
    Hidden,

    /// <summary>Because of it the whole region is not enabled.</summary>
    DisablesRegion,

    /// <summary>Because of it the DIMM is not enabled, and the region may come up as one raw device over everything.</summary>
    DisablesDimm,
}

/// <summary>The verdict on one label.</summary>
/// <param name="Dimm">Mapping the label is on.</param>
/// <param name="Slot">The label.</param>
/// <param name="Kind">What a kernel makes of it.</param>
/// <param name="Reason">Why; empty for a label that is simply accepted.</param>
/// <param name="Remedy">What to do about it; empty when nothing is to be done.</param>
/// <param name="Rule">Name of the rule that says so (docs/formats/lint.md lists them); empty for a label that is simply accepted.</param>
public sealed record LabelVerdict(int Dimm, LabelSlot Slot, LabelVerdictKind Kind, string Reason, string Remedy, string Rule);

/// <summary>What becomes of a region.</summary>
public enum RegionState
{
    /// <summary>Enabled, with the namespaces found.</summary>
    Enabled,

    /// <summary>Not enabled: nothing of it can be used.</summary>
    Disabled,

    /// <summary>Enabled as one raw namespace over its whole capacity: whatever was in namespaces lies open.</summary>
    LabelLess,
}

/// <summary>A namespace that labels describe.</summary>
/// <param name="Uuid">Its uuid.</param>
/// <param name="Name">Its friendly name; that of position 0.</param>
/// <param name="Start">System physical address.</param>
/// <param name="Size">Bytes: the sum over the DIMMs.</param>
/// <param name="LbaSize">Logical block size of position 0's label.</param>
/// <param name="Abstraction">Abstraction of position 0's label; empty for none.</param>
/// <param name="Labels">The label on each mapping.</param>
public sealed record DiscoveredNamespace(Guid Uuid, string Name, ulong Start, ulong Size, ulong LbaSize, Guid Abstraction, IReadOnlyList<NamespaceLabel> Labels);

/// <summary>
/// What Linux (6.1 and later) makes of the labels of a region's DIMMs: whether the DIMMs and the region are enabled, which namespaces there are, and
/// why a label is refused. The rules are those of <c>nd_label_reserve_dpa</c> and <c>scan_labels</c>, confirmed by experiment; docs/formats/labels.md has
/// the table.
/// </summary>
public sealed partial class RegionLabelVerdict
{
    private readonly RegionDescription _region;
    private readonly IReadOnlyList<LabelArea?> _areas;
    private readonly List<LabelVerdict> _verdicts = [];
    private readonly List<DiscoveredNamespace> _namespaces = [];
    private readonly bool[] _enabled;

    private RegionLabelVerdict(RegionDescription region, IReadOnlyList<LabelArea?> areas)
    {
        _region = region;
        _areas = areas;
        _enabled = [.. Enumerable.Repeat(true, areas.Count)];
    }

    /// <summary>What becomes of the region.</summary>
    public RegionState State { get; private set; }

    /// <summary>Why the region is not enabled, or came up without labels; empty otherwise.</summary>
    public string Reason { get; private set; } = string.Empty;

    /// <summary>What to do about it; empty when the region is enabled.</summary>
    public string Remedy { get; private set; } = string.Empty;

    /// <summary>Namespaces in the order in which Linux numbers them: by the bytes of their start address in memory order, not by its value.</summary>
    public IReadOnlyList<DiscoveredNamespace> Namespaces => _namespaces;

    /// <summary>A verdict for each label in use, by DIMM and slot.</summary>
    public IReadOnlyList<LabelVerdict> Labels => _verdicts;

    /// <summary>Whether each DIMM is enabled.</summary>
    public IReadOnlyList<bool> DimmEnabled => _enabled;

    /// <summary>Whether every label is accepted and nothing is doubtful.</summary>
    public bool IsClean => State == RegionState.Enabled && _verdicts.TrueForAll(verdict => verdict.Kind == LabelVerdictKind.Accepted);

    /// <summary>The verdict on a region whose memory cannot be reached, whatever its labels say.</summary>
    internal static RegionLabelVerdict Unreachable(RegionDescription region, IReadOnlyList<LabelArea?> areas, string reason, string remedy) =>
        new(region, areas) { State = RegionState.Disabled, Reason = reason, Remedy = remedy };

    /// <summary>Judges.</summary>
    /// <param name="region">The region.</param>
    /// <param name="areas">The label storage area of each mapping's DIMM; null for a DIMM without one.</param>
    public static RegionLabelVerdict Judge(RegionDescription region, IReadOnlyList<LabelArea?> areas)
    {
        if (region.Mappings.Count != areas.Count)
            throw new ArgumentException($"a region of {region.Mappings.Count} mappings needs as many areas, not {areas.Count}", nameof(areas));
        var verdict = new RegionLabelVerdict(region, areas);
        verdict.Reserve();
        verdict.Scan();
        verdict._verdicts.Sort((a, b) => (a.Dimm, a.Slot.Slot).CompareTo((b.Dimm, b.Slot.Slot)));
        verdict._namespaces.Sort((a, b) => BinaryPrimitives.ReverseEndianness(a.Start).CompareTo(BinaryPrimitives.ReverseEndianness(b.Start)));
        return verdict;
    }

    private IEnumerable<LabelSlot> Active(int dimm) =>
        _enabled[dimm] && _areas[dimm] is { } area ? area.Slots.Where(slot => slot.State == LabelSlotState.Active) : [];

    /// <summary>Each DIMM by itself: every valid label takes its place; two that want the same stop the DIMM.</summary>
    private void Reserve()
    {
        for (int dimm = 0; dimm < _areas.Count; dimm++)
        {
            if (_areas[dimm] is not { } area)
                continue;
            var taken = new List<LabelSlot>();
            foreach (LabelSlot slot in area.Slots)
            {
                if (slot.State == LabelSlotState.Invalid)
                    _verdicts.Add(new LabelVerdict(dimm, slot, LabelVerdictKind.Ignored, slot.Problem!.ToString(), "'pmem labels repair' frees the slot", slot.Problem.What.EndsWith("checksum", StringComparison.Ordinal) ? "label-checksum" : "label-slot-number"));
                if (slot.State != LabelSlotState.Active)
                    continue;
                LabelSlot? other = taken.Find(before => Overlap(before.Label, slot.Label));
                if (other is null)
                {
                    taken.Add(slot);
                    continue;
                }

                _enabled[dimm] = false;
                _verdicts.Add(new LabelVerdict(dimm, slot, LabelVerdictKind.DisablesDimm, $"its range overlaps that of slot {other.Slot}", "free one of the two slots: 'pmem labels repair'", "label-overlap"));
            }

            if (_enabled[dimm])
                continue;
            foreach (LabelSlot slot in taken)
                _verdicts.Add(new LabelVerdict(dimm, slot, LabelVerdictKind.Ignored, "the DIMM is not enabled, because labels on it overlap", "see the other label", LabelLint.Consequence));
        }
    }

    internal static bool Overlap(NamespaceLabel a, NamespaceLabel b) =>
        a.RawSize != 0 && b.RawSize != 0 && a.Dpa <= unchecked(b.Dpa + b.RawSize - 1) && b.Dpa <= unchecked(a.Dpa + a.RawSize - 1);

    private void Scan()
    {
        bool anyLabelled = false;
        for (int dimm = 0; dimm < _areas.Count; dimm++)
            anyLabelled |= _enabled[dimm] && _areas[dimm]?.Current is not null;
        if (!anyLabelled)
        {
            State = RegionState.LabelLess;
            Reason = Array.Exists(_enabled, enabled => !enabled)
                ? "labels that overlap stop their DIMM, and without labels the region is one raw device over everything in it"
                : "no DIMM has a valid index block, so the region is one raw device over everything in it";
            Remedy = Array.Exists(_enabled, enabled => !enabled)
                ? "write nothing to the device; free one of the slots that overlap: 'pmem labels repair'"
                : "if it was divided, write nothing to the device: 'pmem labels repair' rebuilds index blocks from the labels that are left; if not, 'pmem labels init' lets it be divided";
            return;
        }

        State = RegionState.Enabled;
        foreach (LabelSlot slot in Active(0))
        {
            if (!TryAdd(slot, out LabelVerdict? refusal))
                _verdicts.Add(refusal!);
            if (refusal?.Kind == LabelVerdictKind.DisablesRegion)
            {
                State = RegionState.Disabled;
                Reason = $"label in slot {slot.Slot} of DIMM 0: {refusal.Reason}";
                Remedy = refusal.Remedy;
            }
        }

        if (State == RegionState.Disabled)
            _namespaces.Clear();
        JudgeRest();
    }

    private bool TryAdd(LabelSlot slot, out LabelVerdict? refusal)
    {
        NamespaceLabel label = slot.Label;
        RegionMapping mapping = _region.Mappings[0];
        refusal = null;
        if (label.Dpa < mapping.DpaStart || label.Dpa - mapping.DpaStart >= mapping.Size)
        {
            refusal = new LabelVerdict(0, slot, LabelVerdictKind.Ignored, $"its address 0x{label.Dpa:x} lies outside the region", "it belongs to another region, or to another DIMM", "label-dpa-outside");
            return false;
        }

        LabelVerdict Fatal(string rule, string reason, string remedy) => new(0, slot, LabelVerdictKind.DisablesRegion, reason, remedy, rule);
        if (_namespaces.Exists(known => known.Uuid == label.Uuid))
        {
            refusal = Fatal("label-duplicate", $"a second label for {label.Uuid}", "free one of the two slots: 'pmem labels repair'");
            return false;
        }

        LabelFormat? format = _areas[0]!.Format;
        ulong cookie = _region.Cookie.For(format);
        if (cookie == 0)
        {
            refusal = Fatal("label-cookie-zero", "the interleave set has cookie 0", "give the DIMM a serial number");
            return false;
        }

        if (!_region.Cookie.Accepts(label.SetCookie, format))
        {
            refusal = ForeignCookie(0, slot);
            return false;
        }

        if (FindMissing(label, cookie) is { } missing)
        {
            refusal = Fatal(missing.Rule, missing.Reason, "'pmem labels repair' completes or takes back the namespace");
            return false;
        }

        NamespaceLabel[] labels = [.. Enumerable.Range(0, _areas.Count).Select(dimm => Active(dimm).First(other => other.Label.Uuid == label.Uuid).Label)];
        for (int dimm = 0; dimm < labels.Length; dimm++)
        {
            RegionMapping part = _region.Mappings[dimm];
            if (labels[dimm].RawSize == 0 || labels[dimm].Dpa < part.DpaStart || labels[dimm].Dpa - part.DpaStart >= part.Size || labels[dimm].RawSize > part.Size - (labels[dimm].Dpa - part.DpaStart))
            {
                refusal = Fatal(labels[dimm].RawSize == 0 ? "label-size-zero" : "label-past-end", $"its range 0x{labels[dimm].Dpa:x}+0x{labels[dimm].RawSize:x} on DIMM {dimm} is empty or leaves the region", "free the slot: 'pmem labels repair'");
                return false;
            }
        }

        NamespaceLabel first = Array.Find(labels, part => part.Position == 0) ?? labels[0];
        ulong size = labels.Aggregate(0UL, (sum, part) => sum + part.RawSize);
        _namespaces.Add(new DiscoveredNamespace(label.Uuid, first.Name, _region.SystemAddress(labels[0].Dpa), size, first.LbaSize, first.Abstraction, labels));
        return true;
    }

    /// <summary>A label of another set. Where the DIMMs are those of the set in another order, moving the labels would mix up the data.</summary>
    private LabelVerdict ForeignCookie(int dimm, LabelSlot slot)
    {
        LabelFormat? format = _areas[0]?.Format;
        ulong cookie = _region.Cookie.For(format);
        string cause = CookieDiagnosis.Explain(slot.Label.SetCookie, format, _region);
        string remedy = cause == CookieDiagnosis.Reordered
            ? "put the DIMMs back into the order they had (on a virtual platform 'pmem platform inject --dimm NUMBER --swap NUMBER')"
            : $"put the DIMMs back; or, where all of the set were moved here in order, move their labels to this set: 'pmem labels repair --move' (of one DIMM's file 'pmem labels repair --cookie 0x{cookie:x}')";
        return new LabelVerdict(dimm, slot, LabelVerdictKind.Hidden, $"cookie 0x{slot.Label.SetCookie:x} is not that of the set, 0x{cookie:x}: {cause}", remedy, "label-cookie");
    }

    /// <summary>Each position of the set must be found on some DIMM, once a DIMM, with the region's type and number of labels.</summary>
    private (string Rule, string Reason)? FindMissing(NamespaceLabel label, ulong cookie)
    {
        for (int position = 0; position < _areas.Count; position++)
        {
            if (HasPosition(label.Uuid, cookie, position, out string rule, out string why) || HasPosition(label.Uuid, _region.Cookie.Alternate, position, out _, out _))
                continue;
            return (rule, $"no label for position {position} of {label.Uuid}{why}");
        }

        return null;
    }

    private bool HasPosition(Guid uuid, ulong cookie, int position, out string rule, out string why)
    {
        rule = "label-set-incomplete";
        why = string.Empty;
        for (int dimm = 0; dimm < _areas.Count; dimm++)
        {
            bool hasType = _areas[dimm]?.Format is LabelFormat.Efi12 or LabelFormat.Cxl21;
            bool found = false;
            bool here = false;
            foreach (LabelSlot slot in Active(dimm))
            {
                NamespaceLabel label = slot.Label;
                if (label.SetCookie != cookie || label.Uuid != uuid)
                    continue;
                if (hasType && label.Type != _region.Type)
                {
                    rule = label.Type == NvdimmGuids.ControlRegion ? "label-block-window" : "label-type";
                    why = label.Type == NvdimmGuids.ControlRegion ? ": the one there is a block-window label of an old kernel" : $": the one there has range type {label.Type}";
                    continue;
                }

                if (found)
                {
                    rule = "label-duplicate";
                    why = $": DIMM {dimm} has two";
                    return false;
                }

                found = true;
                if (label.LabelCount != _areas.Count)
                    (rule, why) = ("label-count", $": the one there says that the set has {label.LabelCount} labels, not {_areas.Count}");
                here |= label.LabelCount == _areas.Count && label.Position == position;
            }

            if (here)
                return true;
        }

        return false;
    }
}
