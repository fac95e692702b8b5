namespace Pmem.Tool.Persona;

/// <summary>An option as it was given; the option <c>?</c> is a mistake, and its value is getopt's complaint.</summary>
internal readonly record struct GivenOption(char Option, string? Value);

/// <summary>Options as getopt_long reads them: bundled letters, arguments glued or apart, unambiguous beginnings of long names, operands anywhere.</summary>
internal sealed class GetOpt
{
    public const char Mistake = '?';

    private GetOpt(List<GivenOption> options, List<string> operands)
    {
        Options = options;
        Operands = operands;
    }

    /// <summary>The options in their order, up to the first mistake.</summary>
    public IReadOnlyList<GivenOption> Options { get; }

    public IReadOnlyList<string> Operands { get; }

    /// <summary>Parses arguments.</summary>
    /// <param name="arguments">Without the command's name.</param>
    /// <param name="letters">Letters; a colon behind one says that it takes an argument.</param>
    /// <param name="names">Long names and their letters.</param>
    public static GetOpt Parse(ReadOnlySpan<string> arguments, string letters, IReadOnlyDictionary<string, char> names)
    {
        var options = new List<GivenOption>();
        var operands = new List<string>();
        for (int i = 0; i < arguments.Length; i++)
        {
            string text = arguments[i];
            if (text == "--")
            {
                operands.AddRange(arguments[(i + 1)..]);
                break;
            }

            if (text.Length < 2 || text[0] != '-')
            {
                operands.Add(text);
                continue;
            }

            string? problem = text.StartsWith("--", StringComparison.Ordinal)
                ? ParseLong(arguments, ref i, letters, names, options)
                : ParseShort(arguments, ref i, letters, options);
            if (problem is null)
                continue;
            options.Add(new GivenOption(Mistake, problem));
            break;
        }

        return new GetOpt(options, operands);
    }

    private static bool TakesValue(string letters, char option) => letters.IndexOf(option) is var at and >= 0 && at + 1 < letters.Length && letters[at + 1] == ':';

    private static string? ParseLong(ReadOnlySpan<string> arguments, ref int i, string letters, IReadOnlyDictionary<string, char> names, List<GivenOption> options)
    {
        string[] parts = arguments[i][2..].Split('=', 2);
        string[] fitting = names.ContainsKey(parts[0]) ? [parts[0]] : [.. names.Keys.Where(name => name.StartsWith(parts[0], StringComparison.Ordinal))];
        if (fitting.Length == 0)
            return $"unrecognized option '{arguments[i]}'";
        if (fitting.Length > 1)
            return $"option '{arguments[i]}' is ambiguous; possibilities: {string.Join(' ', fitting.Select(name => $"'--{name}'"))}";
        char option = names[fitting[0]];
        if (!TakesValue(letters, option))
        {
            if (parts.Length > 1)
                return $"option '--{fitting[0]}' doesn't allow an argument";
            options.Add(new GivenOption(option, null));
            return null;
        }

        if (parts.Length == 1 && ++i >= arguments.Length)
            return $"option '--{fitting[0]}' requires an argument";
        options.Add(new GivenOption(option, parts.Length > 1 ? parts[1] : arguments[i]));
        return null;
    }

    private static string? ParseShort(ReadOnlySpan<string> arguments, ref int i, string letters, List<GivenOption> options)
    {
        string text = arguments[i];
        for (int at = 1; at < text.Length; at++)
        {
            char option = text[at];
            if (option is ':' or ';' || !letters.Contains(option, StringComparison.Ordinal))
                return $"invalid option -- '{option}'";
            if (!TakesValue(letters, option))
            {
                options.Add(new GivenOption(option, null));
                continue;
            }

            if (at + 1 < text.Length)
                options.Add(new GivenOption(option, text[(at + 1)..]));
            else if (++i < arguments.Length)
                options.Add(new GivenOption(option, arguments[i]));
            else
                return $"option requires an argument -- '{option}'";
            break;
        }

        return null;
    }
}
