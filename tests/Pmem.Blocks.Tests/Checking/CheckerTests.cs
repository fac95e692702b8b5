using System.Runtime.InteropServices;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Tests.Checking;

/// <summary>Each planted fault is found, and mended without harm to other blocks.</summary>
public sealed class CheckerTests
{
    private const uint Written = 60;

    private static BlockPool Prepared()
    {
        BlockPool pool = TestPools.New(512);
        for (uint i = 0; i < Written; i++)
            pool.Write(i, TestPools.Content(512, i, 1));
        for (uint i = 0; i < Written; i++)
            pool.Write(i, TestPools.Content(512, i, 2));
        pool.Zero(50);
        pool.SetError(51);
        pool.Flush();
        return pool;
    }

    [Fact]
    public void A_sound_pool_is_consistent_and_counted()
    {
        using BlockPool pool = Prepared();
        BttCheckResult result = BlockPool.CheckTable(pool.Map);
        Assert.Empty(result.Findings);
        BttArenaSummary arena = Assert.Single(result.Arenas);
        Assert.Equal((pool.BlockCount - Written, Written - 2L, 1L, 1L), (arena.Initial, arena.Normal, arena.Zero, arena.Bad));
        Assert.True(BlockPool.Check(pool.Map).IsConsistent);
    }

    [Fact]
    public void A_pool_that_was_never_written_is_consistent()
    {
        using BlockPool pool = TestPools.New(512);
        Assert.False(BlockPool.CheckTable(pool.Map).IsLaidOut);
        Assert.True(BlockPool.Check(pool.Map).IsConsistent);
        Assert.Empty(BlockPool.Repair(pool.Map).Mends);
        Assert.False(pool.Map.GetSpan(BlockPool.DataPosition, 4096).ContainsAnyExcept((byte)0));
    }

    public static TheoryData<string, bool, bool> Faults => new()
    {
        { "info-primary", false, true },
        { "info-copy", false, true },
        { "info-both", true, true },
        { "error-flag", true, true },
        { "map-range", true, false },
        { "map-duplicate", true, false },
        { "flog", true, true },
        { "flog-zero", true, true },
        { "flog-free-is-mapped", true, true },
        { "flog-other-half", false, true },
        { "block-size", false, true },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_planted_fault_is_found_and_mended(string fault, bool needsLoss, bool keepsAll)
    {
        using BlockPool pool = Prepared();
        using PersistentMap map = TestPools.CopyOf(pool.Map);
        Plant(pool, map, fault);
        PoolCheckResult check = BlockPool.Check(map);
        Assert.False(check.IsConsistent);
        if (fault.StartsWith("flog-", StringComparison.Ordinal) is false && fault != "block-size")
            Assert.Contains(BlockPool.CheckTable(map).Findings, finding => finding.Rule == fault);

        // Checking changes nothing, and what loses content is not done unasked.
        byte[] before = map.GetSpan(0, (int)map.Length).ToArray();
        BlockPool.Check(map);
        Assert.Equal(before, map.GetSpan(0, (int)map.Length).ToArray());
        PoolRepairResult careful = BlockPool.Repair(map);
        Assert.Equal(!needsLoss, careful.IsConsistent);
        if (needsLoss)
            Assert.Contains(careful.Mends, mend => mend.Obstacle!.Contains("--accept-loss", StringComparison.Ordinal));

        PoolRepairResult repaired = BlockPool.Repair(map, new PoolRepairOptions { AcceptLoss = true });
        Assert.True(repaired.IsConsistent, string.Join('\n', repaired.Remaining));
        BlockPool again = BlockPool.Open(map);
        Assert.Empty(again.Table.ArenaErrors);
        DemandContent(again, keepsAll ? [] : [7, 9]);
        TableInvariants.Demand(again);
        for (uint i = 0; i < Written; i++)
            again.Write(i, TestPools.Content(512, i, 3));
        Assert.True(BlockPool.Check(map).IsConsistent);
    }

    private static void Plant(BlockPool pool, PersistentMap map, string fault)
    {
        BttInfo info = TestPools.Info(pool);
        long flog = TestPools.FlogAt(pool, 3);
        FlogHalf first = map.Read<FlogHalf>(flog);
        FlogHalf second = map.Read<FlogHalf>(flog + 16);
        int current = FlogHalf.Current(first.Sequence, second.Sequence) * 16;
        switch (fault)
        {
            case "info-primary":
                map.Store(BlockPool.DataPosition + 60, 5u);
                break;
            case "info-copy":
                map.Fill(TestPools.CopyAt(pool), 0, 4096);
                break;
            case "info-both":
                map.Fill(TestPools.CopyAt(pool), 0, 4096);
                map.Fill(BlockPool.DataPosition, 3, 4096);
                break;
            case "error-flag":
                info.Flags = BttInfo.ErrorFlag;
                info.Checksum = info.ComputeChecksum();
                foreach (long at in (long[])[BlockPool.DataPosition, TestPools.CopyAt(pool)])
                    map.Copy(at, MemoryMarshal.AsBytes(new ReadOnlySpan<BttInfo>(in info)));
                break;
            case "map-range":
                map.Store(TestPools.MapAt(pool, 7), MapEntry.Normal | 0x3000_0000);
                break;
            case "map-duplicate":
                map.Store(TestPools.MapAt(pool, 9), map.Read<uint>(TestPools.MapAt(pool, 7)));
                break;
            case "flog":
                map.Store(flog + 12, second.Sequence);
                break;
            case "flog-zero":
                map.Fill(flog, 0, 64);
                break;
            case "flog-free-is-mapped":
                map.Store(flog + current + 4, map.Read<uint>(TestPools.MapAt(pool, 30)));
                break;
            case "flog-other-half":
                map.Store(flog + 16 - current, 0x7FFF_FFFFu);
                break;
            default:
                map.Store(BlockPool.BlockSizePosition, 4096u);
                break;
        }
    }

    private static void DemandContent(BlockPool pool, long[] mayBeBad)
    {
        byte[] buffer = new byte[512];
        for (uint i = 0; i < Written; i++)
        {
            bool isGood = pool.TryRead(i, buffer);
            Assert.Equal(i != 51, isGood || mayBeBad.Contains(i));
            if (isGood)
                Assert.Equal(i == 50 ? new byte[512] : TestPools.Content(512, i, 2), buffer);
        }
    }

    [Fact]
    public void An_interrupted_write_is_no_fault()
    {
        using BlockPool pool = Prepared();
        uint before = pool.Map.Read<uint>(TestPools.MapAt(pool, 8));
        pool.Write(8, TestPools.Content(512, 8, 3));
        pool.Map.Store(TestPools.MapAt(pool, 8), before);
        BttCheckResult result = BlockPool.CheckTable(pool.Map);
        Assert.True(result.IsConsistent);
        Assert.Equal(1, result.PendingWrites);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_happens_to_map_and_flog_the_repaired_pool_is_consistent(int seed)
    {
        var random = new Random(seed);
        using BlockPool pool = Prepared();
        for (int round = 0; round < 30; round++)
        {
            using PersistentMap map = TestPools.CopyOf(pool.Map);
            int faults = random.Next(1, 12);
            for (int i = 0; i < faults; i++)
            {
                bool inMap = random.Next(2) == 0;
                long at = inMap ? TestPools.MapAt(pool, (uint)random.Next(100)) : TestPools.FlogAt(pool, random.Next(8)) + (random.Next(8) * 4);
                map.Store(at, random.Next(3) switch { 0 => (uint)random.Next(), 1 => 0u, _ => (uint)random.Next(300) | ((uint)random.Next(4) << 30) });
            }

            PoolRepairResult result = BlockPool.Repair(map, new PoolRepairOptions { AcceptLoss = true });
            Assert.True(result.IsConsistent, $"seed {seed} round {round}: {string.Join('\n', result.Remaining)}");
            TableInvariants.Demand(BlockPool.Open(map));
        }
    }

    [Fact]
    public void Findings_of_one_rule_are_listed_up_to_a_limit()
    {
        using BlockPool pool = Prepared();
        using PersistentMap map = TestPools.CopyOf(pool.Map);
        map.Fill(TestPools.MapAt(pool, 0), 0xFF, 4096);
        BttCheckResult result = BlockPool.CheckTable(map);
        Assert.Equal(100, result.Findings.Count(finding => finding.Rule == "map-range"));
        Assert.True(result.Unlisted > 900);
    }

    [Theory]
    [InlineData(BttVariant.Linux11)]
    [InlineData(BttVariant.Uefi20)]
    public void Bare_tables_are_checked_and_mended(BttVariant variant)
    {
        const long Length = (18 << 20) + 4096;
        var format = BttFormat.Of(variant);
        using var map = PersistentMap.CreateAnonymous(Length);
        using (BlockTranslationTable table = BlockTranslationTable.Create(map, 0, Length, format, 4096))
        {
            for (uint i = 0; i < 20; i++)
                table.Write(i, TestPools.Content(4096, i, 1));
        }

        Assert.Empty(BttChecker.Check(map, 0, Length).Findings);
        var known = new BttCheckOptions { Format = format, BlockSize = 4096 };
        BttInfo info = map.Read<BttInfo>(format.InitialOffset);
        map.Fill(format.InitialOffset, 0, 4096);
        map.Fill(format.InitialOffset + (long)info.InfoOffset, 0, 4096);
        map.Fill(format.InitialOffset + (long)info.FlogOffset, 0, 64);
        Assert.False(BttChecker.Check(map, 0, Length).IsConsistent);
        Assert.Throws<PmemFormatException>(() => BttRepair.Repair(map, 0, Length));
        BttRepairResult result = BttRepair.Repair(map, 0, Length, new BttRepairOptions { Known = known, AcceptLoss = true });
        Assert.True(result.After.IsConsistent, string.Join('\n', result.After.Findings));
        using BlockTranslationTable again = BlockTranslationTable.Open(map, 0, Length);
        for (uint i = 0; i < 20; i++)
            Assert.Equal(TestPools.Content(4096, i, 1), TestPools.Read(again, i));
    }
}
