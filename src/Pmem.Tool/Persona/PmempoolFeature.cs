using Pmem.Pools;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool feature</c>.</summary>
internal static class PmempoolFeature
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal) { ["enable"] = 'e', ["disable"] = 'd', ["query"] = 'q', ["verbose"] = 'v', ["help"] = 'h' };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhe:d:q:h", s_names);
        GivenOption? wanted = null;
        foreach (GivenOption given in parsed.Options)
        {
            switch (given.Option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "feature", given.Value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "feature");
                case 'e' or 'd' or 'q':
                    if (wanted is not null || !FeatureVerb.Names.ContainsKey(given.Value!))
                        return Pmempool.Usage(terminal, "feature");
                    wanted = given;
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "feature");
        if (wanted is not { } operation)
            return terminal.Fail("Invalid option.");
        string path = parsed.Operands[0];
        PoolFeature feature = FeatureVerb.Names[operation.Value!];
        try
        {
            if (operation.Option == 'q')
            {
                PoolHeader? header = PoolFile.ReadHeader(path);
                if (header is not { Kind: not null } known || PoolValidation.FindProblem(in known, kind: null) is not null)
                    return 1;
                terminal.Out.Write(PoolFeatureSwitch.IsEnabled(in known, feature) ? "1" : "0");
                return 0;
            }

            PoolFeatureSwitch.Set(path, feature, operation.Option == 'e');
            return 0;
        }
        catch (Exception e) when (e is PmemException or IOException)
        {
            // pmempool only says it with its exit code.
            return 1;
        }
    }
}
