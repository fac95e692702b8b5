using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Checking;

/// <summary>How a table is repaired.</summary>
public sealed record BttRepairOptions
{
    /// <summary>What is known about the table; progress; cancellation stops between two steps.</summary>
    public BttCheckOptions Known { get; init; } = new();

    /// <summary>Also do what loses the content of some blocks: without it only what is safe is mended.</summary>
    public bool AcceptLoss { get; init; }

    /// <summary>Uuid of the table, where no info block tells it; null makes one.</summary>
    public Guid? Uuid { get; init; }
}

/// <summary>What a repair did, and what is left.</summary>
/// <param name="Actions">One line for each thing that was mended, in order.</param>
/// <param name="After">A check of the result.</param>
public sealed record BttRepairResult(IReadOnlyList<string> Actions, BttCheckResult After);

/// <summary>
/// Mends a block translation table. Every step is a small durable change after which the table is no worse, and the steps are computed from what
/// is on media, so a repair that is killed is finished by the next one.
/// </summary>
public static class BttRepair
{
    /// <summary>Repairs the table in a window of a map. To see what would be done, give a copy-on-write map.</summary>
    /// <param name="map">The memory, writable.</param>
    /// <param name="offset">First byte of the namespace.</param>
    /// <param name="length">Bytes of the namespace.</param>
    /// <param name="options">What may be done.</param>
    /// <exception cref="PmemFormatException">There is no info block, and not enough is known to make one.</exception>
    public static BttRepairResult Repair(PersistentMap map, long offset, long length, BttRepairOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new BttRepairOptions();
        BttCheckOptions known = options.Known;
        BlockTranslationTable.DemandWindow(map, offset, length);
        BttFormat format = known.Format ?? BttDetection.FindFormat(map, offset, length)
            ?? throw new PmemFormatException("BTT info block", offset, "an intact info block or copy; or tell the version and the block size, so that it can be made", "none");

        BttCheckResult before = BttChecker.Check(map, offset, length, known with { Format = format });
        if (!before.IsLaidOut)
            return new BttRepairResult([], before);
        var run = new Run(map, offset + format.InitialOffset, length - format.InitialOffset, format, options);
        run.MendInfoBlocks();
        run.MendArenas();
        return new BttRepairResult(run.Actions, BttChecker.Check(map, offset, length, known with { Format = format }));
    }

    /// <summary>What is done about a finding.</summary>
    /// <param name="finding">The finding.</param>
    public static string RemedyOf(BttFinding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        return finding.Rule switch
        {
            "info-primary" => "restored the info block from its copy",
            "info-copy" => "wrote the copy again from the info block",
            "info-both" => "made the info block from the size of the namespace and the block size",
            "map-duplicate" => "marked both blocks as bad, because nobody knows whose content it is, and gave this one an internal block of its own",
            "map-range" => "gave the block an unused internal block and marked it as bad",
            "flog" => "made the entry anew with an unused internal block",
            "flog-other-half" => "cleared the half",
            "lost" => "gave it to an entry that had none",
            "error-flag" => "cleared the flag: map and flog are consistent",
            _ => "mended with the others",
        };
    }

    /// <summary>Why a finding is still there after a repair.</summary>
    /// <param name="finding">The finding.</param>
    public static string ObstacleOf(BttFinding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        return finding.Remedy switch
        {
            BttRemedy.LosesBlocks => "mending it can lose the content of blocks: allow that with --accept-loss, after a backup",
            BttRemedy.Safe => "it depends on what could not be mended",
            _ => finding.Rule == "media" ? "the medium lost these bytes: restore them from a backup" : "a program wrote it so: use that program, or restore a backup",
        };
    }

    private sealed class Run(PersistentMap map, long offset, long length, BttFormat format, BttRepairOptions options)
    {
        private const uint BlocksBetweenLooks = 1 << 16;

        private readonly List<(long Start, BttInfo Info)> _arenas = [];

        public List<string> Actions { get; } = [];

        public void MendInfoBlocks()
        {
            for (long start = 0; length - start >= BttLayout.MinimumArena;)
            {
                options.Known.Cancellation.ThrowIfCancellationRequested();
                if (MendInfo(start) is not { } info)
                    break;
                _arenas.Add((start, info));
                if (info.NextOffset == 0)
                    break;
                start += (long)info.NextOffset;
            }
        }

        public void MendArenas()
        {
            for (int i = 0; i < _arenas.Count; i++)
            {
                (long start, BttInfo info) = _arenas[i];
                var arena = new Arena(i, offset + start, in info, lanes: 0);
                ArenaAnalysis analysis = ArenaAnalysis.Run(map, arena, new ArenaWalk("mending", start, (long)info.InfoOffset + BttInfo.Size, length, options.Known));
                if (analysis.Unreadable >= 0)
                    continue;
                CompleteWrites(arena, analysis);
                MendOtherHalves(arena, analysis);
                if (!options.AcceptLoss)
                    continue;
                MendPadding(arena, analysis);
                MendEntries(arena, analysis);
                if ((info.Flags & BttInfo.ErrorFlag) != 0)
                    ClearErrorFlag(start, info, i);
            }
        }

        private BttInfo? MendInfo(long start)
        {
            long available = length - start;
            long at = offset + start;
            int number = _arenas.Count;
            BttInfo primary = BttDetection.ReadInfo(map, at);
            if (BttInfoValidation.FindProblem(in primary, at, available, options.Known.ParentUuid, options.Known.BlockSize) is null)
            {
                BttInfo copy = BttDetection.ReadInfo(map, at + (long)primary.InfoOffset);
                if (!BttInfo.Bytes(in primary).SequenceEqual(BttInfo.Bytes(in copy)))
                {
                    // The error flag is set in the copy first, so it may be there alone.
                    if (copy.IsIntact && copy.Uuid == primary.Uuid && (copy.Flags & BttInfo.ErrorFlag) != 0)
                        primary = WithFlags(primary, BttInfo.ErrorFlag);
                    Store(at + (long)primary.InfoOffset, in primary);
                    Store(at, in primary);
                    Actions.Add($"arena {number}: wrote the copy of the info block from the info block");
                }

                return primary;
            }

            if (BttDetection.FindCopy(map, at, available, in primary, options.Known.ParentUuid, options.Known.BlockSize) is { } restored)
            {
                Store(at, in restored);
                Actions.Add($"arena {number}: restored the info block from its copy");
                return restored;
            }

            return options.AcceptLoss && !primary.IsIntact ? MakeInfo(start) : null;
        }

        /// <summary>Computes an info block that is lost with its copy, as pmempool does from another arena's.</summary>
        private BttInfo? MakeInfo(long start)
        {
            long available = length - start;
            BttInfo? sibling = _arenas.Count > 0 ? _arenas[0].Info : null;
            int blockSize = sibling is { } other ? (int)other.ExternalBlockSize : options.Known.BlockSize;
            if (blockSize == 0 || ArenaGeometry.FindProblem(format, available, blockSize) is not null)
                return null;
            var geometry = ArenaGeometry.Compute(format, available, blockSize);
            UInt128 uuid = sibling?.Uuid ?? format.UuidBytes(options.Uuid ?? Guid.NewGuid());
            BttInfo info = geometry.ToInfo(format, uuid, sibling?.ParentUuid ?? options.Known.ParentUuid ?? default, available - geometry.Length);
            Store(offset + start + geometry.InfoOffset, in info);
            Store(offset + start, in info);
            Actions.Add($"arena {_arenas.Count}: made the info block from the size of the namespace and the block size {blockSize}");
            return info;
        }

        private void CompleteWrites(Arena arena, ArenaAnalysis analysis)
        {
            foreach ((uint block, uint holder) in analysis.Pending)
            {
                StoreEntry(arena, block, holder | MapEntry.Normal);
                Actions.Add($"arena {arena.Index}: completed the write of block {block}");
            }
        }

        /// <summary>A half that is not current means nothing, but PMDK reads it: zero is what a new entry has.</summary>
        private void MendOtherHalves(Arena arena, ArenaAnalysis analysis)
        {
            foreach ((uint entry, _) in analysis.BadOtherHalves)
            {
                int half = FlogReader.Read(map, arena, entry, out _, out _);
                StoreHalf(arena, entry, 1 - half, default);
                Actions.Add($"arena {arena.Index}: cleared the half of flog entry {entry} that is not current");
            }
        }

        /// <summary>Bytes beside the halves mean nothing to whoever knows where halves are, but Linux finds that out by the zeros.</summary>
        private void MendPadding(Arena arena, ArenaAnalysis analysis)
        {
            foreach (uint entry in analysis.MixedFlog)
            {
                for (int at = BttLayout.FlogHalfSize; at < BttLayout.FlogEntrySize; at += BttLayout.FlogHalfSize)
                {
                    if (at != arena.SecondHalf)
                        ClearHalf(arena.FlogOffset + ((long)entry * BttLayout.FlogEntrySize) + at);
                }

                Actions.Add($"arena {arena.Index}: cleared what was beside the halves of flog entry {entry}");
            }
        }

        private void ClearHalf(long at)
        {
            map.StoreUInt64(at, 0);
            map.StoreUInt64(at + sizeof(ulong), 0);
            map.Persist(at, BttLayout.FlogHalfSize);
        }

        private void MendEntries(Arena arena, ArenaAnalysis analysis)
        {
            // Of two blocks that share one, nobody knows whose the content is: both are marked, and the second gets another.
            foreach (uint block in analysis.Shared.Count > 0 ? FindFirstOwners(arena, analysis) : [])
            {
                uint holder = MapEntry.BlockOf(map.Read<uint>(arena.EntryOffset(block)), block);
                StoreEntry(arena, block, holder | MapEntry.Error);
                Actions.Add($"arena {arena.Index}: marked block {block} as bad: another one had the same place");
            }

            using IEnumerator<uint> lost = analysis.LostBlocks().GetEnumerator();
            foreach ((uint block, _, _) in analysis.BadEntries)
            {
                options.Known.Cancellation.ThrowIfCancellationRequested();
                if (!lost.MoveNext())
                    return;
                StoreEntry(arena, block, lost.Current | MapEntry.Error);
                Actions.Add($"arena {arena.Index}: gave block {block} the internal block {lost.Current} and marked it as bad");
            }

            foreach ((uint entry, _) in analysis.BadFlog)
            {
                options.Known.Cancellation.ThrowIfCancellationRequested();
                if (!lost.MoveNext())
                    return;
                uint free = lost.Current | (format.FlogHasFlags ? MapEntry.Zero : 0);
                StoreHalf(arena, entry, 1, default);
                StoreHalf(arena, entry, 0, new FlogHalf { Block = entry < arena.ExternalBlocks ? entry : 0, OldMap = free, NewMap = free, Sequence = 1 });
                Actions.Add($"arena {arena.Index}: gave flog entry {entry} the free block {lost.Current}");
            }
        }

        private List<uint> FindFirstOwners(Arena arena, ArenaAnalysis analysis)
        {
            var second = analysis.BadEntries.Select(bad => bad.Block).ToHashSet();
            var owners = new List<uint>();
            for (uint block = 0; block < arena.ExternalBlocks; block++)
            {
                if (block % BlocksBetweenLooks == 0)
                    options.Known.Cancellation.ThrowIfCancellationRequested();
                if (!second.Contains(block) && analysis.Shared.Contains(MapEntry.BlockOf(map.Read<uint>(arena.EntryOffset(block)), block)))
                    owners.Add(block);
            }

            return owners;
        }

        private void ClearErrorFlag(long start, BttInfo info, int number)
        {
            info.Flags &= ~BttInfo.ErrorFlag;
            info.Checksum = info.ComputeChecksum();
            Store(offset + start + (long)info.InfoOffset, in info);
            Store(offset + start, in info);
            Actions.Add($"arena {number}: cleared the error flag");
        }

        private static BttInfo WithFlags(BttInfo info, uint flags)
        {
            info.Flags |= flags;
            info.Checksum = info.ComputeChecksum();
            return info;
        }

        private void Store(long at, in BttInfo info) => map.Copy(at, BttInfo.Bytes(in info));

        private void StoreEntry(Arena arena, uint block, uint entry)
        {
            map.Store(arena.EntryOffset(block), entry);
            map.Persist(arena.EntryOffset(block), BttLayout.MapEntrySize);
        }

        /// <summary>Stores the words that mean something last, as a write does.</summary>
        private void StoreHalf(Arena arena, uint entry, int half, in FlogHalf value)
        {
            long at = arena.FlogOffset + ((long)entry * BttLayout.FlogEntrySize) + (half == 0 ? 0 : arena.SecondHalf);
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<FlogHalf, ulong>(new ReadOnlySpan<FlogHalf>(in value));
            map.StoreUInt64(at, words[0]);
            map.Persist(at, sizeof(ulong));
            map.StoreUInt64(at + sizeof(ulong), words[1]);
            map.Persist(at + sizeof(ulong), sizeof(ulong));
        }
    }
}
