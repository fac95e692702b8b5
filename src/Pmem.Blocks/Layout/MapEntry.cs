namespace Pmem.Blocks.Layout;

/// <summary>The 4-byte map entry: two flags and the internal block that holds an external block.</summary>
public static class MapEntry
{
    /// <summary>With <see cref="Zero"/> clear: reading fails.</summary>
    public const uint Error = 0x4000_0000;

    /// <summary>With <see cref="Error"/> clear: reads as zeros.</summary>
    public const uint Zero = 0x8000_0000;

    /// <summary>Both flags: an ordinary block.</summary>
    public const uint Normal = Error | Zero;

    /// <summary>The internal block.</summary>
    public const uint BlockMask = 0x3FFF_FFFF;

    /// <summary>No flag: never written; the block has the number of the external one, whatever the other bits say.</summary>
    public static bool IsInitial(uint entry) => (entry & Normal) == 0;

    /// <summary>Whether reading fails.</summary>
    public static bool IsError(uint entry) => (entry & Normal) == Error;

    /// <summary>Whether it was set to zero.</summary>
    public static bool IsZero(uint entry) => (entry & Normal) == Zero;

    /// <summary>The internal block that an entry stands for.</summary>
    /// <param name="entry">The entry as read.</param>
    /// <param name="block">The external block, in the arena, whose entry it is.</param>
    public static uint BlockOf(uint entry, uint block) => IsInitial(entry) ? block : entry & BlockMask;
}
