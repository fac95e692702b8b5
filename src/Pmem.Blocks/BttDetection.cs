using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <summary>Looks for info blocks and their copies in a window that may hold anything.</summary>
internal static class BttDetection
{
    /// <summary>Reads an info block; bytes that cannot be read, or are outside the map, count as zeros.</summary>
    public static BttInfo ReadInfo(PersistentMap map, long at)
    {
        Span<byte> bytes = stackalloc byte[BttInfo.Size];
        if (at < 0 || at > map.Length - BttInfo.Size || !map.TryRead(at, bytes))
            return default;
        return BttInfo.Read(bytes);
    }

    /// <summary>Which variant lies in a window, from the first intact info block or copy; null when there is none.</summary>
    public static BttFormat? FindFormat(PersistentMap map, long offset, long length)
    {
        foreach (int initial in (ReadOnlySpan<int>)[0, BttFormat.Linux11.InitialOffset])
        {
            BttInfo info = ReadInfo(map, offset + initial);
            if (!info.IsIntact)
            {
                if (FindCopy(map, offset + initial, length - initial, in info, parentUuid: null, blockSize: 0) is not { } copy)
                    continue;
                info = copy;
            }

            if (info.Major == 2)
                return initial == 0 ? BttFormat.Uefi20 : null;
            return initial == 0 ? BttFormat.Pmdk : BttFormat.Linux11;
        }

        return null;
    }

    /// <summary>The external block size of a table; 512 when it cannot be found.</summary>
    public static int FindBlockSize(PersistentMap map, long offset, long length, BttFormat format)
    {
        BttInfo info = ReadInfo(map, offset + format.InitialOffset);
        if (!info.IsIntact && FindCopy(map, offset + format.InitialOffset, length - format.InitialOffset, in info, parentUuid: null, blockSize: 0) is { } copy)
            info = copy;
        return info.IsIntact && info.ExternalBlockSize is > 0 and <= BttLayout.MaximumBlockSize ? (int)info.ExternalBlockSize : format.MinimumInternalSize;
    }

    /// <summary>
    /// The copy of a damaged info block: in the last page of the largest arena that fits, or where the damaged block itself says, if that much of
    /// it is left, or in the last page of the window.
    /// </summary>
    public static BttInfo? FindCopy(PersistentMap map, long start, long available, in BttInfo damaged, UInt128? parentUuid, int blockSize)
    {
        long expected = (Math.Min(available, BttLayout.MaximumArena) & -BttLayout.Alignment) - BttInfo.Size;
        long claimed = damaged.InfoOffset <= (ulong)expected ? (long)damaged.InfoOffset : expected;
        foreach (long at in (ReadOnlySpan<long>)[expected, claimed])
        {
            BttInfo copy = ReadInfo(map, start + at);
            if (at > 0 && (long)copy.InfoOffset == at && BttInfoValidation.FindProblem(in copy, start + at, available, parentUuid, blockSize) is null)
                return copy;
        }

        return null;
    }

    /// <summary>
    /// Whether nothing says that an arena without an info block was ever used: its flog records no write. Where the media is known to have been
    /// zero at first, its flog and map must be as a new layout has them, or zero.
    /// </summary>
    /// <param name="map">The memory.</param>
    /// <param name="start">First byte of the arena.</param>
    /// <param name="geometry">Its geometry.</param>
    /// <param name="parentUuid">The uuid of the pool.</param>
    /// <param name="knownZero">Whether the media was zero at first.</param>
    public static bool WasNeverUsed(PersistentMap map, long start, in ArenaGeometry geometry, UInt128? parentUuid, bool knownZero)
    {
        if (!knownZero)
        {
            BttInfo primary = ReadInfo(map, start);
            bool isForeign = primary.IsIntact && parentUuid is { } parent && primary.ParentUuid != parent;
            return isForeign || StateOf(map, start + geometry.FlogOffset, in geometry) != FlogState.Used;
        }

        return StateOf(map, start + geometry.FlogOffset, in geometry) == FlogState.Unused && IsZero(map, start + geometry.MapOffset, geometry.FlogOffset - geometry.MapOffset);
    }

    /// <summary>Whether a flog is as it was made, or zero.</summary>
    public static bool IsUnused(PersistentMap map, long flog, in ArenaGeometry geometry) => StateOf(map, flog, in geometry) == FlogState.Unused;

    private static FlogState StateOf(PersistentMap map, long flog, in ArenaGeometry geometry)
    {
        bool unused = true;
        for (uint i = 0; i < geometry.FreeBlocks; i++)
        {
            FlogHalf first = map.Read<FlogHalf>(flog + ((long)i * BttLayout.FlogEntrySize));
            FlogHalf second = map.Read<FlogHalf>(flog + ((long)i * BttLayout.FlogEntrySize) + BttLayout.FlogHalfSize);
            if (IsAsMade(in first, i, geometry.ExternalBlocks + i) && second is { Block: 0, OldMap: 0, NewMap: 0, Sequence: 0 })
                continue;
            unused = false;
            int half = FlogHalf.Current(first.Sequence, second.Sequence);
            FlogHalf current = half == 1 ? second : first;
            if (half < 0 || FlogReader.FindProblem(i, in current, geometry.ExternalBlocks, geometry.InternalBlocks) is not null)
                return FlogState.Garbage;
        }

        return unused ? FlogState.Unused : FlogState.Used;
    }

    // A layout that was interrupted leaves any of the words of an entry.
    private static bool IsAsMade(in FlogHalf half, uint index, uint free) =>
        (half.Block == 0 || half.Block == index) && IsZeroOr(half.OldMap, free) && IsZeroOr(half.NewMap, free) && half.Sequence <= 1;

    private static bool IsZeroOr(uint entry, uint free) => entry == 0 || (entry & MapEntry.BlockMask) == free;

    private static bool IsZero(PersistentMap map, long at, long length)
    {
        const int Slice = 1 << 20;
        for (long done = 0; done < length; done += Slice)
        {
            if (map.GetSpan(at + done, (int)Math.Min(Slice, length - done)).ContainsAnyExcept((byte)0))
                return false;
        }

        return true;
    }

    private enum FlogState
    {
        Unused,
        Used,
        Garbage,
    }
}
