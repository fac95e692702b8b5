using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests;

/// <summary>The first invariant of a table, computed here from the bytes: every internal block is named once.</summary>
internal static class TableInvariants
{
    public static void Demand(BlockPool pool)
    {
        if (!pool.Table.IsLaidOut)
            return;
        BttInfo info = TestPools.Info(pool);
        var seen = new System.Collections.BitArray((int)info.InternalBlocks);
        ReadOnlySpan<uint> map = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(pool.Map.GetSpan(BlockPool.DataPosition + (long)info.MapOffset, (int)info.ExternalBlocks * 4));
        for (uint i = 0; i < info.ExternalBlocks; i++)
            Mark(seen, MapEntry.BlockOf(map[(int)i], i), $"map entry {i}");
        for (int i = 0; i < info.FreeBlocks; i++)
        {
            FlogHalf first = pool.Map.Read<FlogHalf>(TestPools.FlogAt(pool, i));
            FlogHalf second = pool.Map.Read<FlogHalf>(TestPools.FlogAt(pool, i) + 16);
            int current = FlogHalf.Current(first.Sequence, second.Sequence);
            Assert.True(current >= 0, $"flog entry {i} has no current half");
            Mark(seen, (current == 0 ? first : second).OldMap & MapEntry.BlockMask, $"flog entry {i}");
        }

        Assert.True(seen.HasAllSet(), "an internal block is lost");
    }

    private static void Mark(System.Collections.BitArray seen, uint block, string who)
    {
        Assert.True(block < seen.Count, $"{who} leads outside");
        Assert.False(seen[(int)block], $"{who} names block {block}, as something else does");
        seen[(int)block] = true;
    }
}
