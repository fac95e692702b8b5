using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Checking;

/// <summary>Examines a block translation table without changing a byte of it: info blocks and copies, geometry, map, flog.</summary>
public static class BttChecker
{
    /// <summary>Findings of one rule in one arena that are listed.</summary>
    internal const int ListedPerRule = 100;

    /// <summary>Checks the table in a window of a map.</summary>
    /// <param name="map">The memory; may be read-only.</param>
    /// <param name="offset">First byte of the namespace.</param>
    /// <param name="length">Bytes of the namespace.</param>
    /// <param name="options">What is known about the table; progress and cancellation.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static BttCheckResult Check(PersistentMap map, long offset, long length, BttCheckOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new BttCheckOptions();
        BlockTranslationTable.DemandWindow(map, offset, length);
        BttFormat? format = options.Format ?? BttDetection.FindFormat(map, offset, length);
        var findings = new Findings();
        if (format is null)
        {
            findings.Add("info-both", 0, offset, "info block", "an intact info block, or copy, at offset 0 or 4096", "none", BttRemedy.None);
            return findings.ToResult(isLaidOut: false, format: null, pending: 0, []);
        }

        return new Examination(map, offset + format.InitialOffset, length - format.InitialOffset, format, options, findings).Run();
    }

    /// <summary>Collects findings, up to a number of each rule in each arena.</summary>
    internal sealed class Findings
    {
        private readonly List<BttFinding> _all = [];
        private readonly Dictionary<(string Rule, int Arena), int> _counts = [];
        private long _unlisted;

        public void Add(string rule, int arena, long offset, string what, string expected, string found, BttRemedy remedy, BttSeverity severity = BttSeverity.Error)
        {
            int count = _counts.GetValueOrDefault((rule, arena)) + 1;
            _counts[(rule, arena)] = count;
            if (count <= ListedPerRule)
                _all.Add(new BttFinding(rule, severity, arena, offset, what, expected, found, remedy));
            else
                _unlisted++;
        }

        public BttCheckResult ToResult(bool isLaidOut, BttFormat? format, int pending, IReadOnlyList<BttArenaSummary> arenas) =>
            new() { Findings = _all, Unlisted = _unlisted, IsLaidOut = isLaidOut, Format = format, PendingWrites = pending, Arenas = arenas };
    }

    private sealed class Examination(PersistentMap map, long offset, long length, BttFormat format, BttCheckOptions options, Findings findings)
    {
        private const string Activity = "checking";

        private readonly List<BttArenaSummary> _arenas = [];
        private UInt128? _uuid;
        private int _pending;
        private bool _wasNeverLaidOut;

        public BttCheckResult Run()
        {
            for (long start = 0; ;)
            {
                if (FindInfo(start) is not { } info)
                    return findings.ToResult(!_wasNeverLaidOut, format, _pending, _arenas);
                CheckInfo(start, in info);
                CheckArena(start, in info);
                if (info.NextOffset == 0)
                    break;
                start += (long)info.NextOffset;
            }

            options.Progress?.Report(new PoolProgress(Activity, length, length));
            return findings.ToResult(isLaidOut: true, format, _pending, _arenas);
        }

        private int Number => _arenas.Count;

        private BttInfo? FindInfo(long start)
        {
            long available = length - start;
            BttInfo primary = BttDetection.ReadInfo(map, offset + start);
            PmemFormatException? problem = BttInfoValidation.FindProblem(in primary, offset + start, available, options.ParentUuid, options.BlockSize);
            if (problem is null)
            {
                BttInfo copy = BttDetection.ReadInfo(map, offset + start + (long)primary.InfoOffset);
                if (!BttInfo.Bytes(in primary).SequenceEqual(BttInfo.Bytes(in copy)))
                    findings.Add("info-copy", Number, offset + start + (long)primary.InfoOffset, "copy of the info block", "the info block's bytes", copy.IsIntact ? "another intact info block" : "a damaged one", BttRemedy.Safe);
                return primary;
            }

            bool isForeign = options.ParentUuid is { } parent && primary.IsIntact && primary.ParentUuid != parent;
            if (primary.IsIntact && !isForeign)
            {
                findings.Add("info-fields", Number, problem.Offset, problem.What, problem.Expected, problem.Found, BttRemedy.None);
                return null;
            }

            if (BttDetection.FindCopy(map, offset + start, available, in primary, options.ParentUuid, options.BlockSize) is { } restored)
            {
                findings.Add("info-primary", Number, problem.Offset, problem.What, problem.Expected, problem.Found, BttRemedy.Safe);
                return restored;
            }

            if (start == 0 && options.MayBeEmpty && IsNeverLaidOut())
            {
                _wasNeverLaidOut = true;
                return null;
            }

            findings.Add("info-both", Number, problem.Offset, problem.What, $"{problem.Expected}, here or in the copy", problem.Found, BttRemedy.LosesBlocks);
            return null;
        }

        private bool IsNeverLaidOut()
        {
            for (long start = 0; length - start >= BttLayout.MinimumArena; start += BttLayout.MaximumArena)
            {
                if (options.BlockSize == 0 || ArenaGeometry.FindProblem(format, length - start, options.BlockSize) is not null)
                    return false;
                var geometry = ArenaGeometry.Compute(format, length - start, options.BlockSize);
                if (!BttDetection.WasNeverUsed(map, offset + start, in geometry, options.ParentUuid, options.KnownZero))
                    return false;
            }

            return true;
        }

        private void CheckInfo(long start, in BttInfo info)
        {
            long at = offset + start;
            if (_uuid is { } uuid && info.Uuid != uuid)
                findings.Add("info-uuid", Number, at + 16, "uuid", "that of the first arena", "another", BttRemedy.None);
            _uuid ??= info.Uuid;
            if ((info.Flags & BttInfo.ErrorFlag) != 0)
                findings.Add("error-flag", Number, at + 48, "error flag", "0", "1: a write failed, and the arena can only be read", BttRemedy.LosesBlocks);
            if (info.Major != format.Major || info.Minor != format.Minor)
                findings.Add("info-version", Number, at + 52, "version", $"{format.Major}.{format.Minor} at this place", $"{info.Major}.{info.Minor}", BttRemedy.None);
            if (format.Variant != BttVariant.Pmdk && info.FreeBlocks < BttLayout.DefaultFreeBlocks)
                findings.Add("info-lanes", Number, at + 72, "free blocks", $"{BttLayout.DefaultFreeBlocks}, one for each lane, or Linux refuses the table", $"{info.FreeBlocks}", BttRemedy.None);
            if (ArenaGeometry.FindProblem(format, length - start, (int)info.ExternalBlockSize, info.FreeBlocks) is null)
            {
                var computed = ArenaGeometry.Compute(format, length - start, (int)info.ExternalBlockSize, info.FreeBlocks);
                if (computed.ExternalBlocks != info.ExternalBlocks || (ulong)computed.MapOffset != info.MapOffset || (ulong)computed.InfoOffset != info.InfoOffset
                    || computed.InternalBlocks != info.InternalBlocks || computed.InternalBlockSize != info.InternalBlockSize || (ulong)computed.FlogOffset != info.FlogOffset || info.DataOffset != ArenaGeometry.DataOffset
                    || (info.NextOffset != 0) != (length - start - computed.Length >= BttLayout.MinimumArena))
                {
                    findings.Add(
                        "info-layout", Number, at + 60, "geometry", $"{computed.ExternalBlocks} blocks, map at {computed.MapOffset}, copy at {computed.InfoOffset} in a namespace of this size",
                        $"{info.ExternalBlocks}, {info.MapOffset}, {info.InfoOffset}: it was made in one of another size, or by another program", BttRemedy.None, BttSeverity.Note);
                }
            }
        }

        private void CheckArena(long start, in BttInfo info)
        {
            var arena = new Arena(Number, offset + start, in info, lanes: 0);
            ArenaAnalysis analysis = ArenaAnalysis.Run(map, arena, new ArenaWalk(Activity, start, (long)info.InfoOffset + BttInfo.Size, length, options));
            if (analysis.Unreadable >= 0)
                findings.Add("media", Number, analysis.Unreadable, "map or flog", "readable media", "a media error", BttRemedy.None);
            else
                Report(arena, analysis);
            _pending += analysis.Pending.Count;
            _arenas.Add(new BttArenaSummary(offset + start, info, arena.SecondHalf, analysis.Kinds[0], analysis.Kinds[3], analysis.Kinds[2], analysis.Kinds[1]));
        }

        private void Report(Arena arena, ArenaAnalysis analysis)
        {
            if (arena.SecondHalf != BttLayout.FlogHalfSize)
                findings.Add("flog-legacy", Number, arena.FlogOffset, "flog", "second halves at 16", "at 32, as Linux before 4.15 wrote them", BttRemedy.None, BttSeverity.Note);
            foreach (uint entry in format.Variant == BttVariant.Pmdk ? [] : analysis.MixedFlog)
            {
                findings.Add(
                    "flog-padding", Number, arena.FlogOffset + (entry * (long)BttLayout.FlogEntrySize), $"flog entry {entry}", $"zeros beside the halves at 0 and {arena.SecondHalf}, as in all entries, or Linux refuses the table",
                    "other bytes", BttRemedy.LosesBlocks);
            }

            foreach ((uint block, uint replaced) in analysis.Pending)
                findings.Add("pending", Number, arena.EntryOffset(block), $"map entry of block {block}", $"internal block {replaced}, as the flog has it", "the one before: a write was interrupted", BttRemedy.Safe, BttSeverity.Note);
            foreach ((uint block, uint entry, bool isDuplicate) in analysis.BadEntries)
            {
                findings.Add(
                    isDuplicate ? "map-duplicate" : "map-range", Number, arena.EntryOffset(block), $"map entry of block {block}",
                    isDuplicate ? "an internal block of its own" : $"an internal block below {arena.InternalBlocks}",
                    isDuplicate ? $"{MapEntry.BlockOf(entry, block)}, which another block has" : $"{MapEntry.BlockOf(entry, block)}", BttRemedy.LosesBlocks);
            }

            foreach ((uint entry, string reason) in analysis.BadFlog)
                findings.Add("flog", Number, arena.FlogOffset + (entry * (long)BttLayout.FlogEntrySize), $"flog entry {entry}", "a current half with a free block of its own", reason, BttRemedy.LosesBlocks);
            foreach ((uint entry, uint block) in analysis.BadOtherHalves)
            {
                findings.Add(
                    "flog-other-half", Number, arena.FlogOffset + (entry * (long)BttLayout.FlogEntrySize), $"half of flog entry {entry} that is not current", $"a block below {arena.ExternalBlocks}, or PMDK refuses the table",
                    $"{block}", BttRemedy.Safe);
            }

            // A table may have more internal blocks than it needs; then some are nobody's.
            if ((ulong)arena.ExternalBlocks + arena.FreeBlocks != arena.InternalBlocks)
                return;
            foreach (uint block in analysis.LostBlocks())
                findings.Add("lost", Number, arena.BlockOffset(block), $"internal block {block}", "a map or flog entry that names it", "none", BttRemedy.LosesBlocks);
        }
    }
}
