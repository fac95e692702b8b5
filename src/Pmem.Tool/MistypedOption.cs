using System.CommandLine;
using System.CommandLine.Parsing;

namespace Pmem.Tool;

/// <summary>Options that do not exist, where a verb takes any number of names: they would be taken for one.</summary>
internal static class MistypedOption
{
    /// <summary>What was mistyped, in a sentence; null when nothing was. What follows <c>--</c> is meant as it is.</summary>
    public static string? Find(ParseResult parsed, string[] arguments)
    {
        string[] before = [.. arguments.TakeWhile(argument => argument != "--")];
        return parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .FirstOrDefault(value => value.StartsWith("--", StringComparison.Ordinal) && before.Contains(value)) is { } unknown
            ? $"there is no option {unknown} here"
            : null;
    }
}
