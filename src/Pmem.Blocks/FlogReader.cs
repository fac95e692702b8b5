using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <summary>Reads flog entries from media that may hold anything.</summary>
internal static class FlogReader
{
    private const int LegacySecondHalf = 2 * BttLayout.FlogHalfSize;

    /// <summary>
    /// Finds out where second halves are. Linux before 4.15 wrote them at 32 instead of 16; the place that is not used is zero in all entries.
    /// </summary>
    public static void DetectHalves(PersistentMap map, Arena arena)
    {
        bool modern = false;
        bool legacy = false;
        for (uint i = 0; i < arena.FreeBlocks && !modern; i++)
        {
            long at = arena.FlogOffset + ((long)i * BttLayout.FlogEntrySize);
            modern |= map.GetSpan(at + BttLayout.FlogHalfSize, BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0);
            legacy |= map.GetSpan(at + LegacySecondHalf, BttLayout.FlogHalfSize).ContainsAnyExcept((byte)0);
        }

        arena.SecondHalf = legacy && !modern ? LegacySecondHalf : BttLayout.FlogHalfSize;
    }

    /// <summary>Reads the current half of an entry; returns which one it is, or says what is wrong.</summary>
    public static int Read(PersistentMap map, Arena arena, uint index, out FlogHalf current, out string? problem)
    {
        long at = arena.FlogOffset + ((long)index * BttLayout.FlogEntrySize);
        FlogHalf first = map.Read<FlogHalf>(at);
        FlogHalf second = map.Read<FlogHalf>(at + arena.SecondHalf);
        int half = FlogHalf.Current(first.Sequence, second.Sequence);
        current = half == 1 ? second : first;
        problem = half < 0
            ? $"flog entry {index} has the sequence numbers {first.Sequence} and {second.Sequence}, which no write leaves"
            : FindProblem(index, in current, arena.ExternalBlocks, arena.InternalBlocks);
        return half;
    }

    /// <summary>Why a half cannot be believed, or null.</summary>
    public static string? FindProblem(uint index, in FlogHalf half, uint externalBlocks, uint internalBlocks)
    {
        if (half.Block >= externalBlocks)
            return $"flog entry {index} speaks of block {half.Block}; the arena has {externalBlocks}";
        uint old = half.OldMap & MapEntry.BlockMask;
        uint replaced = half.NewMap & MapEntry.BlockMask;
        return old >= internalBlocks || replaced >= internalBlocks ? $"flog entry {index} speaks of internal blocks {old} and {replaced}; the arena has {internalBlocks}" : null;
    }
}
