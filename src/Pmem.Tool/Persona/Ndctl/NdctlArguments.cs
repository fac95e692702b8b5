using System.Globalization;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// A command line as ndctl reads it, which does as git: letters may be bundled, names cut short as long as it is clear what is meant, and undone with <c>--no-</c>;
/// operands stand anywhere.
/// </summary>
internal sealed class NdctlArguments
{
    private const int UsageCode = 129;
    private const int ListCode = 130;

    private readonly NdctlVerb _verb;
    private readonly Dictionary<char, List<string>> _values = [];
    private readonly List<string> _operands = [];
    private readonly HashSet<char> _undone = [];
    private int _refusal = UsageCode;

    private NdctlArguments(NdctlVerb verb) => _verb = verb;

    public IReadOnlyList<string> Operands => _operands;

    /// <summary>Parses.</summary>
    /// <returns>Null when it was not understood, or help was asked for; then everything was said.</returns>
    public static NdctlArguments? Parse(NdctlVerb verb, ReadOnlySpan<string> arguments) => Parse(verb, arguments, out _);

    /// <summary>Parses.</summary>
    /// <param name="verb">The command.</param>
    /// <param name="arguments">What is behind it.</param>
    /// <param name="code">How the command ends when there is nothing to run.</param>
    /// <returns>Null when it was not understood, or only asked about; then everything was said.</returns>
    public static NdctlArguments? Parse(NdctlVerb verb, ReadOnlySpan<string> arguments, out int code)
    {
        var parsed = new NdctlArguments(verb);
        bool isUnderstood = parsed.ParseAll(arguments);
        code = parsed._refusal;
        return isUnderstood ? parsed : null;
    }

    private bool ParseAll(ReadOnlySpan<string> arguments)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string text = arguments[i];
            if (text == "--")
            {
                _operands.AddRange(arguments[(i + 1)..]);
                break;
            }

            if (text.Length < 2 || text[0] != '-')
            {
                _operands.Add(text);
                continue;
            }

            bool understood = text.StartsWith("--", StringComparison.Ordinal) ? ParseLong(text[2..], arguments, ref i) : ParseShort(text, arguments, ref i);
            if (!understood)
                return false;
        }

        return true;
    }

    public bool Has(char letter) => _values.ContainsKey(letter);

    public int Count(char letter) => _values.TryGetValue(letter, out List<string>? values) ? values.Count : 0;

    public string? Value(char letter) => _values.TryGetValue(letter, out List<string>? values) ? values[^1] : null;

    /// <summary>Whether it was undone with <c>--no-</c>.</summary>
    public bool IsUndone(char letter) => _undone.Contains(letter);

    /// <summary>The number that an option was given; null when it was not.</summary>
    public long? Number(char letter) => Value(letter) is { } text ? long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : null;

    /// <summary>Says how the command is written.</summary>
    public int Help()
    {
        NdctlText.Usage(_verb);
        return UsageCode;
    }

    /// <summary>Says something, and how the command is written.</summary>
    public int Complain(string message)
    {
        Console.Error.WriteLine(message);
        return Help();
    }

    /// <summary>Says what is wrong with the command line, and how it is written.</summary>
    public int Fail(string message)
    {
        NdctlText.Error(message);
        NdctlText.Usage(_verb);
        return UsageCode;
    }

    /// <summary>Says everything that is wrong with the command line, and how it is written.</summary>
    public int Fail(IEnumerable<string> messages)
    {
        foreach (string message in messages)
            NdctlText.Error($"{message}\n");
        return Help();
    }

    private bool ParseShort(string text, ReadOnlySpan<string> arguments, ref int i)
    {
        for (int at = 1; at < text.Length; at++)
        {
            char letter = text[at];
            if (letter == 'h' && !_verb.Options.Any(option => option.Letter == 'h'))
                return ShowHelp();
            NdctlOption? option = _verb.Options.FirstOrDefault(candidate => candidate.Letter == letter && !candidate.IsLong);
            if (option is null)
                return Refuse($"unknown switch `{letter}'");
            if (option.Argument is null)
            {
                Add(option, string.Empty);
                if (at == 1 && text.Length > 2 && LooksLong(text[1..]))
                    return false;
                continue;
            }

            string? value = at + 1 < text.Length ? text[(at + 1)..] : ++i < arguments.Length ? arguments[i] : null;
            return Take(option, value, $"switch `{letter}'");
        }

        return true;
    }

    /// <summary>Whether letters in a row begin a name of an option, which is said.</summary>
    private bool LooksLong(string text)
    {
        if (text.Length < 3 || !(text.StartsWith("no-", StringComparison.Ordinal) || _verb.Options.Any(option => option.Name.StartsWith(text, StringComparison.Ordinal))))
            return false;
        NdctlText.Error($"did you mean `--{text}` (with two dashes ?)");
        return true;
    }

    private bool ParseLong(string text, ReadOnlySpan<string> arguments, ref int i)
    {
        if (text is "help" or "help-all")
            return ShowHelp();
        if (text is "list-opts" or "list-cmds")
            return ShowNames(text);
        string name = text.Split('=', 2)[0];
        string? value = name.Length < text.Length ? text[(name.Length + 1)..] : null;
        (NdctlOption Option, bool Undone)[] fitting = [.. Fitting(name)];
        if (fitting.Length == 0)
            return Refuse($"unknown option `{text}'");
        if (fitting.Length > 1)
        {
            NdctlText.Error($"Ambiguous option: {text} (could be {NameOf(fitting[^2])} or {NameOf(fitting[^1])})");
            NdctlText.UsageLine(_verb);
            return false;
        }

        (NdctlOption option, bool undone) = fitting[0];
        string which = $"option `{(undone ? "no-" : string.Empty)}{option.Name}'";
        if (value is not null && (undone || option.Argument is null))
            return Blame(option, $"{which} takes no value");
        if (undone)
        {
            _values.Remove(option.Letter);
            _undone.Add(option.Letter);
            return true;
        }

        if (option.Argument is null)
        {
            Add(option, string.Empty);
            return true;
        }

        value ??= ++i < arguments.Length ? arguments[i] : null;
        return Take(option, value, which);
    }

    private static string NameOf((NdctlOption Option, bool Undone) fitting) => $"--{(fitting.Undone ? "no-" : string.Empty)}{fitting.Option.Name}";

    /// <summary>The option of the name, or those that begin with it.</summary>
    private IEnumerable<(NdctlOption Option, bool Undone)> Fitting(string name)
    {
        bool mayUndo = name.StartsWith("no-", StringComparison.Ordinal);
        string bare = mayUndo ? name[3..] : name;
        foreach (NdctlOption option in _verb.Options)
        {
            if (option.Name == name)
                return [(option, false)];
            if (mayUndo && option.Name == bare)
                return [(option, true)];
        }

        bool undoes = "no-".StartsWith(name, StringComparison.Ordinal);
        return _verb.Options.Where(option => option.Name.StartsWith(name, StringComparison.Ordinal)).Select(option => (option, false))
            .Concat(_verb.Options.Where(option => undoes || (mayUndo && option.Name.StartsWith(bare, StringComparison.Ordinal))).Select(option => (option, true)));
    }

    private bool Take(NdctlOption option, string? value, string which)
    {
        if (value is null)
            return Blame(option, $"{which} requires a value");
        if (option.IsNumber && value.Length == 0)
            value = "0";
        if (option.IsNumber && !long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
            return Blame(option, $"{which} expects a numerical value");
        Add(option, value);
        return true;
    }

    private void Add(NdctlOption option, string value)
    {
        if (!_values.TryGetValue(option.Letter, out List<string>? values))
            _values[option.Letter] = values = [];
        _undone.Remove(option.Letter);
        values.Add(value);
    }

    private bool ShowHelp()
    {
        Help();
        return false;
    }

    // What completes commands in shells asks for it.
    private bool ShowNames(string what)
    {
        if (what == "list-opts")
            Console.Write(string.Concat(_verb.Options.Select(option => $"--{option.Name} ")));
        _refusal = ListCode;
        return false;
    }

    private bool Refuse(string message)
    {
        Fail(message);
        return false;
    }

    private bool Blame(NdctlOption option, string message)
    {
        NdctlText.Error(message);
        NdctlText.UsageLine(_verb);
        NdctlText.OptionHelp(option);
        return false;
    }
}
