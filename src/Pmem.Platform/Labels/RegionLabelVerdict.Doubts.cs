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
            return State == RegionState.Disabled
                ? new LabelVerdict(dimm, slot, LabelVerdictKind.Ignored, $"the region is not enabled: {Reason}", "see the other label")
                : new LabelVerdict(dimm, slot, LabelVerdictKind.Hidden, "DIMM 0 has no label for it, so its namespace is not shown and its place stays taken", "'pmem labels repair' completes or takes back the namespace");
        }

        (string reason, string remedy) = FindDoubt(owner, dimm, slot.Label);
        return new LabelVerdict(dimm, slot, reason.Length == 0 ? LabelVerdictKind.Accepted : LabelVerdictKind.Doubtful, reason, remedy);
    }

    private (string Reason, string Remedy) FindDoubt(DiscoveredNamespace owner, int dimm, NamespaceLabel label)
    {
        const string Repair = "'pmem labels repair' writes it anew";
        NamespaceLabel first = owner.Labels[0];
        if ((label.Flags & NamespaceLabelFlags.Updating) != 0)
            return ("an update was interrupted: UPDATING is set", Repair);
        if (label.Position != _region.PositionOf(dimm))
            return ($"position {label.Position} is not the DIMM's rank {_region.PositionOf(dimm)} in the set: labels or DIMMs are swapped", "find out which data is where before anything is written");
        ulong relative = label.Dpa - _region.Mappings[dimm].DpaStart;
        if (relative != first.Dpa - _region.Mappings[0].DpaStart || label.RawSize != first.RawSize)
            return ("address or size differ from those on DIMM 0, which win: data on this DIMM is read from another place than it was written to", "restore the label from the other DIMM");
        if (label.LbaSize != first.LbaSize || label.Abstraction != first.Abstraction || label.Name != first.Name)
            return ("name, block size or abstraction differ within the set; those of position 0 win", Repair);
        if (label.LbaSize is not (0 or 512 or 4096))
            return ($"block size {label.LbaSize} is not 0, 512 or 4096; 512 is taken", Repair);
        if (!label.IsNameTerminated)
            return ("the name has no end, and Linux shows what lies behind it", Repair);
        return (label.Flags & NamespaceLabelFlags.ReadOnly) != 0
            ? ("it is marked read-only, which Linux does not heed", "make the region read-only, or clear the flag")
            : (string.Empty, string.Empty);
    }
}
