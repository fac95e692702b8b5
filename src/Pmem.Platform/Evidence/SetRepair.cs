using Pmem.Platform.Labels;

namespace Pmem.Platform.Evidence;

/// <summary>
/// Repair of the labels of whole interleave sets: which areas belong together, and what <see cref="LabelRepair"/> makes of them. Nothing is written until
/// <see cref="LabelRepair.Update"/> is applied to the areas of <see cref="Modules"/>, in their order.
/// </summary>
/// <param name="Region">The region; <c>set</c> when only the labels say that the areas belong together.</param>
/// <param name="Modules">Numbers of the modules, in mapping order.</param>
/// <param name="Repair">What is done, and what stays wrong.</param>
public sealed record SetRepair(string Region, IReadOnlyList<int> Modules, LabelRepair Repair)
{
    /// <summary>Works out the repair of each set of a platform whose modules all have label storage areas.</summary>
    /// <param name="evidence">The platform.</param>
    /// <param name="plan">From the region and its areas, in mapping order, to a repair: <see cref="LabelRepair.Mend"/>, <see cref="LabelRepair.Move"/>, or <see cref="LabelRepair.Restore"/>.</param>
    /// <param name="only">A region alone; null for all.</param>
    /// <exception cref="PmemException">There is no such region, none can be repaired, or a module is in two regions: its labels cannot be told apart here.</exception>
    public static IReadOnlyList<SetRepair> Plan(PlatformEvidence evidence, Func<RegionDescription, IReadOnlyList<LabelArea>, LabelRepair> plan, string? only = null)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        ArgumentNullException.ThrowIfNull(plan);
        RegionEvidence[] regions = [.. evidence.Regions.Where(region => region.IsPersistentMemory && region.Mappings.Count > 0 && (only is null || region.Name == only))];
        if (regions.Length == 0)
            throw new PmemException(only is null ? $"there is no region that labels divide{(evidence.Modules.Any(module => !module.IsPresent) ? ": a DIMM is not there, and its set has no region until it is put back" : string.Empty)}" : $"there is no {only} that labels divide; there are {string.Join(", ", evidence.Regions.Select(region => region.Name).DefaultIfEmpty("none"))}");
        var repairs = new List<SetRepair>();
        foreach (RegionEvidence region in regions)
        {
            if (region.Areas.Any(area => area is null))
                continue;
            if (evidence.Regions.FirstOrDefault(other => other != region && other.IsPersistentMemory && other.Modules.Intersect(region.Modules).Any()) is { } other)
                throw new PmemException($"{region.Name} and {other.Name} have a module in common, whose labels are repaired one area at a time: name its file alone");
            repairs.Add(new SetRepair(region.Name, region.Modules, plan(region.Description, [.. region.Areas.Select(area => area!)])));
        }

        return repairs.Count > 0 ? repairs : throw new PmemException("a module of each region has no label storage area that could be read");
    }

    /// <summary>A region as the labels of its modules describe it, for areas of which no table is known: their ranks are those that most labels say.</summary>
    /// <param name="areas">The areas, in mapping order.</param>
    /// <param name="capacities">Bytes of each module; null when not known.</param>
    /// <param name="cookie">Cookie of the set; null takes what most labels say.</param>
    /// <exception cref="PmemException">The labels do not say that the areas are a set.</exception>
    public static RegionDescription Guess(IReadOnlyList<LabelArea> areas, IReadOnlyList<ulong?> capacities, ulong? cookie = null)
    {
        ArgumentNullException.ThrowIfNull(areas);
        ArgumentNullException.ThrowIfNull(capacities);
        // Old labels in free slots count too: after a namespace was destroyed there may be no others.
        NamespaceLabel[][] labels = [.. areas.Select(area => area.Slots.Where(slot => slot.State != LabelSlotState.Invalid && slot.Label.LabelCount == areas.Count).Select(slot => slot.Label).ToArray())];
        ulong shared = cookie ?? MostCommon(labels.SelectMany(own => own).Select(label => label.SetCookie))
            ?? throw new PmemException($"no label says that it is of a set of {areas.Count}: name the DIMMs of one set, or the platform");
        ulong?[] ranks = [.. labels.Select(own => MostCommon(own.Select(label => (ulong)label.Position)))];
        ulong[] free = [.. Enumerable.Range(0, areas.Count).Select(i => (ulong)i).Where(rank => !ranks.Contains(rank))];
        if (ranks.Count(rank => rank is null) != free.Length || ranks.Any(rank => rank >= (ulong)areas.Count))
            throw new PmemException("two DIMMs have labels of the same position, or of one that the set does not have: name each DIMM of one set once, or the platform");
        int next = 0;
        return new RegionDescription
        {
            Mappings = [.. areas.Select((_, i) => new RegionMapping(0, capacities[i] ?? ulong.MaxValue / 64, new InterleaveSetMember((ranks[i] ?? free[next++]) << 12, (uint)i + 1, 0, 0, 0)))],
            Cookie = new InterleaveSetCookie(shared, shared, shared),
        };
    }

    private static ulong? MostCommon(IEnumerable<ulong> values) => values.GroupBy(value => value).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).FirstOrDefault()?.Key;
}
