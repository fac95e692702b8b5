using System.Runtime.CompilerServices;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Blocks;

/// <content>Checking and repairing.</content>
public sealed partial class BlockPool
{
    /// <summary>
    /// Checks a block pool without changing a byte of it or locking it: header, block size, and the whole table (more than <c>pmemblk_check</c>,
    /// which takes a pool that lost its info block for an empty one).
    /// </summary>
    /// <param name="path">The pool file.</param>
    /// <param name="options">Progress, as <see cref="BttCheckOptions.Progress"/>; cancellation.</param>
    /// <exception cref="PmemException">The file cannot be read.</exception>
    public static PoolCheckResult Check(string path, PoolCheckOptions? options = null)
    {
        if (PoolSetFile.IsPoolSet(path))
            return CheckSet(path, options);
        using PersistentMap map = PersistentMap.Open(path, new PersistentMapOptions { Access = MapAccess.ReadOnly });
        return Check(map, options);
    }

    /// <summary>The headers of a set are judged together, by opening it.</summary>
    private static PoolCheckResult CheckSet(string path, PoolCheckOptions? options)
    {
        try
        {
            using PoolFile pool = PoolFile.Open(path, PoolKind.Block, new PoolOpenOptions { CopyOnWrite = true });
            return new PoolCheckResult(FindBlockSizeProblem(pool.Map) is { } badSize ? [badSize] : [.. Errors(CheckTable(pool.Map, options)).Select(ToProblem)]);
        }
        catch (PmemFormatException wrong) when (wrong.Offset >= 0)
        {
            return new PoolCheckResult([PoolProblem.Of(wrong)]);
        }
    }

    /// <summary>Checks the block pool in a map; changes nothing in it.</summary>
    /// <param name="map">The memory.</param>
    /// <param name="options">Progress, as <see cref="BttCheckOptions.Progress"/>; cancellation.</param>
    public static PoolCheckResult Check(PersistentMap map, PoolCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Length < MinimumPoolSize)
            return new PoolCheckResult([new PoolProblem(-1, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}")]);
        var problems = new List<PoolProblem>();
        PoolHeader header = map.Read<PoolHeader>(0);
        PmemFormatException? wrong = PoolValidation.FindProblem(in header, PoolKind.Block);
        if (wrong is not null)
            problems.Add(PoolProblem.Of(wrong));
        if (FindBlockSizeProblem(map) is { } badSize)
            problems.Add(badSize);
        else if (wrong is null)
            problems.AddRange(Errors(CheckTable(map, options)).Select(ToProblem));
        return new PoolCheckResult(problems);
    }

    /// <summary>Checks the table of the pool in a map: its arenas in numbers, and what is wrong. The pool's header must be valid.</summary>
    /// <param name="map">The memory.</param>
    /// <param name="options">Progress, as <see cref="BttCheckOptions.Progress"/>; cancellation.</param>
    public static BttCheckResult CheckTable(PersistentMap map, PoolCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        return BttChecker.Check(map, DataPosition, (map.Length & -PoolFile.PageSize) - DataPosition, Known(map) with { Progress = options?.Progress, Cancellation = options?.Cancellation ?? default });
    }

    /// <summary>
    /// Mends a block pool (<c>pmempool check -r</c>): header, block size, info blocks, interrupted writes; and, if loss is accepted, map and flog
    /// entries that name no block of their own, for which blocks are marked as bad.
    /// </summary>
    /// <param name="path">The pool file or pool set file; nobody may have it open.</param>
    /// <param name="options">Dry run, backup, loss, progress, cancellation.</param>
    /// <exception cref="PmemException">A file is in use, cannot be accessed, or a part of the set is missing.</exception>
    public static PoolRepairResult Repair(string path, PoolRepairOptions? options = null)
    {
        options ??= new PoolRepairOptions();
        return PoolBackup.Finishing(path, options.BackupPath, "repair", () =>
        {
            if (PoolSetFile.IsPoolSet(path))
                return RepairParts(path, options);
            using PersistentMap map = RepairFile.Open(path, options, "repair");
            return Repair(map, options);
        });
    }

    /// <summary>Mends the block pool in a map. A repair that a crash interrupted is finished by doing it again.</summary>
    /// <param name="map">The memory.</param>
    /// <param name="options">Loss, progress, cancellation.</param>
    public static PoolRepairResult Repair(PersistentMap map, PoolRepairOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new PoolRepairOptions();
        var mends = new List<PoolMend>();
        if (map.Length < MinimumPoolSize)
        {
            var problem = new PoolProblem(-1, "pool size", $"at least {MinimumPoolSize} bytes", $"{map.Length}");
            return new PoolRepairResult([PoolMend.NotMended(problem, "bytes are missing: restore the file from a backup")], [problem]);
        }

        if (HeaderRepair.Run(map, PoolKind.Block, () => FindBlockSizeProblem(map) is null && CheckTable(map, CheckOptions(options)).IsConsistent, mends) && MendBlockSize(map, mends))
            MendTable(map, options, mends);
        return new PoolRepairResult(mends, Check(map, CheckOptions(options)).Problems);
    }

    private static PoolRepairResult RepairParts(string path, PoolRepairOptions options)
    {
        using RepairSet set = RepairSet.Open(path, PoolKind.Block, options, "repair");
        PersistentMap map = set.Maps[0];
        var mends = new List<PoolMend>();
        if (set.MendHeaders(() => FindBlockSizeProblem(map) is null && CheckTable(map, CheckOptions(options)).IsConsistent, mends) && MendBlockSize(map, mends))
        {
            MendTable(map, options, mends);
            return new PoolRepairResult(mends, [.. Errors(CheckTable(map, CheckOptions(options))).Select(ToProblem)]);
        }

        return new PoolRepairResult(mends, [.. mends.Where(mend => !mend.IsMended).Select(mend => mend.Problem)]);
    }

    private static void MendTable(PersistentMap map, PoolRepairOptions options, List<PoolMend> mends)
    {
        long length = (map.Length & -PoolFile.PageSize) - DataPosition;
        BttCheckOptions known = Known(map) with { Progress = options.Progress, Cancellation = options.Cancellation };
        BttFinding[] before = Errors(BttChecker.Check(map, DataPosition, length, known));
        BttRepairResult repair = BttRepair.Repair(map, DataPosition, length, new BttRepairOptions { Known = known, AcceptLoss = options.AcceptLoss });
        var left = Errors(repair.After).Select(finding => (finding.Rule, finding.Offset)).ToHashSet();
        foreach (BttFinding finding in before)
        {
            mends.Add(left.Contains((finding.Rule, finding.Offset))
                ? PoolMend.NotMended(ToProblem(finding), BttRepair.ObstacleOf(finding))
                : PoolMend.Mended(ToProblem(finding), BttRepair.RemedyOf(finding)));
        }
    }

    /// <summary>The descriptor's block size is also in every info block.</summary>
    private static bool MendBlockSize(PersistentMap map, List<PoolMend> mends)
    {
        if (FindBlockSizeProblem(map) is not { } problem)
            return true;
        BttInfo info = BttDetection.ReadInfo(map, DataPosition);
        long length = (map.Length & -PoolFile.PageSize) - DataPosition;
        UInt128? parent = Known(map).ParentUuid;
        BttInfo? told = BttInfoValidation.FindProblem(in info, DataPosition, length, parent, blockSize: 0) is null ? info : BttDetection.FindCopy(map, DataPosition, length, in info, parent, blockSize: 0);
        if (told is not { } copy)
        {
            mends.Add(PoolMend.NotMended(problem, "no info block tells the block size either: restore the file from a backup"));
            return false;
        }

        map.Store(BlockSizePosition, copy.ExternalBlockSize);
        map.Persist(BlockSizePosition, sizeof(uint));
        mends.Add(PoolMend.Mended(problem, $"wrote {copy.ExternalBlockSize}, which the info block says"));
        return true;
    }

    private static PoolProblem? FindBlockSizeProblem(PersistentMap map)
    {
        uint found = map.Read<uint>(BlockSizePosition);
        if (found is 0 or > BttLayout.MaximumBlockSize)
            return new PoolProblem(BlockSizePosition, "block size of the pool", $"1 to {BttLayout.MaximumBlockSize}", $"{found}");
        if (FindSizeProblem(map.Length, (int)found) is { } problem)
            return new PoolProblem(BlockSizePosition, "block size of the pool", "one with which the pool holds 512 blocks", $"{found}: {problem}");
        BttInfo info = BttDetection.ReadInfo(map, DataPosition);
        return info.IsIntact && info.ParentUuid == Known(map).ParentUuid && info.ExternalBlockSize != found
            ? new PoolProblem(BlockSizePosition, "block size of the pool", $"{info.ExternalBlockSize}, as in the info block", $"{found}")
            : null;
    }

    private static BttCheckOptions Known(PersistentMap map) => new()
    {
        Format = BttFormat.Pmdk,
        ParentUuid = Unsafe.BitCast<Guid, UInt128>(map.Read<PoolHeader>(0).PoolSetUuid),
        BlockSize = (int)Math.Min(map.Read<uint>(BlockSizePosition), int.MaxValue),
        MayBeEmpty = true,
        KnownZero = map.Read<uint>(IsZeroedPosition) != 0,
    };

    private static PoolCheckOptions CheckOptions(PoolRepairOptions options) => new() { Progress = options.Progress, Cancellation = options.Cancellation };

    private static BttFinding[] Errors(BttCheckResult result) => [.. result.Findings.Where(finding => finding.Severity == BttSeverity.Error)];

    private static PoolProblem ToProblem(BttFinding finding) => new(finding.Offset, $"{finding.What} in arena {finding.Arena}", finding.Expected, finding.Found);
}
