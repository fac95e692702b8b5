using System.Globalization;
using System.Text.RegularExpressions;

namespace Pmem.Tool.Labels;

/// <summary>Completes the lines that repair labels, in what a check of a file says: what finds a fault does not know the file.</summary>
internal static partial class RepairLine
{
    private const int MostNamed = 15;

    /// <summary>The same text, with lines that work as they are printed, but for the files of other DIMMs.</summary>
    /// <param name="text">What is said.</param>
    /// <param name="file">The file that was checked.</param>
    /// <param name="ways">DIMMs of the set.</param>
    /// <param name="cookie">Cookie of the set, for labels that are moved; null when it is not known.</param>
    public static string Complete(string text, LabelFile file, int ways, ulong? cookie) => file.IsCaptured ? text : Quoted().Replace(text, found =>
    {
        string others = found.Groups["others"].Value;
        bool isMove = others == " --move";

        // One area alone is moved by the cookie alone, and in others nothing may be repaired alone.
        bool isOfAll = !others.StartsWith(" --cookie", StringComparison.Ordinal) && ways > 1;
        string files = string.Concat(Enumerable.Range(1, isOfAll ? Math.Clamp(ways - 1, 0, MostNamed) : 0).Select(i => string.Create(CultureInfo.InvariantCulture, $" FILE{i + 1}")));
        string moved = isMove && cookie is { } set ? string.Create(CultureInfo.InvariantCulture, $" --cookie 0x{set:x}") : string.Empty;
        return $"'pmem labels repair {Quote(file.Path)}{files}{(file.IsImage ? string.Create(CultureInfo.InvariantCulture, $" --label-size {file.Size}") : string.Empty)}{moved}{(isMove && !isOfAll && moved.Length > 0 ? string.Empty : others)}'";
    });

    private static string Quote(string path) => path.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-+:".Contains(letter, StringComparison.Ordinal)) ? path : $"\"{path}\"";

    [GeneratedRegex("'pmem labels repair(?<others>[^']*)'", RegexOptions.None, 1000)]
    private static partial Regex Quoted();
}
