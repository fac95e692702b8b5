using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <summary>
/// Which parts of a region are free. Linux places a namespace on each DIMM by itself and then trusts that the places match; here only ranges that are free
/// on every DIMM count, so that what leftover labels take on one DIMM is left out on all.
/// </summary>
internal sealed class RegionSpace
{
    private readonly RegionDescription _region;
    private readonly List<(ulong Start, ulong End)> _free = [];

    public RegionSpace(RegionDescription region, IReadOnlyList<LabelArea?> areas, Guid? except = null)
    {
        _region = region;
        ulong length = region.Mappings.Min(mapping => mapping.Size);
        var taken = new List<(ulong Start, ulong End)>();
        ulong granule = region.Alignment / (ulong)region.Mappings.Count;
        for (int i = 0; i < areas.Count; i++)
        {
            (ulong, ulong)[] own = [.. Taken(region.Mappings[i], areas[i], except)];
            taken.AddRange(own);
            foreach ((ulong start, ulong end) in Gaps(own, region.Mappings[i].Size))
                Available += Aligned(start, end, granule);
        }

        _free.AddRange(Gaps(taken, length));
        foreach ((ulong start, ulong end) in _free)
            MaximumExtent = Math.Max(MaximumExtent, Aligned(start, end, granule) * (ulong)region.Mappings.Count);
    }

    /// <summary>Free bytes, summed over the DIMMs.</summary>
    public ulong Available { get; }

    /// <summary>Largest extent that is free on every DIMM.</summary>
    public ulong MaximumExtent { get; }

    /// <summary>The first place, from the start of each DIMM's part, for a namespace of a size; null when there is none.</summary>
    /// <param name="size">Bytes in all.</param>
    /// <param name="unit">Its place is a multiple of this, in all.</param>
    public ulong? Find(ulong size, ulong unit)
    {
        ulong ways = (ulong)_region.Mappings.Count;
        ulong granule = unit / ways;
        foreach ((ulong start, ulong end) in _free)
        {
            ulong first = (start + granule - 1) / granule * granule;
            if (first < end && end - first >= size / ways)
                return first;
        }

        return null;
    }

    private static IEnumerable<(ulong Start, ulong End)> Taken(RegionMapping mapping, LabelArea? area, Guid? except)
    {
        foreach (NamespaceLabel label in area?.ActiveLabels ?? [])
        {
            if (label.Uuid == except || label.RawSize == 0)
                continue;
            ulong end = label.Dpa > ulong.MaxValue - label.RawSize ? ulong.MaxValue : label.Dpa + label.RawSize;
            ulong mappingEnd = mapping.DpaStart + mapping.Size;
            if (end > mapping.DpaStart && label.Dpa < mappingEnd)
                yield return (Math.Max(label.Dpa, mapping.DpaStart) - mapping.DpaStart, Math.Min(end, mappingEnd) - mapping.DpaStart);
        }
    }

    private static IEnumerable<(ulong Start, ulong End)> Gaps(IEnumerable<(ulong Start, ulong End)> taken, ulong length)
    {
        ulong at = 0;
        foreach ((ulong start, ulong end) in taken.OrderBy(range => range.Start))
        {
            if (start > at)
                yield return (at, start);
            at = Math.Max(at, end);
        }

        if (at < length)
            yield return (at, length);
    }

    private static ulong Aligned(ulong start, ulong end, ulong granule)
    {
        ulong first = (start + granule - 1) / granule * granule;
        ulong last = end / granule * granule;
        return last > first ? last - first : 0;
    }
}
