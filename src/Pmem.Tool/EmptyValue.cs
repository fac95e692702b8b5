using System.CommandLine;
using System.CommandLine.Parsing;

namespace Pmem.Tool;

/// <summary>Values that are empty where a name or a number must be, such as those of shell variables that nobody set.</summary>
internal static class EmptyValue
{
    private static readonly string[] s_groups = ["pool", "io", "btt"];

    /// <summary>What is empty, in a sentence; null when nothing is.</summary>
    public static string? Find(ParseResult parsed)
    {
        if (!s_groups.Contains((parsed.CommandResult.Parent as CommandResult)?.Command.Name))
            return null;
        foreach (SymbolResult result in parsed.CommandResult.Children)
        {
            switch (result)
            {
                case ArgumentResult argument when argument.Tokens.Any(IsEmpty):
                    return $"{argument.Argument.Name} is empty: is a variable of the shell not set?";
                case OptionResult { Option.Name: not "--layout" } option when option.Tokens.Any(IsEmpty):
                    return $"the value of {option.Option.Name} is empty: give one, or leave the option out";
            }
        }

        return null;
    }

    private static bool IsEmpty(Token token) => token.Type == TokenType.Argument && string.IsNullOrWhiteSpace(token.Value);
}
