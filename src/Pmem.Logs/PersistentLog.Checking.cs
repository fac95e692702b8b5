using Pmem.Logs.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Logs;

/// <content>Checking.</content>
public sealed partial class PersistentLog
{
    /// <summary>
    /// Checks a log pool without changing a byte of it or locking it (PMDK <c>pmemlog_check</c>): header, descriptor, and whether the log's
    /// bytes can be read.
    /// </summary>
    /// <exception cref="PmemException">The file cannot be read.</exception>
    public static PoolCheckResult Check(string path)
    {
        if (PoolSetFile.IsPoolSet(path))
            return CheckSet(path);
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return Check(map);
    }

    /// <summary>Checks the log pool in a map; changes nothing in it.</summary>
    public static PoolCheckResult Check(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length < MinimumPoolSize)
            return new PoolCheckResult([new PoolProblem(-1, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}")]);
        var problems = new List<PoolProblem>();
        PoolHeader header = map.Read<PoolHeader>(0);
        if (PoolValidation.FindProblem(in header, PoolKind.Log) is { } wrong)
            problems.Add(PoolProblem.Of(wrong));
        CheckContent(map, problems);
        return new PoolCheckResult(problems);
    }

    /// <summary>The headers of a set are judged together, by opening it.</summary>
    private static PoolCheckResult CheckSet(string path)
    {
        var problems = new List<PoolProblem>();
        try
        {
            using PoolFile pool = PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { CopyOnWrite = true });
            CheckContent(pool.Map, problems);
        }
        catch (PmemFormatException wrong) when (wrong.Offset >= 0)
        {
            problems.Add(PoolProblem.Of(wrong));
        }

        return new PoolCheckResult(problems);
    }

    private static void CheckContent(PersistentMap map, List<PoolProblem> problems)
    {
        long size = map.Length & -PoolFile.PageSize;
        LogDescriptor descriptor = map.Read<LogDescriptor>(LogDescriptor.Offset);
        List<PmemFormatException> broken = descriptor.FindProblems(size);
        problems.AddRange(broken.Select(PoolProblem.Of));
        if (broken.Count == 0)
            AddUnreadable(map, (long)descriptor.WriteOffset, problems);
    }

    private static void AddUnreadable(PersistentMap map, long end, List<PoolProblem> problems)
    {
        byte[] buffer = new byte[1 << 20];
        for (long at = LogDescriptor.DataOffset; at < end; at += buffer.Length)
        {
            try
            {
                map.CheckedRead(at, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - at)));
            }
            catch (MediaErrorException bad)
            {
                problems.Add(new PoolProblem(bad.Offset, "log data", "bytes that can be read", "a media error, or the end of a truncated file"));
                return;
            }
        }
    }
}
