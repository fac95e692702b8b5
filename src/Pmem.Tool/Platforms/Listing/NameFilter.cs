using System.Globalization;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>How ndctl chooses objects: by names apart from each other by spaces, by one number, or <c>all</c>.</summary>
internal static class NameFilter
{
    /// <summary>Whether a device is meant.</summary>
    /// <param name="wanted">The filter; null for none.</param>
    /// <param name="name">Such as <c>region0</c>: its number is what is behind the letters.</param>
    /// <param name="other">Another name of it.</param>
    public static bool Matches(string? wanted, string name, string? other = null)
    {
        if (wanted is null)
            return true;
        string[] names = wanted.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        // Once the first word is a number, ndctl takes all of them for it.
        if (names.Length > 0 && TryNumber(names[0], out long number))
            return number == NumberOf(name) || Array.Exists(names, word => word == "all");
        return Array.Exists(names, word => word == "all" || word == name || word == other);
    }

    /// <summary>Whether the bus of a device is meant: by its name, its number or its provider.</summary>
    public static bool MatchesBus(string? wanted, IPlatform platform, string bus) => wanted is null || platform.GetBuses().Any(view => view.Name == bus && Matches(wanted, view.Name, view.Provider));

    /// <summary>Whether a namespace is meant: by its name, or by its two numbers.</summary>
    public static bool MatchesNamespace(string? wanted, string name) =>
        wanted is null || Array.Exists(wanted.Split(' ', StringSplitOptions.RemoveEmptyEntries), word => word == "all" || word == name || $"namespace{word}" == name);

    /// <summary>The number in a name such as <c>nmem12</c>.</summary>
    public static long NumberOf(string name) => long.TryParse(name.AsSpan(name.AsSpan().LastIndexOfAnyExceptInRange('0', '9') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : -1;

    /// <summary>Reads a number of a node; -1, as <c>all</c>, is any.</summary>
    public static bool TryNode(string text, out long? node)
    {
        bool isNegative = text.StartsWith('-');
        bool isNumber = TryNumber(isNegative ? text[1..] : text, out long number);
        node = !isNumber || (isNegative && number == 1) ? null : isNegative ? -number : number;
        return isNumber || text == "all";
    }

    /// <summary>A mode by any of its names; null for a word that is none.</summary>
    public static NamespaceMode? ModeOf(string word) => word.ToLowerInvariant() switch
    {
        "fsdax" or "memory" => NamespaceMode.Fsdax,
        "devdax" or "dax" => NamespaceMode.Devdax,
        "sector" or "safe" => NamespaceMode.Sector,
        "raw" => NamespaceMode.Raw,
        _ => null,
    };

    private static bool TryNumber(string text, out long number) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
