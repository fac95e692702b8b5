using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Translation;

/// <summary>Places of label storage areas.</summary>
internal static class LabelPlaces
{
    public static Place Describe(PlatformEvidence evidence, int number, ulong offset)
    {
        ModuleEvidence module = evidence.Modules[number];
        LabelArea area = module.Labels!;
        string name = PlatformEvidence.NameOf(number);
        (PlaceKind kind, string what, int? index, int? slot, ulong end) = Find(area, name, offset);
        var place = new ModulePlace(name, module.Handle.Value, null, module.File, module.LabelOffset + offset);
        return new Place(kind, what, null, place, null, null, null, new LabelPlace(offset, index, slot), end - offset);
    }

    private static (PlaceKind Kind, string What, int? Index, int? Slot, ulong End) Find(LabelArea area, string name, ulong offset)
    {
        ulong size = (ulong)area.Size;
        if (area.Geometry is not { } geometry || area.Current is not { } current)
            return (PlaceKind.LabelArea, $"label storage area of {name}, which has no valid index block", null, null, size);
        if (offset < (ulong)geometry.LabelOffset)
        {
            int index = (int)(offset / (ulong)geometry.IndexSize);
            IndexVerdict verdict = area.Indexes[index];
            string state = verdict.Block is null ? $"not valid: {verdict.Problem}" : index == current.Position ? $"current, sequence {current.Sequence}" : $"the one before, sequence {verdict.Block.Sequence}";
            return (PlaceKind.LabelIndex, $"index block {index} of {name}'s labels ({state})", index, null, (ulong)geometry.IndexOffset(index + 1));
        }

        int slot = (int)((offset - (ulong)geometry.LabelOffset) / (ulong)geometry.LabelSize);
        if (slot >= current.SlotCount)
            return (PlaceKind.LabelArea, $"the rest behind the last label slot of {name}", null, null, size);
        LabelSlot? found = area.Slots.FirstOrDefault(known => known.Slot == slot);
        string text = found is null
            ? "free"
            : found.State switch
            {
                LabelSlotState.Active => $"label of {found.Label.Uuid}{Quote(found.Label.Name)}",
                LabelSlotState.Invalid => $"not valid: {found.Problem}",
                _ => $"free, with an old label of {found.Label.Uuid}{Quote(found.Label.Name)}",
            };
        return (PlaceKind.LabelSlot, $"label slot {slot} of {name} ({text})", null, slot, (ulong)geometry.SlotOffset(slot + 1));
    }

    private static string Quote(string name) => name.Length == 0 ? string.Empty : $" \"{name}\"";
}
