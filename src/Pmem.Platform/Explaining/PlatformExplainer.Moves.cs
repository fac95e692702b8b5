using System.Globalization;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Explaining;

/// <content>DIMMs that are in each other's places.</content>
public sealed partial class PlatformExplainer
{
    // What more labels and larger sets tell is not waited for: a table may have thousands of places, and each label a cookie of its own.
    private const int MostAsked = 64;
    private const int MostWays = 32;

    private readonly Dictionary<(int Module, ulong Cookie), int> _formerPlaces = [];

    /// <summary>What mends a label with the cookie of another set: where a swap of two DIMMs explains it, to swap them back.</summary>
    private string WayBack(RegionEvidence region, LabelVerdict label)
    {
        int module = region.Modules[label.Dimm];
        ulong cookie = label.Slot.Label.SetCookie;
        if (module < 0)
            return label.Remedy;
        if (!_formerPlaces.TryGetValue((module, cookie), out int other))
        {
            if (_formerPlaces.Count == MostAsked)
                return label.Remedy;
            _formerPlaces.Add((module, cookie), other = FindFormerPlace(region.Description.Mappings[label.Dimm].Member, module, cookie));
        }

        if (other < 0)
            return label.Remedy;
        (int first, int second) = (Math.Min(module, other), Math.Max(module, other));
        return string.Create(CultureInfo.InvariantCulture, $"put the DIMMs back, {PlatformEvidence.NameOf(first)} and {PlatformEvidence.NameOf(second)} into each other's place (on a virtual platform 'pmem platform inject --dimm {first} --swap {second}')");
    }

    /// <summary>The module in whose place another gives its set the cookie of a label; -1 when there is none.</summary>
    private int FindFormerPlace(InterleaveSetMember own, int module, ulong cookie)
    {
        LabelFormat? format = _evidence.Modules[module].Labels?.Format;
        foreach (RegionEvidence region in _evidence.Regions.Where(region => region.IsPersistentMemory && region.Modules.Count <= MostWays))
        {
            for (int place = 0; place < region.Modules.Count; place++)
            {
                if (region.Modules[place] < 0 || region.Modules[place] == module)
                    continue;
                InterleaveSetMember there = region.Description.Mappings[place].Member;
                InterleaveSetMember[] members = [.. region.Description.Mappings.Select((mapping, i) =>
                    (i == place ? own : region.Modules[i] == module ? there : mapping.Member) with { RegionOffset = mapping.Member.RegionOffset })];
                if (InterleaveSetCookie.Compute(members).For(format) == cookie)
                    return region.Modules[place];
            }
        }

        return -1;
    }
}
