using Pmem.Pools;

namespace Pmem.Tool.Persona;

/// <summary><c>pmempool sync</c>.</summary>
internal static class PmempoolSync
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal) { ["bad-blocks"] = 'b', ["dry-run"] = 'd', ["help"] = 'h', ["verbose"] = 'v' };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "bdhv", s_names);
        bool dryRun = false;
        bool verbose = false;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "sync", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "sync");
                case 'd':
                    dryRun = true;
                    break;
                case 'v':
                    verbose = true;
                    break;
            }
        }

        if (parsed.Operands.Count == 0)
            return Pmempool.Usage(terminal, "sync");
        string path = parsed.Operands[0];
        if (SetWork.Try(path, "file", () => PoolSync.Run(path, new PoolSyncOptions { DryRun = dryRun })) is { } problem)
        {
            terminal.Fail($"failed to synchronize: {problem.Message}");
            return problem.Error is null ? 1 : terminal.Fail(problem.Error);
        }

        if (verbose)
            terminal.Out.Write($"{path}: synchronized\n");
        return 0;
    }
}

/// <summary><c>pmempool transform</c>.</summary>
internal static class PmempoolTransform
{
    private static readonly Dictionary<string, char> s_names = new(StringComparer.Ordinal) { ["dry-run"] = 'd', ["help"] = 'h', ["verbose"] = 'v' };

    public static int Run(Terminal terminal, string[] arguments)
    {
        GetOpt parsed = GetOpt.Parse(arguments, "dhv", s_names);
        bool dryRun = false;
        bool verbose = false;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "transform", value);
                case 'h':
                    return Pmempool.ShowHelp(terminal, "transform");
                case 'd':
                    dryRun = true;
                    break;
                case 'v':
                    verbose = true;
                    break;
            }
        }

        if (parsed.Operands.Count < 2)
            return Pmempool.Usage(terminal, "transform");
        (string source, string target) = (parsed.Operands[0], parsed.Operands[1]);
        SetProblem? problem = SetWork.Try(source, "source file", () => SetWork.DemandSet(target, "destination file"))
            ?? SetWork.Try(source, "source file", () => PoolTransform.Run(source, target, new PoolSyncOptions { DryRun = dryRun }));
        if (problem is not null)
        {
            if (problem.Error is not null)
                terminal.Fail(problem.Error);
            return terminal.Fail($"failed to transform {source} -> {target}: {problem.Message}");
        }

        if (verbose)
            terminal.Out.Write($"{source} -> {target}: transformed\n");
        return 0;
    }
}

/// <summary>Why a set could not be worked on: libpmempool's message, and the text of the error number.</summary>
internal sealed record SetProblem(string Message, string? Error);

/// <summary>Runs what works on pool sets.</summary>
internal static class SetWork
{
    /// <summary>Does the work; what went wrong, or null.</summary>
    public static SetProblem? Try(string path, string name, Action work)
    {
        try
        {
            DemandSet(path, name);
            work();
            return null;
        }
        catch (NotASetException wrong)
        {
            return new SetProblem(wrong.Message, wrong.IsMissing ? "No such file or directory" : "Invalid argument");
        }
        catch (PmemException wrong)
        {
            return new SetProblem(wrong.Message.Split('\n')[0], wrong.IsBusy ? "Resource temporarily unavailable" : "Invalid argument");
        }
        catch (FileNotFoundException wrong)
        {
            return new SetProblem(wrong.Message, "No such file or directory");
        }
    }

    public static void DemandSet(string path, string name)
    {
        if (!PoolSetFile.IsPoolSet(path))
            throw new NotASetException($"{name} is not a poolset file", !File.Exists(path));
    }

    private sealed class NotASetException(string message, bool isMissing) : Exception(message)
    {
        public bool IsMissing { get; } = isMissing;
    }
}
