using System.Globalization;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Explaining;

/// <content>DIMMs that are in each other's places.</content>
public sealed partial class PlatformExplainer
{
    // What more labels and more places tell is not waited for: a table may have thousands of them, and each label a cookie of its own.
    private const int MostAsked = 64;
    private const int MostModules = 64;

    private readonly Dictionary<(RegionEvidence Region, int Module, ulong Cookie), (int First, int Second)?> _swaps = [];

    /// <summary>What mends a label with the cookie of another set: where a swap of two DIMMs explains it, to swap them back.</summary>
    private string WayBack(RegionEvidence region, LabelVerdict label)
    {
        (RegionEvidence, int, ulong) asked = (region, region.Modules[label.Dimm], label.Slot.Label.SetCookie);
        if (!_swaps.TryGetValue(asked, out (int First, int Second)? swap))
        {
            if (_swaps.Count == MostAsked)
                return label.Remedy;
            _swaps.Add(asked, swap = FindSwap(region, label));
        }

        return swap is not var (first, second) ? label.Remedy : string.Create(
            CultureInfo.InvariantCulture,
            $"put the DIMMs back, {PlatformEvidence.NameOf(first)} and {PlatformEvidence.NameOf(second)} into each other's place (on a virtual platform 'pmem platform inject --dimm {first} --swap {second}')");
    }

    /// <summary>The two modules that, in each other's place, give the set that a label is in then its cookie; null when there are none.</summary>
    private (int First, int Second)? FindSwap(RegionEvidence region, LabelVerdict label)
    {
        (RegionEvidence Region, int Place)[] places = [.. _evidence.Regions.Where(known => known.IsPersistentMemory).SelectMany(known => known.Modules.Select((module, place) => (Region: known, Place: place, Module: module))).Where(known => known.Module >= 0).Take(MostModules + 1).Select(known => (known.Region, known.Place))];
        int module = region.Modules[label.Dimm];
        if (module < 0 || places.Length > MostModules)
            return null;
        LabelFormat? format = _evidence.Modules[module].Labels?.Format;

        // The module itself was in another place; or it stays, and one of its set was.
        foreach ((RegionEvidence there, int place) in places.Where(known => known.Region.Modules[known.Place] != module))
        {
            if (Fits(there, module, there.Modules[place]))
                return Ordered(module, there.Modules[place]);
        }

        foreach (int own in region.Modules.Where(own => own >= 0 && own != module))
        {
            foreach ((RegionEvidence there, int place) in places.Where(known => known.Region != region))
            {
                if (Fits(region, own, there.Modules[place]))
                    return Ordered(own, there.Modules[place]);
            }
        }

        return null;

        bool Fits(RegionEvidence set, int one, int other) => InterleaveSetCookie.Compute([.. set.Description.Mappings.Select((mapping, i) =>
            IdentityOf(set.Modules[i] == one ? other : set.Modules[i] == other ? one : -1, mapping.Member) with { RegionOffset = mapping.Member.RegionOffset })]).For(format) == label.Slot.Label.SetCookie;

        InterleaveSetMember IdentityOf(int number, InterleaveSetMember same) =>
            number < 0 ? same : places.First(known => known.Region.Modules[known.Place] == number) is var (known, place) ? known.Description.Mappings[place].Member : same;
    }

    private static (int First, int Second) Ordered(int one, int other) => (Math.Min(one, other), Math.Max(one, other));
}
