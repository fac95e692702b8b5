using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Pmem.Platform.Evidence;
using Pmem.Platform.Explaining;

namespace Pmem.Tool.Platforms.Triage;

/// <summary>
/// Remedies as they can be typed: the library names commands (<c>'pmem labels repair'</c>), and here they get what they are to work on - the platform, the namespace or
/// the DIMM, the images - and where a platform has a command of its own for what others do to files, that one.
/// </summary>
internal sealed partial class TypedRemedy
{
    private static readonly (string Files, string Platform)[] s_counterparts =
    [
        ("btt repair", "namespace check --repair"),
        ("btt check", "namespace check"),
        ("infoblock write", "namespace write-infoblock"),
        ("infoblock verify", "namespace read-infoblock"),
    ];

    private const string MoveLabels = "labels repair --move";

    private readonly PlatformEvidence _evidence;
    private readonly string? _folder;
    private readonly bool _isNamed;
    private readonly RootCommand _root = Program.CreateCommand();

    /// <summary>Remedies for what was looked at.</summary>
    /// <param name="evidence">It.</param>
    /// <param name="folder">The folder of the virtual platform that it is of; null when it is of files, of a capture, or of a machine.</param>
    /// <param name="isNamed">Whether a command must name the platform; without, the environment does.</param>
    public TypedRemedy(PlatformEvidence evidence, string? folder, bool isNamed)
    {
        _evidence = evidence;
        _folder = folder;
        _isNamed = isNamed;
    }

    /// <summary>An explanation whose remedy can be typed.</summary>
    public Explanation Complete(Explanation explanation) => explanation with { Remedy = Quoted().Replace(explanation.Remedy, found => $"'pmem {Complete(found.Groups["words"].Value, explanation)}'") };

    private string Complete(string words, Explanation explanation)
    {
        if (_folder is null && words == MoveLabels && RegionOf(explanation.Subject) is { } set)
            return $"labels repair{ImagesOf(explanation.Subject)} --cookie 0x{CookieOf(set):x}{(set.Modules.Count > 1 ? " --move" : string.Empty)}";
        if (words is "labels show" or "labels check")
            return $"{words}{AreaOf(explanation.Subject)}";
        if (_folder is null || words.Contains("--cookie", StringComparison.Ordinal))
            return words.StartsWith("labels repair", StringComparison.Ordinal) ? words.Insert("labels repair".Length, words.Contains("--cookie", StringComparison.Ordinal) ? AreaOf(explanation.Subject) : ImagesOf(explanation.Subject)) : words;
        foreach ((string files, string platform) in s_counterparts)
        {
            if (words == files || words.StartsWith($"{files} ", StringComparison.Ordinal))
                words = $"{platform}{words[files.Length..]}";
        }

        (Command command, string verb, string rest) = Find(words);
        if (words == MoveLabels && RegionOf(explanation.Subject) is { } moved)
            rest = $" --region {moved.Name}{rest}";
        foreach (Argument argument in command.Arguments)
        {
            if (argument.Name == "DIR" && _isNamed && verb.StartsWith("platform ", StringComparison.Ordinal))
                verb += $" {Typed(_folder)}";
            else if (argument.Name is "NAMESPACE" or "DIMM" && NameOf(argument.Name, explanation) is { } name && !rest.Contains(name, StringComparison.Ordinal))
                verb += $" {name}";
        }

        bool takesPlatform = command.Options.Any(option => option.Name == "--platform");
        return $"{verb}{rest}{(takesPlatform && _isNamed && !rest.Contains("--platform", StringComparison.Ordinal) ? $" --platform {Typed(_folder)}" : string.Empty)}";
    }

    /// <summary>The command that words begin with, its words, and what follows.</summary>
    private (Command Command, string Verb, string Others) Find(string words)
    {
        Command command = _root;
        string[] parts = words.Split(' ');
        int i = 0;
        while (i < parts.Length && command.Subcommands.FirstOrDefault(verb => verb.Name == parts[i]) is { } next)
        {
            command = next;
            i++;
        }

        return (command, string.Join(' ', parts[..i]), string.Concat(parts[i..].Select(part => $" {part}")));
    }

    /// <summary>The namespace or the DIMM that an explanation speaks of.</summary>
    private static string? NameOf(string argument, Explanation explanation)
    {
        Regex form = argument == "NAMESPACE" ? NamespaceName() : DimmName();
        return new[] { explanation.Subject, explanation.Reason, explanation.What }.Select(text => form.Match(text)).FirstOrDefault(found => found.Success)?.Value;
    }

    /// <summary>The images of all modules of a set, as arguments of a command; nothing where they are not known.</summary>
    private string ImagesOf(string subject)
    {
        return Arguments([.. (RegionOf(subject)?.Modules ?? []).Where(number => number >= 0)]);
    }

    private RegionEvidence? RegionOf(string subject)
    {
        int module = NumberOf(subject);
        return _evidence.Regions.FirstOrDefault(known => known.Name == subject || (module >= 0 && known.Modules.Contains(module)));
    }

    /// <summary>The cookie that labels of a set must have: by the version of the area of its first module.</summary>
    private static ulong CookieOf(RegionEvidence set) => set.Description.Cookie.For(set.Areas[0]?.Format);

    /// <summary>The image of one module, as arguments of a command.</summary>
    private string AreaOf(string subject) => NumberOf(subject) is >= 0 and int number ? Arguments([number]) : string.Empty;

    private string Arguments(int[] numbers)
    {
        ModuleEvidence[] modules = [.. numbers.Where(number => number < _evidence.Modules.Count).Select(number => _evidence.Modules[number])];
        return modules.Length == 0 || Array.Exists(modules, each => each.File is null || each.Labels is null || !File.Exists(each.File))
            ? string.Empty
            : $" {string.Join(' ', modules.Select(each => Typed(each.File!)))} --label-size {modules[0].Labels!.Size}";
    }

    private static int NumberOf(string subject) => DimmName().Match(subject) is { Success: true } dimm ? int.Parse(dimm.Value.AsSpan("nmem".Length), CultureInfo.InvariantCulture) : -1;

    private static string Typed(string path) => path.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-+:".Contains(letter, StringComparison.Ordinal)) ? path : $"\"{path}\"";

    [GeneratedRegex("'pmem (?<words>[^']+)'", RegexOptions.None, 1000)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"namespace\d+\.\d+", RegexOptions.None, 1000)]
    private static partial Regex NamespaceName();

    [GeneratedRegex(@"nmem\d+", RegexOptions.None, 1000)]
    private static partial Regex DimmName();
}
