using Pmem.Pools;
using Pmem.Tool.Pool;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool feature</c>.</summary>
internal static class PmempoolFeature
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal) { ["enable"] = 'e', ["disable"] = 'd', ["query"] = 'q', ["verbose"] = 'v', ["help"] = 'h' };

    public static int Run(string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "vhe:d:q:h", s_names);
        if (parsed.Problem is not null)
            return Pmempool.Usage("feature", parsed.Problem);
        if (parsed.Options.Any(o => o.Option == 'h'))
            return Pmempool.ShowHelp("feature");
        (char Option, string? Value)[] wanted = [.. parsed.Options.Where(o => o.Option is 'e' or 'd' or 'q')];
        if (wanted.Length > 1 || wanted.Any(o => !FeatureVerb.Names.ContainsKey(o.Value!)) || parsed.Operands.Count == 0)
            return Pmempool.Usage("feature");
        if (wanted.Length == 0)
            return Pmempool.Error("Invalid option.");
        string path = parsed.Operands[0];
        PoolFeature feature = FeatureVerb.Names[wanted[0].Value!];
        try
        {
            if (wanted[0].Option == 'q')
            {
                PoolHeader? header = PoolFile.ReadHeader(path);
                if (header is not { Kind: not null } known)
                    return 1;
                Console.Write(PoolFeatureSwitch.IsEnabled(in known, feature) ? "1" : "0");
                return 0;
            }

            PoolFeatureSwitch.Set(path, feature, wanted[0].Option == 'e');
            return 0;
        }
        catch (Exception e) when (e is PmemException or IOException)
        {
            // pmempool only says it with its exit code.
            return 1;
        }
    }
}
