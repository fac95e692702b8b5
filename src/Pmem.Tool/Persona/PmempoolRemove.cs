using Pmem.Pools;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool rm</c>.</summary>
internal static class PmempoolRemove
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal)
    {
        ["help"] = 'h', ["verbose"] = 'v', ["only-pools"] = 's', ["all"] = 'a', ["local"] = 'l', ["remote"] = 'r', ["force"] = 'f', ["interactive"] = 'i',
    };

    public static int Run(string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "hvsalrfi", s_names);
        if (parsed.Problem is not null)
            return Pmempool.Usage("rm", parsed.Problem);
        if (parsed.Options.Any(o => o.Option == 'h'))
            return Pmempool.ShowHelp("rm");
        if (parsed.Operands.Count == 0)
            return Pmempool.Usage("rm");
        int verbose = parsed.Options.Count(o => o.Option == 'v');
        bool force = parsed.Options.Any(o => o.Option == 'f');
        bool ask = parsed.Options.Any(o => o.Option == 'i');
        bool sets = parsed.Options.Any(o => o.Option is 'a' or 'l');
        int result = 0;
        foreach (string path in parsed.Operands)
        {
            if (!File.Exists(path))
            {
                if (!force)
                    result = Pmempool.Error($"cannot remove '{path}': No such file or directory");
                continue;
            }

            bool isSet = PoolSetFile.IsPoolSet(path);
            if (verbose > 1)
                Console.WriteLine(isSet ? $"poolset file: {path}" : $"pool file   : {path}");
            foreach (string file in PoolRemoval.FilesOf(path))
                result |= Remove(file, force, ask, verbose);
            if (isSet && sets)
                result |= Remove(path, force, ask, verbose);
        }

        return result;
    }

    private static int Remove(string file, bool force, bool ask, int verbose)
    {
        if (!File.Exists(file))
            return force ? 0 : Pmempool.Error($"cannot remove file '{file}': No such file or directory");
        if (ask)
        {
            Console.Write($"remove file '{file}' ? [Y/n] ");
            string? line = Console.ReadLine();
            char answer = line is null ? '?' : line.Length == 0 ? 'y' : char.ToLowerInvariant(line[0]);
            if (Console.IsInputRedirected)
                Console.WriteLine(answer);
            if (answer != 'y')
                return 0;
        }

        // As pmempool, which removes what others have open too.
        File.Delete(file);
        if (verbose > 0)
            Console.WriteLine($"removed '{file}'");
        return 0;
    }
}
