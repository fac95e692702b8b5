using Pmem.Pools;
using Pmem.Tool.Persona.Checking;
using Pmem.Tool.Persona.Info;

namespace Pmem.Tool.Persona;

/// <summary>
/// The program as <c>pmempool</c> 1.12: its options, texts and exit codes, so that scripts go on working. Started by <c>pmem pmempool …</c>, or under
/// that name.
/// </summary>
internal static class Pmempool
{
    public const string Name = "pmempool";
    public const string Version = "1.12.1";

    private delegate int Verb(Terminal terminal, string[] arguments);

    private static readonly Dictionary<string, (Verb Run, string Help)> s_verbs = new(StringComparer.Ordinal)
    {
        ["info"] = (PmempoolInfo.Run, PmempoolText.Info),
        ["create"] = (PmempoolCreate.Run, PmempoolText.Create),
        ["dump"] = (PmempoolDump.Run, PmempoolText.Dump),
        ["check"] = (PmempoolCheck.Run, PmempoolText.Check),
        ["rm"] = (PmempoolRemove.Run, PmempoolText.Remove),
        ["convert"] = (PmempoolConvert.Run, string.Empty),
        ["sync"] = (PmempoolSync.Run, PmempoolText.Sync),
        ["transform"] = (PmempoolTransform.Run, PmempoolText.Transform),
        ["feature"] = (PmempoolFeature.Run, PmempoolText.Feature),
        ["help"] = (Help, PmempoolText.HelpHelp),
    };

    /// <summary>Whether the process was started under the name.</summary>
    public static bool IsInvoked => string.Equals(Path.GetFileNameWithoutExtension(Environment.GetCommandLineArgs()[0]), Name, StringComparison.Ordinal);

    /// <summary>Runs the program on the process's own input and output.</summary>
    public static int Start(string[] arguments)
    {
        using var terminal = Terminal.OfProcess();
        return Start(terminal, arguments);
    }

    public static int Start(Terminal terminal, string[] arguments)
    {
        string verb = arguments.Length > 0 ? arguments[0] : string.Empty;
        switch (verb)
        {
            case "" when arguments.Length == 0:
                terminal.Out.Write($"{PmempoolText.Usage}\n");
                return 0;
            case "-V" or "--version":
                terminal.Out.Write($"{Name} {Version}\n");
                return 0;
            case "-h" or "--help":
                terminal.Out.Write(PmempoolText.Help);
                return 0;
        }

        if (verb.Length > 1 && verb[0] == '-')
        {
            terminal.Error.Write($"{Name}: {(verb.StartsWith("--", StringComparison.Ordinal) ? $"unrecognized option '{verb}'" : $"invalid option -- '{verb[1]}'")}\n");
            terminal.Out.Write($"{PmempoolText.Usage}\n");
            return 1;
        }

        if (!s_verbs.TryGetValue(verb, out (Verb Run, string Help) found))
            return terminal.Fail($"'{verb}' -- unknown command");
        try
        {
            return found.Run(terminal, arguments[1..]);
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return terminal.Fail(e.Message.Split('\n')[0]);
        }
    }

    /// <summary>The first line of a verb's help, and getopt's complaint if there is one.</summary>
    public static int Usage(Terminal terminal, string verb, string? problem = null)
    {
        if (problem is not null)
            terminal.Error.Write($"{verb}: {problem}\n");
        int lines = verb == "feature" ? 2 : 1;
        terminal.Out.Write($"{string.Join('\n', s_verbs[verb].Help.Split('\n').Take(lines))}\n");
        return 1;
    }

    public static int ShowHelp(Terminal terminal, string verb)
    {
        terminal.Out.Write(s_verbs[verb].Help);
        return 0;
    }

    public static string TypeName(PoolKind kind) => kind switch
    {
        PoolKind.Log => "log",
        PoolKind.Block => "blk",
        _ => "obj",
    };

    private static int Help(Terminal terminal, string[] arguments)
    {
        if (arguments.Length == 0)
        {
            // As pmempool, which takes it for a mistake.
            terminal.Out.Write(PmempoolText.Help);
            return 1;
        }

        if (arguments[0] == "convert")
            return PmempoolConvert.Run(terminal, ["-h"]);
        return s_verbs.ContainsKey(arguments[0]) ? ShowHelp(terminal, arguments[0]) : terminal.Fail($"No help text for '{arguments[0]}' command");
    }
}
