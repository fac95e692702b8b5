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
                if (ReadHeader(path) is not { } header)
                    return 1;
                terminal.Out.Write(PoolFeatureSwitch.IsEnabled(in header, feature) ? "1" : "0");
                return 0;
            }

            // pmempool never does, whatever the pool is.
            if (feature == PoolFeature.SingleHeader)
                return 1;
            PoolFeatureSwitch.Set(path, feature, operation.Option == 'e');
            return 0;
        }
        catch (Exception e) when (e is PmemException or IOException)
        {
            // pmempool only says it with its exit code.
            return 1;
        }
    }

    /// <summary>A header whose checksum is right; those of a set are judged together, by opening it.</summary>
    private static PoolHeader? ReadHeader(string path)
    {
        if (PoolFile.ReadHeader(path) is not { } header)
            return null;
        if (!PoolSetFile.IsPoolSet(path))
            return header.Checksum == header.ComputeChecksum() ? header : null; // of a part of a set too
        if (header.Kind is not { } kind)
            return null;
        using PoolFile pool = PoolFile.Open(path, kind, new PoolOpenOptions { CopyOnWrite = true });
        return pool.Header;
    }
}
