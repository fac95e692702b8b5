using Pmem.Logs.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Logs;

/// <content>Repairing.</content>
public sealed partial class PersistentLog
{
    /// <summary>
    /// Mends the header and the three words of a log pool (<c>pmempool check -r</c>). A write offset that is lost is set to the end, so that no
    /// byte is cut off: what lies behind the last append then shows as the bytes that happen to be there.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="options">Dry run, backup, progress.</param>
    /// <exception cref="PmemException">A file is in use, cannot be accessed, or a part of the set is missing.</exception>
    public static PoolRepairResult Repair(string path, PoolRepairOptions? options = null)
    {
        options ??= new PoolRepairOptions();
        return PoolBackup.Finishing(path, options.BackupPath, "repair", () =>
        {
            if (PoolSetFile.IsPoolSet(path))
                return RepairParts(path, options);
            using PersistentMap map = RepairFile.Open(path, options, "repair");
            return Repair(map);
        });
    }

    /// <summary>
    /// Mends the log pool in a map. Each word is mended by one durable 8-byte store, and none of them makes another's damage harder to see, so a
    /// repair that a crash interrupted is simply done again.
    /// </summary>
    public static PoolRepairResult Repair(PersistentMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        var mends = new List<PoolMend>();
        if (map.Length < MinimumPoolSize)
        {
            var problem = new PoolProblem(-1, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}");
            return new PoolRepairResult([PoolMend.NotMended(problem, "bytes are missing: restore the file from a backup")], [problem]);
        }

        long size = map.Length & -PoolFile.PageSize;
        if (HeaderRepair.Run(map, PoolKind.Log, () => map.Read<LogDescriptor>(LogDescriptor.Offset).FindProblems(size).Count == 0, mends))
            MendDescriptor(map, size, mends);
        PoolCheckResult check = Check(map);
        foreach (PoolProblem problem in check.Problems.Where(p => p.Offset >= LogDescriptor.DataOffset))
            mends.Add(PoolMend.NotMended(problem, "the medium lost these bytes: restore them from a backup"));
        return new PoolRepairResult(mends, check.Problems);
    }

    private static PoolRepairResult RepairParts(string path, PoolRepairOptions options)
    {
        using RepairSet set = RepairSet.Open(path, PoolKind.Log, options, "repair");
        PersistentMap map = set.Maps[0];
        long size = map.Length & -PoolFile.PageSize;
        var mends = new List<PoolMend>();
        var remaining = new List<PoolProblem>();
        if (set.MendHeaders(() => map.Read<LogDescriptor>(LogDescriptor.Offset).FindProblems(size).Count == 0, mends))
        {
            MendDescriptor(map, size, mends);
            CheckContent(map, remaining);
        }

        foreach (PoolProblem problem in remaining.Where(p => p.Offset >= LogDescriptor.DataOffset))
            mends.Add(PoolMend.NotMended(problem, "the medium lost these bytes: restore them from a backup"));
        remaining.AddRange(mends.Where(mend => !mend.IsMended && !remaining.Contains(mend.Problem)).Select(mend => mend.Problem).ToArray());
        return new PoolRepairResult(mends, remaining);
    }

    private static void MendDescriptor(PersistentMap map, long size, List<PoolMend> mends)
    {
        foreach (PmemFormatException problem in map.Read<LogDescriptor>(LogDescriptor.Offset).FindProblems(size))
        {
            (ulong value, string remedy) = problem.Offset switch
            {
                LogDescriptor.Offset => ((ulong)LogDescriptor.DataOffset, "wrote the only offset there can be"),
                LogDescriptor.WriteOffsetField => ((ulong)size, "set it to the end of the pool, so that no byte is cut off; rewind the log, or append nothing, once you have read what you need"),
                _ => ((ulong)size, "wrote the pool's size"),
            };
            map.StoreUInt64(problem.Offset, value);
            map.Persist(problem.Offset, sizeof(ulong));
            mends.Add(PoolMend.Mended(PoolProblem.Of(problem), remedy));
        }
    }
}
