using System.Runtime.InteropServices;

namespace Pmem.Blocks.Layout;

/// <summary>One half of a flog entry: the last or the next to last write that used the entry's free block.</summary>
[StructLayout(LayoutKind.Explicit, Size = BttLayout.FlogHalfSize)]
public struct FlogHalf
{
    /// <summary>External block, in the arena, that was written.</summary>
    [FieldOffset(0)]
    public uint Block;

    /// <summary>Its map entry before: the block that the write freed.</summary>
    [FieldOffset(4)]
    public uint OldMap;

    /// <summary>Its map entry after.</summary>
    [FieldOffset(8)]
    public uint NewMap;

    /// <summary>1, 2, 3, 1 …: the half whose number follows the other's is the later one; 0 was never written.</summary>
    [FieldOffset(12)]
    public uint Sequence;

    /// <summary>The sequence number that follows.</summary>
    public static uint Next(uint sequence) => sequence >= 3 ? 1 : sequence + 1;

    /// <summary>
    /// Which of two halves is current: 0 or 1; -1 when the numbers make no sense (equal, or above 3), as no writer leaves them.
    /// </summary>
    public static int Current(uint first, uint second)
    {
        if (first == second || first > 3 || second > 3)
            return -1;
        if (first == 0)
            return 1;
        if (second == 0)
            return 0;
        return Next(first) == second ? 1 : 0;
    }
}
