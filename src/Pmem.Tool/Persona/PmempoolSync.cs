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
        bool badBlocks = false;
        foreach ((char option, string? value) in parsed.Options)
        {
            switch (option)
            {
                case GetOpt.Mistake:
                    return Pmempool.Usage(terminal, "sync", value);
                case 'b':
                    badBlocks = true;
                    break;
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
        if (NothingLeft(path, dryRun) is { } lost)
        {
            terminal.Fail($"failed to synchronize: {lost}");
            return terminal.Fail("Invalid argument");
        }

        if (SetWork.Try(path, "file", () => PoolSync.Run(path, new PoolSyncOptions { DryRun = dryRun, FixBadBlocks = badBlocks })) is { } problem)
        {
            terminal.Fail($"failed to synchronize: {problem.Message}");
            return problem.Error is null ? 1 : terminal.Fail(problem.Error);
        }

        if (verbose)
            terminal.Out.Write($"{path}: synchronized\n");
        return 0;
    }

    /// <summary>What libpmempool says when no part of several replicas is there: it fails where it opens the last.</summary>
    private static string? NothingLeft(string path, bool dryRun)
    {
        try
        {
            if (!PoolSetFile.IsPoolSet(path))
                return null;
            PoolSetFile set = PoolSetFile.Read(path);
            string[] parts = [.. set.Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path)];
            if (set.Replicas.Count < 2 || set.HasRemoteReplicas || parts.Length == 0 || parts.Any(File.Exists))
                return null;
            return dryRun ? string.Empty : $"open \"{parts[^1]}\": No such file or directory";
        }
        catch (PmemException)
        {
            return null;
        }
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
            ?? SetWork.Try(source, "source file", () => Transform(source, target, dryRun));
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

    /// <summary>What was done before, libpmempool does not know again.</summary>
    private static void Transform(string source, string target, bool dryRun)
    {
        if (PoolTransform.Run(source, target, new PoolSyncOptions { DryRun = dryRun }).WasDone)
            throw new PmemException(SetWork.UnhealthySource);
    }
}

/// <summary>Why a set could not be worked on: libpmempool's message, and the text of the error number.</summary>
internal sealed record SetProblem(string Message, string? Error);

/// <summary>Runs what works on pool sets.</summary>
internal static class SetWork
{
    /// <summary>What libpmempool says of a pool that is not the source's.</summary>
    public const string UnhealthySource = "source poolset health check failed";

    // What libpmempool says, where we say more.
    private static readonly string[] s_messages =
        ["no healthy replica found", "no replica(s) found in the pool set", "both poolsets are equal", "there must be at least one replica left", "target poolset is too small", "transform of directory poolsets is not supported", "source poolset is broken", UnhealthySource];

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
        catch (PmemFormatException) when (!IsReadable(path))
        {
            return new SetProblem(name == "file" ? "parsing input poolset failed" : "parsing source poolset failed", "Invalid argument");
        }
        catch (PmemException wrong)
        {
            string message = wrong.Message.Split('\n')[0];
            return new SetProblem(s_messages.FirstOrDefault(each => message.Contains(each, StringComparison.Ordinal)) ?? message, wrong.IsBusy ? "Resource temporarily unavailable" : "Invalid argument");
        }
        catch (FileNotFoundException wrong)
        {
            return new SetProblem(wrong.Message, "No such file or directory");
        }
    }

    private static bool IsReadable(string path)
    {
        try
        {
            PoolSetFile.Read(path);
            return true;
        }
        catch (PmemException)
        {
            return false;
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
