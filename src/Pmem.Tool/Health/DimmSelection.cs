using System.CommandLine;
using Pmem.Platform.Model;
using Pmem.Tool.Platforms.Listing;

namespace Pmem.Tool.Health;

/// <summary>Which DIMMs a command means: names, numbers, ids, or all of them.</summary>
internal static class DimmSelection
{
    public static Argument<string[]> Argument(bool mayBeEmpty) => new("DIMM")
    {
        Description = mayBeEmpty ? "Such as nmem0, 0, an id, or all; all if not given." : "Such as nmem0, 0, an id, or all.",
        Arity = mayBeEmpty ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore,
    };

    /// <summary>The DIMMs that are meant.</summary>
    /// <exception cref="PmemException">A name means none.</exception>
    public static IReadOnlyList<DimmView> Choose(IPlatform platform, IReadOnlyList<string> names)
    {
        IReadOnlyList<DimmView> dimms = platform.GetDimms();
        if (names.Count == 0)
            return dimms;
        foreach (string name in names)
        {
            if (name.StartsWith('-'))
                throw new PmemException($"there is no option {name} here: --help lists those there are");
            if (!dimms.Any(dimm => Means(name, dimm)))
                throw new PmemException(dimms.Count == 0 ? $"there is no DIMM {name}: the platform has none" : $"there is no DIMM {name}; take {dimms[0].Name} to {dimms[^1].Name}, or all");
        }

        return [.. dimms.Where(dimm => names.Any(name => Means(name, dimm)))];
    }

    private static bool Means(string name, DimmView dimm) => NameFilter.Matches(name, dimm.Name, dimm.Id);
}
