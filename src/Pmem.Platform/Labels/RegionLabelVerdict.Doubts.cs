namespace Pmem.Platform.Labels;

/// <content>What is accepted although it should not be, and labels that no namespace needs.</content>
public sealed partial class RegionLabelVerdict
{
    private void JudgeRest()
    {
        for (int dimm = 0; dimm < _areas.Count; dimm++)
        {
            foreach (LabelSlot slot in Active(dimm))
            {
                if (_verdicts.Exists(verdict => verdict.Dimm == dimm && verdict.Slot.Slot == slot.Slot))
                    continue;
                _verdicts.Add(JudgeOne(dimm, slot));
            }
        }
    }

    private LabelVerdict JudgeOne(int dimm, LabelSlot slot)
    {
        DiscoveredNamespace? owner = _namespaces.Find(known => known.Uuid == slot.Label.Uuid && ReferenceEquals(known.Labels[dimm], slot.Label));
        if (owner is null)
        {
            if (State != RegionState.Disabled && !_region.Cookie.Accepts(slot.Label.SetCookie, _areas[0]?.Format))
                return ForeignCookie(dimm, slot);
            return State == RegionState.Disabled
                ? new LabelVerdict(dimm, slot, LabelVerdictKind.Ignored, $"the region is not enabled: {Reason}", "see the other label", LabelLint.Consequence)
                : new LabelVerdict(dimm, slot, LabelVerdictKind.Hidden, "DIMM 0 has no label for it, so its namespace is not shown and its place stays taken", "'pmem labels repair' completes or takes back the namespace", "label-orphan");
        }

        (string rule, string reason, string remedy) = FindDoubt(owner, dimm, slot.Label);
        return new LabelVerdict(dimm, slot, reason.Length == 0 ? LabelVerdictKind.Accepted : LabelVerdictKind.Doubtful, reason, remedy, rule);
    }

    private (string Rule, string Reason, string Remedy) FindDoubt(DiscoveredNamespace owner, int dimm, NamespaceLabel label)
    {
        const string Repair = "'pmem labels repair' writes it anew";
        NamespaceLabel first = owner.Labels[0];
        if ((label.Flags & NamespaceLabelFlags.Updating) != 0)
            return ("label-updating", "an update was interrupted: UPDATING is set", Repair);
        if (label.Position != _region.PositionOf(dimm))
            return ("label-position", $"position {label.Position} is not the DIMM's rank {_region.PositionOf(dimm)} in the set: labels or DIMMs are swapped", "find out which data is where before anything is written");
        ulong relative = label.Dpa - _region.Mappings[dimm].DpaStart;
        if (relative != first.Dpa - _region.Mappings[0].DpaStart || label.RawSize != first.RawSize)
            return ("label-set-extent", "address or size differ from those on DIMM 0, which win: data on this DIMM is read from another place than it was written to", "restore the label from the other DIMM");
        if (label.LbaSize != first.LbaSize || label.Abstraction != first.Abstraction || label.Name != first.Name)
            return ("label-set-fields", "name, block size or abstraction differ within the set; those of position 0 win", Repair);
        if (label.LbaSize is not (0 or 512 or 4096))
            return ("label-lbasize", $"block size {label.LbaSize} is not 0, 512 or 4096; 512 is taken", Repair);
        if (!label.IsNameTerminated)
            return ("label-name-end", "the name has no end, and Linux shows what lies behind it", Repair);
        return (label.Flags & NamespaceLabelFlags.ReadOnly) != 0
            ? ("label-read-only", "it is marked read-only, which Linux does not heed", "make the region read-only, or clear the flag")
            : (string.Empty, string.Empty, string.Empty);
    }
}
