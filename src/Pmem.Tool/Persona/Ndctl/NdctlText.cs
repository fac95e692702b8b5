namespace Pmem.Tool.Persona.Ndctl;

/// <summary>How ndctl speaks: everything but results goes to standard error.</summary>
internal static class NdctlText
{
    private const int HelpColumn = 26;

    public static void Error(string message) => Console.Error.WriteLine($"  Error: {message}");

    public static void Warning(string message) => Console.Error.WriteLine($"  Warning: {message}");

    public static void UsageLine(NdctlVerb verb) => Console.Error.WriteLine($"\n usage: ndctl {verb.Usage}\n");

    public static void Usage(NdctlVerb verb)
    {
        UsageLine(verb);
        foreach (NdctlOption option in verb.Options)
            OptionHelp(option);
        Console.Error.WriteLine();
    }

    public static void OptionHelp(NdctlOption option)
    {
        string start = $"    {(option.IsLong ? "    " : $"-{option.Letter}, ")}--{option.Name}{(option.Argument is { } argument ? $" <{argument}>" : string.Empty)}";
        Console.Error.WriteLine(start.Length <= HelpColumn - 2 ? $"{start.PadRight(HelpColumn)}{option.Help}" : $"{start}\n{new string(' ', HelpColumn)}{option.Help}");
    }

    /// <summary><c>disabled 2 nmems</c>.</summary>
    public static void Summary(string did, int count, string what) => Console.Error.WriteLine($"{did} {count} {what}{(count == 1 ? string.Empty : "s")}");
}
