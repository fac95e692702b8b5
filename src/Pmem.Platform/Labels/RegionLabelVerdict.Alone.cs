namespace Pmem.Platform.Labels;

/// <content>Judging one area of which the region is not known.</content>
public sealed partial class RegionLabelVerdict
{
    /// <summary>
    /// Judges the labels of one DIMM as far as they can be judged alone: the region is taken to be what most of the labels say, and the other
    /// DIMMs of the set to have labels that match. Verdicts are those of DIMM 0.
    /// </summary>
    /// <param name="area">The area.</param>
    /// <param name="capacity">Bytes of the DIMM; null when not known.</param>
    /// <param name="cookie">Cookie of the set; null when not known.</param>
    public static RegionLabelVerdict JudgeAlone(LabelArea area, ulong? capacity = null, ulong? cookie = null)
    {
        NamespaceLabel[] labels = [.. area.ActiveLabels];
        int ways = Math.Clamp((int)MostCommon(labels, label => label.LabelCount, (ushort)1), 1, 32);
        int rank = Math.Min(MostCommon(labels, label => label.Position, (ushort)0), ways - 1);
        ulong shared = cookie ?? MostCommon(labels, label => label.SetCookie, 1UL);
        var mappings = new RegionMapping[ways];
        var areas = new LabelArea?[ways];
        for (int i = 0; i < ways; i++)
        {
            mappings[i] = new RegionMapping(0, capacity ?? ulong.MaxValue / 64, new InterleaveSetMember((ulong)((rank + i) % ways) << 12, (uint)i + 1, 0, 0, 0));
            areas[i] = i == 0 ? area : Sibling(area, i, ways);
        }

        var region = new RegionDescription
        {
            Type = area.Format == LabelFormat.Efi11 ? Guid.Empty : MostCommon(labels, label => label.Type, NvdimmGuids.PersistentMemory),
            Mappings = mappings,
            Cookie = new InterleaveSetCookie(shared, shared, shared),
        };
        if (region.Type == Guid.Empty || region.Type == NvdimmGuids.ControlRegion)
            region = region with { Type = NvdimmGuids.PersistentMemory };
        return Judge(region, areas);
    }

    /// <summary>The area that another DIMM of the set has when all is well.</summary>
    private static LabelArea Sibling(LabelArea area, int distance, int ways)
    {
        if (area.Current is null)
            return area;
        byte[] bytes = area.Bytes.ToArray();
        foreach (LabelSlot slot in area.Slots.Where(slot => slot.State == LabelSlotState.Active && slot.Label.LabelCount == ways && slot.Label.Position < ways))
            (slot.Label with { Position = (ushort)((slot.Label.Position + distance) % ways) }).Write(bytes.AsSpan(slot.Offset), area.Current.Format);
        return LabelArea.Parse(bytes);
    }

    private static T MostCommon<T>(NamespaceLabel[] labels, Func<NamespaceLabel, T> select, T none) =>
        labels.Length == 0 ? none : labels.GroupBy(select).OrderByDescending(group => group.Count()).First().Key;
}
