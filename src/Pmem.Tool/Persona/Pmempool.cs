using Pmem.Pools;

namespace Pmem.Tool.Persona;

/// <summary>
/// The program as <c>pmempool</c> 1.12: its options, texts and exit codes, so that scripts go on working. Started by <c>pmem pmempool …</c>, or under
/// that name.
/// </summary>
internal static class Pmempool
{
    public const string Name = "pmempool";
    public const string Version = "1.12.1";

    private delegate int Verb(string[] arguments);

    private static readonly Dictionary<string, (Verb Run, string Help)> s_verbs = new(StringComparer.Ordinal)
    {
        ["info"] = (PmempoolInfo.Run, PmempoolText.Info),
        ["create"] = (PmempoolCreate.Run, PmempoolText.Create),
        ["dump"] = (PmempoolDump.Run, PmempoolText.Dump),
        ["check"] = (PmempoolCheck.Run, PmempoolText.Check),
        ["rm"] = (PmempoolRemove.Run, PmempoolText.Remove),
        ["feature"] = (PmempoolFeature.Run, PmempoolText.Feature),
    };

    /// <summary>Whether the process was started under the name.</summary>
    public static bool IsInvoked => string.Equals(Path.GetFileNameWithoutExtension(Environment.GetCommandLineArgs()[0]), Name, StringComparison.Ordinal);

    public static int Start(string[] arguments)
    {
        Console.Out.NewLine = Console.Error.NewLine = "\n";
        string verb = arguments.Length > 0 ? arguments[0] : string.Empty;
        switch (verb)
        {
            case "":
                Console.WriteLine(PmempoolText.Usage);
                return 0;
            case "-V" or "--version":
                Console.WriteLine($"{Name} {Version}");
                return 0;
            case "-h" or "--help":
                Console.Write(PmempoolText.Help);
                return 0;
            case "help":
                return Help(arguments);
        }

        if (verb.StartsWith('-'))
        {
            Console.Error.WriteLine($"{Name}: {(verb.StartsWith("--", StringComparison.Ordinal) ? $"unrecognized option '{verb}'" : $"invalid option -- '{verb[1]}'")}");
            Console.WriteLine(PmempoolText.Usage);
            return 1;
        }

        if (!s_verbs.TryGetValue(verb, out (Verb Run, string Help) found))
        {
            if (verb is "convert" or "sync" or "transform")
                return Error($"'{verb}' -- use 'pmem pool' instead");
            return Error($"'{verb}' -- unknown command");
        }

        try
        {
            return found.Run(arguments[1..]);
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Error(e.Message.Split('\n')[0]);
        }
    }

    /// <summary>Says what is wrong as pmempool does; returns its exit code.</summary>
    public static int Error(string message)
    {
        Console.Error.WriteLine($"error: {message}");
        return 1;
    }

    /// <summary>The first line of a verb's help, and getopt's complaint if there is one.</summary>
    public static int Usage(string verb, string? problem = null)
    {
        if (problem is not null)
            Console.Error.WriteLine($"{verb}: {problem}");
        string help = s_verbs[verb].Help;
        int lines = verb == "feature" ? 2 : 1;
        Console.WriteLine(string.Join('\n', help.Split('\n').Take(lines)));
        return 1;
    }

    public static int ShowHelp(string verb)
    {
        Console.Write(s_verbs[verb].Help);
        return 0;
    }

    /// <summary>Sizes as pmempool prints them: a number, with <paramref name="human"/> 1 a rounded one with a unit, with 2 both.</summary>
    public static string Size(long size, int human)
    {
        double value = size;
        long whole = size;
        int unit = -1;
        while (whole >= 1024 && unit < 4)
        {
            whole /= 1024;
            value /= 1024;
            unit++;
        }

        if (human == 0 || unit < 0)
            return $"{size}";
        string rounded = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value:0.0}{"KMGT"[Math.Min(unit, 3)]}");
        return human == 1 ? rounded : $"{rounded} [{size}]";
    }

    public static string TypeName(PoolKind kind) => kind switch
    {
        PoolKind.Log => "log",
        PoolKind.Block => "blk",
        _ => "obj",
    };

    private static int Help(string[] arguments)
    {
        if (arguments.Length < 2)
        {
            // As pmempool, which takes it for a mistake.
            Console.Write(PmempoolText.Help);
            return 1;
        }

        if (!s_verbs.TryGetValue(arguments[1], out (Verb Run, string Help) found))
            return Error($"No help text for '{arguments[1]}' command");
        Console.Write(found.Help);
        return 0;
    }
}
