namespace Pmem.Platform.Labels;

/// <summary>
/// Works out how to mend label storage areas; nothing is written until the update is applied. What cannot be decided from the labels alone is
/// listed and left as it is.
/// </summary>
/// <remarks>
/// A label that was written without UPDATING is never given up: it was acknowledged once. Labels with UPDATING whose namespace never became whole
/// are taken back. Freed slots keep their labels, so a repair can be undone with <see cref="Restore"/>.
/// </remarks>
public sealed partial class LabelRepair
{
    private readonly RegionDescription? _region;
    private readonly List<LabelWrite> _writes = [];
    private readonly LabelAreaEditor[] _editors;
    private readonly List<string> _actions = [];
    private readonly List<string> _unresolved = [];

    private LabelRepair(RegionDescription? region, IReadOnlyList<LabelArea> areas)
    {
        if (areas.Count == 0 || (region is not null && region.Mappings.Count != areas.Count) || (region is null && areas.Count != 1))
            throw new ArgumentException("a set is repaired with its region and an area for each mapping; without a region, one area", nameof(areas));
        _region = region;
        _editors = [.. areas.Select((area, dimm) => new LabelAreaEditor(area, dimm, _writes))];
    }

    /// <summary>The writes that mend the areas; none when nothing is to be done.</summary>
    public LabelUpdate Update => LabelUpdate.Of(_writes);

    /// <summary>What is done, a sentence each.</summary>
    public IReadOnlyList<string> Actions => _actions;

    /// <summary>What stays wrong, a sentence each, with what a person must find out.</summary>
    public IReadOnlyList<string> Unresolved => _unresolved;

    /// <summary>
    /// Mends: rebuilds lost index blocks from the labels, writes torn ones anew, frees slots that no kernel reads, resolves overlaps and duplicates that an interrupted
    /// update left, completes or takes back updates that reached only some DIMMs.
    /// </summary>
    /// <param name="region">The region; null to mend one area of which nothing else is known.</param>
    /// <param name="areas">The areas in mapping order.</param>
    public static LabelRepair Mend(RegionDescription? region, IReadOnlyList<LabelArea> areas)
    {
        var repair = new LabelRepair(region, areas);
        for (int dimm = 0; dimm < areas.Count; dimm++)
        {
            repair.RebuildIndex(dimm);
            repair.FreeInvalid(dimm);
            repair.ResolveConflicts(dimm);
        }

        // A namespace that was not finished may have the place of the one that it was to replace.
        foreach (Guid uuid in repair.Uuids().OrderBy(uuid => !repair.IsUnfinished(uuid)))
            repair.MendNamespace(uuid);
        for (int dimm = 0; dimm < areas.Count; dimm++)
            repair.MendIndex(dimm);
        repair.Review();
        return repair;
    }

    /// <summary>Brings back a namespace that was destroyed, from the labels that are left in free slots.</summary>
    /// <param name="region">The region; null for one area of which nothing else is known.</param>
    /// <param name="areas">The areas in mapping order.</param>
    /// <param name="uuid">The namespace.</param>
    public static LabelRepair Restore(RegionDescription? region, IReadOnlyList<LabelArea> areas, Guid uuid)
    {
        var repair = new LabelRepair(region, areas);
        NamespaceLabel? reference = repair.Labels(uuid).Select(found => found.Slot.Label).FirstOrDefault() ?? repair._editors.Select(editor => FindStale(editor.Area, uuid, _ => true)?.Label).FirstOrDefault(label => label is not null);
        if (reference is null)
        {
            repair._unresolved.Add($"no label of {uuid} is left on any DIMM");
            return repair;
        }

        // All or nothing: a namespace of which only some DIMMs have labels again would disable the region.
        int first = Array.FindIndex(repair._editors, editor => editor.Area.Slots.Any(slot => slot.Label.Uuid == uuid && slot.State != LabelSlotState.Invalid));
        for (int dimm = areas.Count - 1; dimm >= 0; dimm--)
        {
            if (repair.Active(dimm, uuid).Count == 0 && !repair.BringBack(dimm, uuid, reference, first))
            {
                repair._writes.Clear();
                repair._actions.Clear();
                break;
            }
        }

        return repair;
    }

    /// <summary>
    /// Makes the labels of DIMMs that were moved, together and in order, belong to the set they are in now: their cookie becomes that of the region.
    /// </summary>
    /// <param name="region">The region they are in now.</param>
    /// <param name="areas">The areas in mapping order.</param>
    public static LabelRepair Move(RegionDescription region, IReadOnlyList<LabelArea> areas)
    {
        var repair = new LabelRepair(region, areas);
        foreach (Guid uuid in repair.Uuids())
        {
            LabelSlot?[] labels = [.. Enumerable.Range(0, areas.Count).Select(dimm => repair.Active(dimm, uuid) is [LabelSlot only] ? only : null)];
            if (Array.Exists(labels, label => label is null))
            {
                repair._unresolved.Add($"{uuid}: some DIMM of the set has no label of it, or two; mend the labels on the DIMMs' old places first");
                continue;
            }

            if (Array.Exists(labels, label => label!.Label.LabelCount != areas.Count))
            {
                repair._unresolved.Add($"{uuid}: its set had {labels[0]!.Label.LabelCount} DIMMs, this one has {areas.Count}");
                continue;
            }

            int swapped = Array.FindIndex(labels, label => label!.Label.Position != region.PositionOf(Array.IndexOf(labels, label)));
            if (swapped >= 0)
            {
                repair._unresolved.Add($"{uuid}: the DIMM of mapping {swapped} was at position {labels[swapped]!.Label.Position}; put the DIMMs into the order they had");
                continue;
            }

            bool moved = true;
            for (int dimm = areas.Count - 1; dimm >= 0 && moved; dimm--)
                moved = repair.Rewrite(dimm, labels[dimm]!.Label with { SetCookie = region.Cookie.For(areas[0].Format), Type = areas[dimm].Format == LabelFormat.Efi11 ? Guid.Empty : region.Type });
            if (moved)
                repair._actions.Add($"{uuid}: cookie 0x{region.Cookie.For(areas[0].Format):x} on {areas.Count} DIMM(s)");
        }

        return repair;
    }

    /// <summary>Gives every label of one DIMM another cookie: for a DIMM that was moved and whose new set is known only by its cookie.</summary>
    /// <param name="area">The area.</param>
    /// <param name="cookie">Cookie of the set the DIMM is in now; not 0.</param>
    public static LabelRepair ChangeCookie(LabelArea area, ulong cookie)
    {
        if (cookie == 0)
            throw new PmemException("cookie 0 is not valid: no kernel enables a region with it");
        var repair = new LabelRepair(region: null, [area]);
        foreach (LabelSlot slot in area.Slots.Where(slot => slot.State == LabelSlotState.Active && slot.Label.SetCookie != cookie))
        {
            if (repair.Rewrite(0, slot.Label with { SetCookie = cookie }))
                repair._actions.Add($"{slot.Label.Uuid}: cookie 0x{cookie:x}");
        }

        return repair;
    }

    private IEnumerable<(int Dimm, LabelSlot Slot)> Labels(Guid uuid) => Enumerable.Range(0, _editors.Length).SelectMany(dimm => Active(dimm, uuid).Select(slot => (dimm, slot)));

    private List<LabelSlot> Active(int dimm, Guid uuid) => [.. _editors[dimm].Area.Slots.Where(slot => slot.State == LabelSlotState.Active && slot.Label.Uuid == uuid)];

    private Guid[] Uuids() => [.. _editors.SelectMany(editor => editor.Area.ActiveLabels).Select(label => label.Uuid).Distinct()];

    /// <summary>Whether no DIMM's label of it was ever acknowledged, and some DIMM has none.</summary>
    private bool IsUnfinished(Guid uuid) => Labels(uuid).All(found => IsUpdating(found.Slot.Label)) && Labels(uuid).DistinctBy(found => found.Dimm).Count() < _editors.Length;

    private static bool IsUpdating(NamespaceLabel label) => (label.Flags & NamespaceLabelFlags.Updating) != 0;

    /// <summary>A stale label of the namespace, one that was written without UPDATING if there is one.</summary>
    private static LabelSlot? FindStale(LabelArea area, Guid uuid, Predicate<NamespaceLabel> fits) =>
        area.Slots.Where(slot => slot.State == LabelSlotState.Stale && slot.Label.Uuid == uuid && fits(slot.Label)).OrderBy(slot => IsUpdating(slot.Label)).FirstOrDefault();

    private bool Rewrite(int dimm, NamespaceLabel label)
    {
        try
        {
            _editors[dimm].Put(label with { Flags = label.Flags & ~NamespaceLabelFlags.Updating }, reapInvalid: false);
            return true;
        }
        catch (OutOfSpaceException full)
        {
            _unresolved.Add(full.Message);
            return false;
        }
    }
}
