using System.Runtime.CompilerServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>
/// Opening: every arena's info block, restored from its copy when it is damaged (UEFI 2.7 section 6.3.3; PMDK takes such a table for an empty
/// one and destroys it with the next write), then the flogs, whose unfinished writes are completed.
/// </content>
public sealed unsafe partial class BlockTranslationTable
{
    /// <summary>Opens the table in a window of a map; the map stays the caller's.</summary>
    /// <param name="map">The memory.</param>
    /// <param name="offset">First byte of the namespace.</param>
    /// <param name="length">Bytes of the namespace.</param>
    /// <param name="format">Which program's rules; null finds out.</param>
    /// <param name="parentUuid">Uuid of the namespace, as bytes on media, that the table must have; null accepts any.</param>
    /// <param name="options">How to open.</param>
    /// <exception cref="PmemFormatException">There is no usable table; says what is wrong and where.</exception>
    public static BlockTranslationTable Open(
        PersistentMap map, long offset, long length, BttFormat? format = null, UInt128? parentUuid = null, BlockDeviceOptions? options = null)
    {
        DemandWindow(map, offset, length);
        format ??= BttDetection.FindFormat(map, offset, length)
            ?? throw new PmemFormatException("BTT info block", offset, "an intact info block or copy of it at offset 0 or 4096 of the namespace", "none");
        var table = new BlockTranslationTable(map, offset, length, format, BttDetection.FindBlockSize(map, offset, length, format), parentUuid, knownZero: false, options ?? BlockDeviceOptions.Default);
        table.TryOpenLayout(mayBeEmpty: false);
        return table;
    }

    /// <summary>Opens the table of a PMDK pool, which is laid out by the first write; until then all blocks are zero.</summary>
    internal static BlockTranslationTable OpenOrCreate(PersistentMap map, long offset, long length, int blockSize, UInt128 parentUuid, bool knownZero, BlockDeviceOptions options)
    {
        DemandWindow(map, offset, length);
        var table = new BlockTranslationTable(map, offset, length, BttFormat.Pmdk, blockSize, parentUuid, knownZero, options);
        if (!table.TryOpenLayout(mayBeEmpty: true))
            table.BlockCount = table.PlanArenas().Sum(plan => (long)plan.Geometry.ExternalBlocks);

        return table;
    }

    internal static void DemandWindow(PersistentMap map, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (offset < 0 || (offset & 63) != 0 || length < BttLayout.MinimumArena || length > map.Length - offset)
            throw new ArgumentOutOfRangeException(nameof(length), $"a namespace of {length} bytes at {offset} is no window of a map of {map.Length} bytes, or smaller than {BttLayout.MinimumArena}");
    }

    /// <summary>Reads info blocks and flogs; false when there never was a layout.</summary>
    private bool TryOpenLayout(bool mayBeEmpty)
    {
        var found = new List<FoundArena>();
        for (long start = 0; ;)
        {
            if (FindArena(start, out PmemFormatException? problem) is not { } arena)
            {
                if (mayBeEmpty && WasNeverLaidOut(found))
                    return false;
                throw problem!;
            }

            found.Add(arena);
            if (arena.Info.NextOffset == 0)
                break;
            start += (long)arena.Info.NextOffset;
        }

        var arenas = new Arena[found.Count];
        for (int i = 0; i < arenas.Length; i++)
        {
            FoundArena arena = found[i];
            RestoreInfo(in arena);
            arenas[i] = new Arena(i, _offset + arena.Start, in arena.Info, MaximumLanes);
            if ((arena.Info.Flags & BttInfo.ErrorFlag) != 0)
                arenas[i].Error = "the error flag is set in its info block";
            ReadFlog(arenas[i]);
        }

        BlockCount = found.Sum(arena => (long)arena.Info.ExternalBlocks);
        _arenas = arenas;
        return true;
    }

    /// <summary>
    /// Whether the first layout was never written, or interrupted. PMDK lays out one arena after the other, so some may have their info blocks:
    /// then no block was ever written in any.
    /// </summary>
    private bool WasNeverLaidOut(List<FoundArena> found)
    {
        int i = 0;
        foreach ((long start, ArenaGeometry geometry, _) in PlanArenas())
        {
            bool unused = i++ < found.Count
                ? BttDetection.IsUnused(_map, _offset + start + geometry.FlogOffset, in geometry)
                : BttDetection.WasNeverUsed(_map, _offset + start, in geometry, _parentUuid, _knownZero);
            if (!unused)
                return false;
        }

        return true;
    }

    /// <summary>The info block of an arena, or its copy when it is damaged.</summary>
    private FoundArena? FindArena(long start, out PmemFormatException? problem)
    {
        long available = _length - start;
        BttInfo primary = BttDetection.ReadInfo(_map, _offset + start);
        problem = BttInfoValidation.FindProblem(in primary, _offset + start, available, _parentUuid, BlockSize);
        if (problem is not null)
        {
            // An intact block that is refused, say for its block size, is a fact and not damage.
            bool isForeign = _parentUuid is { } parent && primary.ParentUuid != parent;
            if (primary.IsIntact && !isForeign)
                throw problem;
            return BttDetection.FindCopy(_map, _offset + start, available, in primary, _parentUuid, BlockSize) is { } restored
                ? new FoundArena(start, restored, PrimaryIsBad: true, CopyIsBad: false)
                : null;
        }

        BttInfo copy = BttDetection.ReadInfo(_map, _offset + start + (long)primary.InfoOffset);
        bool differs = !BttInfo.Bytes(in primary).SequenceEqual(BttInfo.Bytes(in copy));

        // The error flag is set in the copy first: a crash between leaves it there alone.
        if (differs && copy.IsIntact && (copy.Flags & BttInfo.ErrorFlag) != 0 && copy.Uuid == primary.Uuid)
        {
            primary.Flags |= BttInfo.ErrorFlag;
            primary.Checksum = primary.ComputeChecksum();
            return new FoundArena(start, primary, PrimaryIsBad: true, CopyIsBad: true);
        }

        return new FoundArena(start, primary, PrimaryIsBad: false, differs);
    }

    private void RestoreInfo(in FoundArena arena)
    {
        if (IsReadOnly || (!arena.PrimaryIsBad && !arena.CopyIsBad))
            return;
        long start = _offset + arena.Start;
        if (arena.CopyIsBad)
            StoreInfo(start + (long)arena.Info.InfoOffset, in arena.Info);
        if (arena.PrimaryIsBad)
            StoreInfo(start, in arena.Info);
        RestoredInfoBlocks++;
    }

    private void StoreInfo(long at, in BttInfo info) => _map.Copy(at, BttInfo.Bytes(in info));

    private void ReadFlog(Arena arena)
    {
        FlogReader.DetectHalves(_map, arena);
        var free = new HashSet<uint>();
        for (uint i = 0; i < arena.FreeBlocks; i++)
        {
            int half = FlogReader.Read(_map, arena, i, out FlogHalf current, out string? problem);
            if (problem is not null)
            {
                arena.Error ??= problem;
                continue;
            }

            uint freeBlock = current.OldMap & MapEntry.BlockMask;
            if (i < arena.Lanes.Length)
            {
                if (!free.Add(freeBlock))
                    arena.Error ??= $"two flog entries have the free block {freeBlock}";
                arena.Lanes[i] = new LaneState { FreeBlock = freeBlock, Sequence = current.Sequence, NextHalf = 1 - half };
                if (MapEntry.IsError(current.OldMap) && !IsReadable(arena, freeBlock))
                {
                    arena.Lanes[i].Taken = 1;
                    RetireLane(arena);
                }
            }

            CompleteWrite(arena, in current);
        }
    }

    /// <summary>Completes a write whose record is durable and whose map entry is not. Idempotent: done again, it finds the entry changed.</summary>
    private void CompleteWrite(Arena arena, in FlogHalf flog)
    {
        if ((flog.OldMap & MapEntry.BlockMask) == (flog.NewMap & MapEntry.BlockMask))
            return;
        uint entry = _map.Read<uint>(arena.EntryOffset(flog.Block));
        uint mapped = MapEntry.BlockOf(entry, flog.Block);
        if (mapped == (flog.NewMap & MapEntry.BlockMask) || mapped != (flog.OldMap & MapEntry.BlockMask))
            return;
        RecoveredWrites++;
        uint completed = (flog.NewMap & MapEntry.BlockMask) | MapEntry.Normal;
        if (IsReadOnly)
        {
            // Nothing may be stored: readers ask here instead of the map.
            _completed ??= [];
            _completed[(arena.Index, flog.Block)] = completed;
            return;
        }

        _map.Store(arena.EntryOffset(flog.Block), completed);
        _map.Persist(arena.EntryOffset(flog.Block), BttLayout.MapEntrySize);
    }

    /// <summary>The map entry of a block, as recovery would leave it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint ReadEntry(Arena arena, uint block)
    {
        // SAFETY: validation of the info block proved that the map lies in the window; block is below ExternalBlocks.
        uint entry = Volatile.Read(ref *(uint*)(_map.Pointer + arena.MapOffset + ((long)block * BttLayout.MapEntrySize)));
        return _completed is null ? entry : ReadCompleted(arena, block, entry);
    }

    private uint ReadCompleted(Arena arena, uint block, uint entry) => _completed!.TryGetValue((arena.Index, block), out uint completed) ? completed : entry;

    private readonly record struct FoundArena(long Start, BttInfo Info, bool PrimaryIsBad, bool CopyIsBad)
    {
        public readonly BttInfo Info = Info;
    }
}
