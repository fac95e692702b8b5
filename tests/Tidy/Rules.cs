using System.Text.RegularExpressions;

namespace Tidy;

/// <summary>The rules, as functions of text, so that each can be shown to catch what it is for.</summary>
internal static partial class Rules
{
    public const int MaximumLines = 600;

    /// <summary>Floor of each project: a project references only projects on lower floors.</summary>
    public static readonly IReadOnlyDictionary<string, int> Floors = new Dictionary<string, int>(StringComparer.Ordinal)
    {
        ["Pmem"] = 0,
        ["Pmem.Pools"] = 1,
        ["Pmem.CrashTesting"] = 1,
        ["Pmem.CrashTesting.Xunit"] = 2,
        ["Pmem.Objects"] = 2,
        ["Pmem.Logs"] = 2,
        ["Pmem.Blocks"] = 2,
        ["Pmem.Platform"] = 3,
        ["Pmem.Emulation"] = 4,
        ["Pmem.Tool"] = 6,
    };

    // Built from pieces, so that this file does not break its own rule.
    private static readonly string[] s_banned = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Exception", "throw new NotSupported" + "Exception()"];

    /// <summary>References that go up or sideways.</summary>
    public static IEnumerable<string> FloorViolations(string project, string projectFile)
    {
        if (!Floors.TryGetValue(project, out int floor))
        {
            yield return $"{project} has no floor: add it to the table here and to docs/design/architecture.md";
            yield break;
        }

        foreach (Match match in ProjectReference().Matches(projectFile))
        {
            string reference = match.Groups[1].Value;
            if (!Floors.TryGetValue(reference, out int below) || below >= floor)
                yield return $"{project} (floor {floor}) references {reference}";
        }
    }

    /// <summary>
    /// Stores to memory through pointers and copies into it, which outside floor 0 are allowed only to memory of the process: a line that stores
    /// to such memory says so with the name of a local buffer (entry, first, last, line, words, image, head …), never through the map's pointer.
    /// </summary>
    public static IEnumerable<string> NakedWrites(string source)
    {
        foreach (string line in source.Split('\n'))
        {
            string code = line.Split("//")[0];
            bool throughMap = MapPointerStore().IsMatch(code) || MapSpanStore().IsMatch(code) || MapRefStore().IsMatch(code);
            if (throughMap)
                yield return line.Trim();
        }
    }

    /// <summary>Words that say that work was left.</summary>
    public static IEnumerable<string> BannedWords(string source) => s_banned.Where(word => source.Contains(word, StringComparison.Ordinal));

    /// <summary>Paths of one machine.</summary>
    public static bool NamesMachine(string text) => MachinePath().IsMatch(text);

    public static int Lines(string source) => source.Count(c => c == '\n');

    [GeneratedRegex("""<ProjectReference Include="[^"]*/([^/"]+)\.csproj""")]
    private static partial Regex ProjectReference();

    // *(map.Pointer + x) = …, (…*)(_map.Pointer…)[i] = …
    [GeneratedRegex("""(\*\s*\(?[^=;]*[mM]ap\.Pointer[^=;]*\)?|[mM]ap\.Pointer[^=;]*\])\s*[-+*/|&^]?=(?!=)""")]
    private static partial Regex MapPointerStore();

    // map.GetSpan(…)[i] = …, ….CopyTo(map.GetSpan(…)), map.GetSpan(…).Fill(…)/Clear()
    [GeneratedRegex("""[mM]ap\.GetSpan\([^;]*\)\s*(\[[^\]]*\]\s*[-+*/|&^]?=(?!=)|\.(Fill|Clear|Reverse|Sort)\()|CopyTo\(\s*_?[a-zA-Z.]*[mM]ap\.(GetSpan|GetMemory)""")]
    private static partial Regex MapSpanStore();

    // map.GetRef<T>(…) = …, map.GetRef<T>(…).Field = …; Unsafe copies whose target is the map
    [GeneratedRegex("""^\s*_?[a-zA-Z.]*[mM]ap\.GetRef<[^>]*>\([^;]*\)(\.[A-Za-z]+)*\s*[-+*/|&^]?=(?!=)|(CopyBlock(Unaligned)?|MemoryCopy|InitBlock(Unaligned)?|WriteUnaligned(<[^>]*>)?)\(\s*_?[a-zA-Z.]*[mM]ap\.""")]
    private static partial Regex MapRefStore();

    [GeneratedRegex("""(/wor[k]/|/roo[t]/\.|/far[m]/|/hom[e]/[a-z]+/|<packageSource[s]>|api\.nuge[t]\.org)""")]
    private static partial Regex MachinePath();
}
