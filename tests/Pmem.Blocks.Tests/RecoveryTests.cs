using System.Runtime.InteropServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests;

/// <summary>What opening finishes, restores and refuses.</summary>
public sealed class RecoveryTests
{
    /// <summary>A pool in which a write of block 3 got as far as its record: the map still has the old block.</summary>
    private static (BlockPool Pool, byte[] New) Interrupted(out byte[] old)
    {
        BlockPool pool = TestPools.New(512);
        old = TestPools.Content(512, 3, 1);
        pool.Write(3, old);
        uint before = pool.Map.Read<uint>(TestPools.MapAt(pool, 3));
        byte[] content = TestPools.Content(512, 3, 2);
        pool.Write(3, content);
        pool.Map.Store(TestPools.MapAt(pool, 3), before);
        return (pool, content);
    }

    [Fact]
    public void A_write_with_a_durable_record_is_completed()
    {
        (BlockPool pool, byte[] content) = Interrupted(out _);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(1, again.Table.RecoveredWrites);
        Assert.Equal(content, TestPools.Read(again, 3));
        using BlockPool third = TestPools.Reopen(again);
        Assert.Equal(0, third.Table.RecoveredWrites);
    }

    [Fact]
    public void A_read_only_device_reads_what_recovery_would_leave_and_changes_nothing()
    {
        (BlockPool pool, byte[] content) = Interrupted(out _);
        using BlockPool reader = TestPools.Reopen(pool, new BlockDeviceOptions { ReadOnly = true });
        Assert.Equal(content, TestPools.Read(reader, 3));
        Assert.Equal(pool.Map.Read<uint>(TestPools.MapAt(pool, 3)), reader.Map.Read<uint>(TestPools.MapAt(reader, 3)));
    }

    [Fact]
    public void A_write_without_its_commit_word_did_not_happen()
    {
        (BlockPool pool, _) = Interrupted(out byte[] old);

        // Lane 1 wrote the second version; its current half, the second, loses its sequence number.
        long half = TestPools.FlogAt(pool, 1) + BttLayout.FlogHalfSize;
        Assert.Equal(2u, pool.Map.Read<FlogHalf>(half).Sequence);
        pool.Map.StoreUInt64(half + 8, 0);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(0, again.Table.RecoveredWrites);
        Assert.Equal(old, TestPools.Read(again, 3));
    }

    [Fact]
    public void A_damaged_info_block_is_restored_from_its_copy()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        byte[] info = pool.Map.GetSpan(BlockPool.DataPosition, BttInfo.Size).ToArray();
        pool.Map.Fill(BlockPool.DataPosition, 0, BttInfo.Size);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(1, again.Table.RestoredInfoBlocks);
        Assert.Equal(TestPools.Content(512, 3, 1), TestPools.Read(again, 3));
        Assert.Equal(info, again.Map.GetSpan(BlockPool.DataPosition, BttInfo.Size).ToArray());
    }

    [Fact]
    public void A_damaged_copy_is_restored_from_the_info_block()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        long copy = TestPools.CopyAt(pool);
        pool.Map.Fill(copy, 0x33, 100);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(1, again.Table.RestoredInfoBlocks);
        Assert.Equal(again.Map.GetSpan(BlockPool.DataPosition, BttInfo.Size).ToArray(), again.Map.GetSpan(copy, BttInfo.Size).ToArray());
    }

    [Fact]
    public void A_pool_that_lost_both_info_blocks_is_not_taken_for_an_empty_one()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        long copy = TestPools.CopyAt(pool);
        pool.Map.Fill(copy, 0, BttInfo.Size);
        pool.Map.Fill(BlockPool.DataPosition, 0, BttInfo.Size);
        Assert.Throws<PmemFormatException>(() => TestPools.Reopen(pool));
    }

    [Fact]
    public void An_error_mark_alone_keeps_a_pool_from_being_taken_for_empty()
    {
        using BlockPool pool = TestPools.New(512);
        pool.SetError(3);
        long copy = TestPools.CopyAt(pool);
        pool.Map.Fill(copy, 0, BttInfo.Size);
        pool.Map.Fill(BlockPool.DataPosition, 0, BttInfo.Size);
        Assert.Throws<PmemFormatException>(() => TestPools.Reopen(pool));
    }

    [Fact]
    public void Another_parent_uuid_is_refused()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        BttInfo info = TestPools.Info(pool);
        info.ParentUuid++;
        info.Checksum = info.ComputeChecksum();
        long copy = TestPools.CopyAt(pool);
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<BttInfo>(in info));
        TestPools.Patch(pool.Map, BlockPool.DataPosition, bytes);
        TestPools.Patch(pool.Map, copy, bytes);
        Assert.Contains("parent", Assert.Throws<PmemFormatException>(() => TestPools.Reopen(pool)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_error_flag_makes_an_arena_read_only()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        BttInfo info = TestPools.Info(pool);
        info.Flags = BttInfo.ErrorFlag;
        info.Checksum = info.ComputeChecksum();

        // Only the copy, which is what a crash while the flag is set leaves.
        TestPools.Patch(pool.Map, TestPools.CopyAt(pool), MemoryMarshal.AsBytes(new ReadOnlySpan<BttInfo>(in info)));
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(TestPools.Content(512, 3, 1), TestPools.Read(again, 3));
        Assert.Single(again.Table.ArenaErrors);
        Assert.Equal(0, Assert.Throws<ArenaErrorException>(() => again.Write(3, new byte[512])).Arena);
        Assert.Throws<ArenaErrorException>(() => again.Zero(3));
        Assert.Throws<ArenaErrorException>(() => again.SetError(3));
        Assert.Equal(BttInfo.ErrorFlag, TestPools.Info(again).Flags);
    }

    [Theory]
    [InlineData(12, new byte[] { 2, 0, 0, 0 }, "sequence")]
    [InlineData(0, new byte[] { 255, 255, 255, 255 }, "speaks of block")]
    [InlineData(4, new byte[] { 255, 255, 255, 63 }, "internal blocks")]
    [InlineData(8, new byte[] { 255, 255, 255, 63 }, "internal blocks")]
    public void A_flog_that_makes_no_sense_leaves_the_arena_readable(int position, byte[] bytes, string reason)
    {
        using BlockPool pool = TestPools.New(512);
        for (uint i = 0; i < 40; i++)
            pool.Write(3, TestPools.Content(512, 3, i));

        // The current half of lane 0, whichever it is; for the sequence number, the other's value.
        long at = TestPools.FlogAt(pool, 0);
        FlogHalf first = pool.Map.Read<FlogHalf>(at);
        FlogHalf second = pool.Map.Read<FlogHalf>(at + 16);
        int current = FlogHalf.Current(first.Sequence, second.Sequence);
        if (position == 12)
            pool.Map.Store(at + (current * 16) + 12, current == 0 ? second.Sequence : first.Sequence);
        else
            TestPools.Patch(pool.Map, at + (current * 16) + position, bytes);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Equal(TestPools.Content(512, 3, 39), TestPools.Read(again, 3));
        Assert.Contains(reason, Assert.Throws<ArenaErrorException>(() => again.Write(3, new byte[512])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_lanes_with_one_free_block_are_found()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        FlogHalf other = pool.Map.Read<FlogHalf>(TestPools.FlogAt(pool, 9));
        pool.Map.Store(TestPools.FlogAt(pool, 8), other);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Contains("free block", Assert.Single(again.Table.ArenaErrors), StringComparison.Ordinal);
    }

    [Fact]
    public void A_map_entry_that_leads_outside_is_refused_when_it_is_used()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Write(3, TestPools.Content(512, 3, 1));
        pool.Map.Store(TestPools.MapAt(pool, 5), MapEntry.Normal | MapEntry.BlockMask);
        using BlockPool again = TestPools.Reopen(pool);
        Assert.Throws<PmemFormatException>(() => again.Read(5, new byte[512]));
        Assert.Throws<PmemFormatException>(() => again.Write(5, new byte[512]));
        Assert.Throws<PmemFormatException>(() => again.Zero(5));
        again.Write(3, TestPools.Content(512, 3, 2));
        Assert.Equal(TestPools.Content(512, 3, 2), TestPools.Read(again, 3));
    }

    [Theory]
    [InlineData(BttVariant.Pmdk)]
    [InlineData(BttVariant.Linux11)]
    [InlineData(BttVariant.Uefi20)]
    public void Bare_tables_of_every_variant_are_made_found_and_recovered(BttVariant variant)
    {
        const long Length = (17 << 20) + 4096;
        var format = BttFormat.Of(variant);
        using var map = PersistentMap.CreateAnonymous(Length + 8192);
        map.Fill(0, 0x77, map.Length);
        using (BlockTranslationTable table = BlockTranslationTable.Create(map, 8192, Length, format, 512))
        {
            for (uint i = 0; i < 300; i++)
                table.Write(i % 7, TestPools.Content(512, i % 7, i));

            // Never written blocks read what is there, as Linux has it, or zeros, as PMDK has it.
            Assert.Equal(variant == BttVariant.Pmdk ? 0 : 0x77, TestPools.Read(table, 100)[5]);
            table.Zero(100);
            Assert.Equal(0, TestPools.Read(table, 100)[5]);
        }

        map.Fill(8192 + format.InitialOffset, 0, BttInfo.Size);
        using BlockTranslationTable again = BlockTranslationTable.Open(map, 8192, Length);
        Assert.Equal(variant, again.Format.Variant);
        Assert.Equal(512, again.BlockSize);
        Assert.Equal(1, again.RestoredInfoBlocks);
        for (uint i = 294; i < 300; i++)
            Assert.Equal(TestPools.Content(512, i % 7, i), TestPools.Read(again, i % 7));
    }

    [Fact]
    public void Windows_that_are_too_small_or_outside_are_refused()
    {
        using var map = PersistentMap.CreateAnonymous(BttLayout.MinimumArena + 4096);
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockTranslationTable.Create(map, 0, BttLayout.MinimumArena, BttFormat.Linux11, 512));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockTranslationTable.Create(map, 8192, BttLayout.MinimumArena, BttFormat.Uefi20, 512));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockTranslationTable.Open(map, 0, map.Length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockTranslationTable.Open(map, 8, BttLayout.MinimumArena));
        Assert.Throws<PmemFormatException>(() => BlockTranslationTable.Open(map, 0, map.Length));
        using BlockTranslationTable table = BlockTranslationTable.Create(map, 0, map.Length, BttFormat.Linux11, 512);
        Assert.Equal(1, table.ArenaCount);
    }

    [Fact]
    public void Flogs_of_old_Linux_kernels_with_their_second_half_at_32_are_used()
    {
        const long Length = 17 << 20;
        using var map = PersistentMap.CreateAnonymous(Length);
        long flog;
        using (BlockTranslationTable table = BlockTranslationTable.Create(map, 0, Length, BttFormat.Uefi20, 512, options: new BlockDeviceOptions { Lanes = 4 }))
        {
            flog = (long)map.Read<BttInfo>(0).FlogOffset;
            for (uint i = 0; i < 10; i++)
                table.Write(i % 3, TestPools.Content(512, i % 3, i));
        }

        for (int lane = 0; lane < 256; lane++)
        {
            FlogHalf second = map.Read<FlogHalf>(flog + (lane * 64) + 16);
            map.Store(flog + (lane * 64) + 32, second);
            map.Store(flog + (lane * 64) + 16, default(FlogHalf));
        }

        using (BlockTranslationTable again = BlockTranslationTable.Open(map, 0, Length, options: new BlockDeviceOptions { Lanes = 4 }))
        {
            Assert.Empty(again.ArenaErrors);
            for (uint i = 7; i < 10; i++)
                Assert.Equal(TestPools.Content(512, i % 3, i), TestPools.Read(again, i % 3));
            for (uint i = 10; i < 30; i++)
                again.Write(i % 3, TestPools.Content(512, i % 3, i));
        }

        Assert.False(map.GetSpan(flog + 16, 16).ContainsAnyExcept((byte)0));
        using BlockTranslationTable third = BlockTranslationTable.Open(map, 0, Length);
        Assert.Equal(TestPools.Content(512, 2, 29), TestPools.Read(third, 2));
    }
}
