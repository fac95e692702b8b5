using Pmem.Tool.Platforms;

namespace Pmem.Tool.Persona.Ndctl;

/// <summary>
/// The program as <c>ndctl</c> 76: its commands, options, texts and exit codes, so that scripts go on working on a virtual platform, a capture or the machine.
/// Started by <c>pmem ndctl …</c>, or under that name. Which platform, <c>PMEM_PLATFORM</c> says, or <c>--platform</c> before the command.
/// </summary>
internal static class NdctlProgram
{
    public const string Name = "ndctl";
    public const string Version = "76.1";

    private const int Failure = 1;
    private const int UsageCode = 129;
    private const int NoPageCode = 16;
    private const string UsageText = $"{Name} [--version] [--help] COMMAND [ARGS]";
    private const string PlatformOption = "--platform";

    // In the order of ndctl's own list.
    private static readonly NdctlVerb[] s_verbs =
    [
        NdctlNamespaces.Enable,
        NdctlNamespaces.Disable,
        NdctlCreate.Verb,
        NdctlNamespaces.Destroy,
        NdctlInfoBlocks.Read,
        NdctlInfoBlockWriting.Verb,
        NdctlNamespaces.Check,
        NdctlNamespaces.Clear,
        NdctlRegions.Enable,
        NdctlRegions.Disable,
        NdctlDimms.Enable,
        NdctlDimms.Disable,
        NdctlDimms.Zero,
        NdctlDimms.Read,
        NdctlDimms.Write,
        NdctlDimms.Init,
        NdctlDimms.Check,
        NdctlHealth.InjectError,
        NdctlFirmware.Update,
        NdctlHealth.InjectSmart,
        NdctlBuses.WaitScrub,
        NdctlFirmware.Activate,
        NdctlBuses.StartScrub,
        .. NdctlSecurity.Verbs,
        NdctlList.Verb,
        NdctlMonitor.Verb,
    ];

    private static string? s_platform;

    /// <summary>Whether the process was started under the name.</summary>
    public static bool IsInvoked => string.Equals(Path.GetFileNameWithoutExtension(Environment.GetCommandLineArgs()[0]), Name, StringComparison.Ordinal);

    public static int Start(string[] arguments)
    {
        Console.Out.NewLine = Console.Error.NewLine = "\n";
        while (arguments.Length > 1 && arguments[0] == PlatformOption)
        {
            s_platform = arguments[1];
            arguments = arguments[2..];
        }

        switch (arguments.FirstOrDefault())
        {
            case null:
                PrintUsage();
                return Failure;
            case "-h" or "--help" or "help" when arguments.Length == 1:
                PrintUsage();
                return 0;
            case "-h" or "--help" or "help":
                return Help(arguments[1]);
            case "--version" or "-v" or "version":
                Console.WriteLine(Version);
                return 0;
            case "--list-cmds":
                foreach (string name in s_verbs.Select(verb => verb.Name).Prepend("version").Append("help"))
                    Console.WriteLine(name);
                return 0;
        }

        string word = arguments[0];
        if (word.StartsWith('-'))
        {
            Console.Error.WriteLine($"Unknown option: {word}\n\n Usage: {UsageText}");
            return UsageCode;
        }

        if (Array.Find(s_verbs, verb => verb.Name == word) is not { } found)
        {
            Console.Error.WriteLine($"Unknown command: '{word}'");
            return Failure;
        }

        return arguments is [_, "--help", ..] ? Help(word) : Run(found, arguments[1..]);
    }

    /// <summary>The platform that is meant, as with ndctl be it a machine without NVDIMMs; the caller disposes it.</summary>
    public static PlatformSource Open() => PlatformSource.Open(s_platform, mayBeEmpty: true);

    /// <summary>Where a command writes: a file, which is replaced as ndctl does, unless it is what is read or one of a platform's own; or standard output.</summary>
    public static Stream Output(string? path, string? source = null)
    {
        if (path is null)
            return Console.OpenStandardOutput();
        OutputFile.DemandForeign(path, source, PlatformSource.PathOf(s_platform));
        return File.Create(path);
    }

    /// <summary>Opens what a command reads or writes; what cannot be opened is said as ndctl does.</summary>
    /// <returns>Null when it cannot, with the error.</returns>
    public static Stream? TryOpen(string path, Func<Stream> open, out Errno error)
    {
        try
        {
            error = Errno.None;
            return open();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            error = Errnos.Of(failed, path);
            Console.Error.WriteLine($"failed to open: {path}: ({error.Text()})");
            return null;
        }
    }

    /// <summary>Which platform was named before the command; null for none.</summary>
    public static string? PlatformPath => s_platform;

    private static int Run(NdctlVerb verb, string[] arguments)
    {
        try
        {
            return NdctlArguments.Parse(verb, arguments, out int code) is { } parsed ? verb.Run(parsed) : code;
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException or ArgumentException or OperationCanceledException)
        {
            NdctlText.Error(FailureText.Of(e));
            return Failure;
        }
    }

    private static void PrintUsage() =>
        Console.WriteLine($"\n usage: {UsageText}\n\n\n See '{Name} help COMMAND' for more information on a specific command.\n {Name} --list-cmds to see all available commands\n");

    private static int Help(string name)
    {
        if (Array.Find(s_verbs, verb => verb.Name == name) is not { } found)
        {
            Console.Error.WriteLine($"No manual entry for ndctl-{name}");
            return NoPageCode;
        }

        NdctlText.Usage(found);
        return 0;
    }
}
