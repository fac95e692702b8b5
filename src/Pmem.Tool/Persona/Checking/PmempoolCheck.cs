using Pmem.Pools;

namespace Pmem.Tool.Persona.Checking;

/// <summary><c>pmempool check</c>: its questions, verdicts and repairs. Object pools are examined as far as pmempool does, which is the header.</summary>
internal static class PmempoolCheck
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["repair"] = 'r', ["yes"] = 'y', ["dry-run"] = 'd', ["no-exec"] = 'N', ["backup"] = 'b', ["advanced"] = 'a', ["quiet"] = 'q', ["verbose"] = 'v', ["help"] = 'h',
    };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "ahvrdNb:qy", s_names);
        var request = new CheckRequest { Path = string.Empty };
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "check", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "check");
                default:
                    request = With(request, option, value);
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "check");
        if (!request.Repair && request.DryRun)
            return terminal.Fail("'-N' option requires '-r'");
        if (!request.Repair && request.Backup is not null)
            return terminal.Fail("'-b' option requires '-r'");
        return Run(terminal, request with { Path = parsed.Operands[0] });
    }

    private static CheckRequest With(CheckRequest request, char option, string? value) => option switch
    {
        'r' => request with { Repair = true },
        'y' => request with { Yes = true },
        'd' or 'N' => request with { DryRun = true },
        'b' => request with { Backup = value },
        'a' => request with { Advanced = true },
        'q' => request with { Level = 0 },
        _ => request with { Level = 2 },
    };

    private static int Run(Terminal terminal, CheckRequest request)
    {
        if ((!request.Repair && (request.Advanced || request.Yes)) || (request.DryRun && request.Backup is not null))
            return Failed(terminal, request, "Invalid argument");
        if (!File.Exists(request.Path))
            return Failed(terminal, request, Directory.Exists(request.Path) ? "Is a directory" : "No such file or directory");
        PoolView files;
        try
        {
            MapAccess access = request.DryRun ? MapAccess.CopyOnWrite : request.Repair ? MapAccess.ReadWrite : MapAccess.ReadOnly;
            files = PoolView.Open(request.Path, access, exclusive: true);
        }
        catch (Exception e) when (e is PmemException or IOException or UnauthorizedAccessException)
        {
            string why = e is PmemException { IsBusy: true } ? "Resource temporarily unavailable" : e is FileNotFoundException ? "No such file or directory" : e is UnauthorizedAccessException ? "Permission denied" : "Invalid argument";
            return Failed(terminal, request, why);
        }

        var talk = new Conversation(terminal, request);
        using var pool = new CheckedPool(files);
        Steps.Run(talk, pool, out bool syncRequired);
        return End(terminal, request, talk.State, syncRequired);
    }

    private static int Failed(Terminal terminal, CheckRequest request, string why)
    {
        terminal.Fail(why);
        return terminal.Fail(request.Repair ? "repairing failed" : "checking consistency failed");
    }

    private static int End(Terminal terminal, CheckRequest request, CheckState state, bool syncRequired)
    {
        if (syncRequired && state is (CheckState.Consistent or CheckState.Repaired))
        {
            Say(1, "sync required");
            return 0;
        }

        switch (state)
        {
            case CheckState.Consistent:
                Say(2, "consistent");
                return 0;
            case CheckState.Repaired:
                Say(1, "repaired");
                return 0;
            case CheckState.NotConsistent:
                Say(1, "not consistent");
                return 1;
            case CheckState.CannotRepair:
                Say(1, "cannot repair");
                return 1;
            default:
                return terminal.Fail(request.Repair ? "repairing failed" : "checking consistency failed");
        }

        void Say(int level, string verdict)
        {
            if (request.Level >= level)
                terminal.Out.Write($"{request.Path}: {verdict}\n");
        }
    }
}
