namespace Pmem.Platform.Labels;

/// <content>The single repairs.</content>
public sealed partial class LabelRepair
{
    private static readonly string[] s_indexRules = ["index-invalid", "index-sequence-zero", "index-sequence-equal", "index-differ", "index-free-bits"];

    private void RebuildIndex(int dimm)
    {
        LabelArea area = _editors[dimm].Area;
        if (area.Current is not null)
            return;
        LabelFormat format = LabelFormat.Efi12;
        List<LabelSlot> candidates = [.. area.FindOrphanLabels(format)];
        if (candidates.Count == 0)
        {
            // Labels of 1.1 have no checksum: only what makes sense in every field counts.
            format = LabelFormat.Efi11;
            candidates = [.. area.FindOrphanLabels(format).Where(slot => slot.Label.RawSize > 0 && slot.Label.LabelCount > 0 && slot.Label.Position < slot.Label.LabelCount && slot.Label.IsNameTerminated)];
        }

        if (candidates.Count == 0)
            return;
        var chosen = new List<LabelSlot>();
        foreach (IGrouping<Guid, LabelSlot> copies in candidates.GroupBy(slot => slot.Label.Uuid))
        {
            // Of several copies one that was finished; which of those is the newest, nobody knows.
            LabelSlot[] finished = [.. copies.Where(slot => !IsUpdating(slot.Label))];
            if (finished.Length == 0)
                _unresolved.Add($"DIMM {dimm}: {copies.Key} was being created when the index blocks were lost; it is left out");
            else if (Array.Exists(finished, slot => slot.Label.Dpa != finished[0].Label.Dpa || slot.Label.RawSize != finished[0].Label.RawSize))
                _unresolved.Add($"DIMM {dimm}: labels of {copies.Key} in slots {string.Join(", ", finished.Select(slot => slot.Slot))} name different ranges; it is left out");
            else
                chosen.Add(finished[0]);
        }

        foreach (LabelSlot slot in chosen.ToArray())
        {
            if (!chosen.Exists(other => other != slot && RegionLabelVerdict.Overlap(other.Label, slot.Label)))
                continue;
            _unresolved.Add($"DIMM {dimm}: {slot.Label.Uuid} in slot {slot.Slot} overlaps another label, and which of them was in use is lost; bring one back by its uuid");
        }

        chosen.RemoveAll(slot => candidates.Exists(other => other.Label.Uuid != slot.Label.Uuid && !IsUpdating(other.Label) && RegionLabelVerdict.Overlap(other.Label, slot.Label)));
        _editors[dimm].Rebuild(format, [.. chosen.Select(slot => slot.Slot)]);
        _actions.Add($"DIMM {dimm}: index blocks rebuilt, version {format.Text()}, {chosen.Count} of {candidates.Count} label(s) brought back");
    }

    /// <summary>Whether a fault of index blocks, by the name of its rule, ends when areas are mended.</summary>
    internal static bool MendsIndex(string rule) => s_indexRules.Contains(rule);

    /// <summary>Replaces the index block that does not count, where something is wrong with the two: as an update does that changes nothing.</summary>
    private void MendIndex(int dimm)
    {
        LabelArea area = _editors[dimm].Area;
        if (area.Current is not { } current || LabelLint.ExamineIndexes(area, current).FirstOrDefault(finding => MendsIndex(finding.Rule)) is not { } found)
            return;
        _editors[dimm].Commit([], []);
        _actions.Add($"DIMM {dimm}: index block {1 - current.Position} written anew: {found.Message}");
    }

    private void FreeInvalid(int dimm)
    {
        int[] invalid = [.. _editors[dimm].Area.Slots.Where(slot => slot.State == LabelSlotState.Invalid).Select(slot => slot.Slot)];
        if (invalid.Length == 0)
            return;
        _editors[dimm].Commit([], invalid);
        _actions.Add($"DIMM {dimm}: slot(s) {string.Join(", ", invalid)} freed: no kernel reads them");
    }

    /// <summary>Two labels for the same place, or the same namespace twice: the one that an interrupted update left goes.</summary>
    private void ResolveConflicts(int dimm)
    {
        LabelSlot[] active = [.. _editors[dimm].Area.Slots.Where(slot => slot.State == LabelSlotState.Active)];
        var freed = new HashSet<int>();
        for (int i = 0; i < active.Length; i++)
        {
            for (int j = i + 1; j < active.Length; j++)
            {
                NamespaceLabel a = active[i].Label;
                NamespaceLabel b = active[j].Label;
                if (freed.Contains(active[i].Slot) || freed.Contains(active[j].Slot) || (a.Uuid != b.Uuid && !RegionLabelVerdict.Overlap(a, b)))
                    continue;
                if (IsUpdating(a) != IsUpdating(b))
                    freed.Add(IsUpdating(a) ? active[i].Slot : active[j].Slot);
                else if (a with { Slot = 0 } == b with { Slot = 0 })
                    freed.Add(active[j].Slot);
                else
                    _unresolved.Add($"DIMM {dimm}: slots {active[i].Slot} ({a.Uuid}) and {active[j].Slot} ({b.Uuid}) want the same place; free the one that is wrong");
            }
        }

        if (freed.Count == 0)
            return;
        _editors[dimm].Commit([], [.. freed]);
        _actions.Add($"DIMM {dimm}: slot(s) {string.Join(", ", freed)} freed: another label has their place");
    }

    private void MendNamespace(Guid uuid)
    {
        (int Dimm, LabelSlot Slot)[] present = [.. Labels(uuid)];
        if (present.GroupBy(found => found.Dimm).Any(group => group.Skip(1).Any()))
            return; // listed as a conflict already
        (int from, LabelSlot found) = Array.Find(present, label => !IsUpdating(label.Slot.Label)) is { Slot: not null } clear ? clear : present[0];
        NamespaceLabel reference = found.Label;
        bool complete = _region is null ? reference.LabelCount <= 1 || !IsUpdating(reference) : present.Length == _editors.Length;
        if (_region is not null && !_region.Cookie.Accepts(reference.SetCookie, _editors[0].Area.Format))
        {
            _unresolved.Add($"{uuid}: its cookie is that of another set; put the DIMMs back, or, where all of the set were moved here in order, move the labels to this set (--move)");
            return;
        }

        if (!complete)
        {
            if (IsUpdating(reference))
                TakeBack(uuid, present);
            else
                Complete(uuid, present, reference, from);
            return;
        }

        foreach ((int dimm, LabelSlot slot) in present.Reverse())
        {
            NamespaceLabel wanted = Agree(dimm, slot.Label, reference, present);
            if (slot.Label.IsNameTerminated && slot.Label == wanted && !IsUpdating(slot.Label))
                continue;
            if (Rewrite(dimm, wanted))
                _actions.Add($"DIMM {dimm}: label of {uuid} written anew{(IsUpdating(slot.Label) ? ": its update had been interrupted" : " to agree with its set")}");
        }
    }

    /// <summary>What a label should say, given one of its set: its place stays its own, and its rank too unless the ranks make no sense.</summary>
    private NamespaceLabel Agree(int dimm, NamespaceLabel own, NamespaceLabel reference, (int Dimm, LabelSlot Slot)[] present)
    {
        NamespaceLabel wanted = reference with { Dpa = own.Dpa, RawSize = own.RawSize, Position = own.Position, Slot = own.Slot };
        if (_region is null)
            return wanted;
        LabelFormat? format = _editors[dimm].Area.Format;
        bool isPermutation = present.Select(label => (int)label.Slot.Label.Position).Order().SequenceEqual(Enumerable.Range(0, _editors.Length));
        return wanted with
        {
            SetCookie = _region.Cookie.Accepts(own.SetCookie, _editors[0].Area.Format) ? own.SetCookie : reference.SetCookie,
            Type = format == LabelFormat.Efi11 ? Guid.Empty : _region.Type,
            Abstraction = format == LabelFormat.Efi11 ? Guid.Empty : reference.Abstraction,
            Alignment = own.Alignment,
            LocationCookie = own.LocationCookie,
            LabelCount = (ushort)_editors.Length,
            Position = isPermutation ? own.Position : (ushort)_region.PositionOf(dimm),
        };
    }

    /// <summary>Lists what the kernel would still not be content with.</summary>
    private void Review()
    {
        if (_region is null)
            return;
        RegionLabelVerdict verdict = RegionLabelVerdict.Judge(_region, [.. _editors.Select(editor => editor.Area)]);
        foreach (LabelVerdict label in verdict.Labels.Where(label => label.Kind is not (LabelVerdictKind.Accepted or LabelVerdictKind.Ignored)))
        {
            if (!_unresolved.Exists(line => line.Contains(label.Slot.Label.Uuid.ToString(), StringComparison.Ordinal)))
                _unresolved.Add($"DIMM {label.Dimm}: {label.Slot.Label.Uuid} in slot {label.Slot.Slot}: {label.Reason}");
        }
    }

    private void TakeBack(Guid uuid, (int Dimm, LabelSlot Slot)[] present)
    {
        if (_region is null)
        {
            _unresolved.Add($"{uuid}: its update was interrupted; repair it together with the other DIMMs of the set");
            return;
        }

        foreach ((int dimm, LabelSlot slot) in present)
            _editors[dimm].Commit([], [slot.Slot]);
        _actions.Add($"{uuid}: its creation had been interrupted; taken back");
    }

    private void Complete(Guid uuid, (int Dimm, LabelSlot Slot)[] present, NamespaceLabel reference, int from)
    {
        for (int dimm = _editors.Length - 1; dimm >= 0; dimm--)
        {
            if (!Array.Exists(present, label => label.Dimm == dimm))
                BringBack(dimm, uuid, reference, from);
        }
    }

    /// <summary>Gives a DIMM the label it lacks: an old one that fits, or one made from another DIMM's.</summary>
    private bool BringBack(int dimm, Guid uuid, NamespaceLabel reference, int from)
    {
        LabelAreaEditor editor = _editors[dimm];
        ulong dpa = _region is null ? reference.Dpa : unchecked(reference.Dpa - _region.Mappings[from].DpaStart + _region.Mappings[dimm].DpaStart);
        LabelSlot? stale = FindStale(editor.Area, uuid, label => label.Dpa == dpa && label.RawSize == reference.RawSize);
        NamespaceLabel wanted = stale?.Label ?? reference with { Dpa = dpa, Position = (ushort)(_region?.PositionOf(dimm) ?? reference.Position) };
        LabelSlot? taken = editor.Area.Slots.FirstOrDefault(slot => slot.State == LabelSlotState.Active && RegionLabelVerdict.Overlap(slot.Label, wanted));
        if (taken is not null)
        {
            _unresolved.Add($"DIMM {dimm}: the place of {uuid} is taken by {taken.Label.Uuid} in slot {taken.Slot}");
            return false;
        }

        if (stale is not null && !IsUpdating(stale.Label))
        {
            editor.Commit([stale.Slot], []);
            _actions.Add($"DIMM {dimm}: {uuid} brought back from slot {stale.Slot}");
            return true;
        }

        editor.Ensure(_editors[from].Area.Format ?? LabelFormat.Efi12);
        if (!Rewrite(dimm, wanted))
            return false;
        _actions.Add($"DIMM {dimm}: label of {uuid} made from {(stale is null ? "another DIMM's" : "an unfinished one")}");
        return true;
    }
}
