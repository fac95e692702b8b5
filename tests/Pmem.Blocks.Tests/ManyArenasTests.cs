using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Pools.Checking;

namespace Pmem.Blocks.Tests;

/// <summary>
/// Tables of three arenas, 1 TiB and a bit, on media that were in use before. The files are sparse, and dirty only where it matters: all metadata of
/// each arena, and the places of the blocks at its borders. libpmemblk clears the map of the first arena only.
/// </summary>
public sealed class ManyArenasTests : IDisposable
{
    private const int BlockSize = 256 << 10;
    private const long Length = (2 * BttLayout.MaximumArena) + (512L << 20);

    // Not an initial entry anywhere: a map that is not cleared leads far outside.
    private const byte Dirt = 0xa5;

    private readonly string _folder = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-arenas-{Guid.NewGuid():n}")).FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(BttVariant.Pmdk)]
    [InlineData(BttVariant.Linux11)]
    [InlineData(BttVariant.Uefi20)]
    public void Each_arena_of_a_table_on_used_media_is_cleared_and_blocks_at_borders_are_their_own(BttVariant variant)
    {
        var format = BttFormat.Of(variant);
        long length = Length + format.InitialOffset;
        using PersistentMap map = NewMap(length);
        (long Start, ArenaGeometry Geometry)[] arenas = Plan(format, format.InitialOffset, length);
        Soil(map, arenas);
        using (BlockTranslationTable table = BlockTranslationTable.Create(map, 0, length, format, BlockSize))
        {
            Assert.Equal(3, table.ArenaCount);
            Assert.Equal(arenas.Sum(arena => arena.Geometry.ExternalBlocks), table.BlockCount);
            DemandCleared(map, arenas);
            Assert.All(BttChecker.Check(map, 0, length).Arenas, (arena, i) => Assert.Equal((arenas[i].Start, arenas[i].Geometry.ExternalBlocks), (arena.Start, arena.Initial)));
            WriteBorders(table, arenas);
        }

        using (BlockTranslationTable again = BlockTranslationTable.Open(map, 0, length))
            DemandBorders(again, arenas, format.InitialReadsMedia);
        DemandCounts(BttChecker.Check(map, 0, length), arenas);

        // Used media of the worst kind: a whole sound table, which must not shine through.
        using BlockTranslationTable second = BlockTranslationTable.Create(map, 0, length, format, BlockSize);
        DemandCleared(map, arenas);
        Assert.All(Borders(arenas), block => Assert.Equal(!format.InitialReadsMedia, second.IsZero(block)));
        Assert.Empty(BttChecker.Check(map, 0, length).Findings);
    }

    [Fact]
    public void The_first_write_of_a_pool_clears_every_arena_too()
    {
        using PersistentMap map = NewMap(Length + BlockPool.DataPosition);
        (long Start, ArenaGeometry Geometry)[] arenas = Plan(BttFormat.Pmdk, BlockPool.DataPosition, map.Length);
        Soil(map, arenas);
        using var pool = BlockPool.Create(map, BlockSize);
        Assert.True(pool.IsZero(pool.BlockCount - 1));
        WriteBorders(pool, arenas);
        DemandBorders(pool, arenas, readsMedia: false);
        DemandCounts(BlockPool.CheckTable(map), arenas);
    }

    [Fact]
    public void Faults_in_later_arenas_are_found_and_mended_there()
    {
        using PersistentMap map = NewMap(Length);
        (long Start, ArenaGeometry Geometry)[] arenas = Plan(BttFormat.Pmdk, 0, Length);
        Soil(map, arenas);
        using (BlockTranslationTable table = BlockTranslationTable.Create(map, 0, Length, BttFormat.Pmdk, BlockSize))
            WriteBorders(table, arenas);
        map.Fill(arenas[1].Start, 0, BttInfo.Size);
        map.Store(arenas[2].Start + arenas[2].Geometry.MapOffset + (5 * BttLayout.MapEntrySize), MapEntry.Normal | 0x3000_0000);
        map.Fill(arenas[2].Start + arenas[2].Geometry.InfoOffset, Dirt, BttInfo.Size);

        var seen = new List<PoolProgress>();
        BttCheckResult check = BttChecker.Check(map, 0, Length, new BttCheckOptions { Progress = new Listener(seen.Add) });
        Assert.Equal(["info-primary 1", "info-copy 2", "map-range 2", "lost 2"], check.Findings.Select(finding => $"{finding.Rule} {finding.Arena}"));
        Assert.Equal(seen.Select(step => step.Done).Order(), seen.Select(step => step.Done));
        Assert.Equal([0, 1, 2], seen.Select(step => (int)(step.Done / BttLayout.MaximumArena)).Distinct());
        Assert.Equal((Length, Length), (seen[^1].Done, seen[^1].Total));

        BttRepairResult repair = BttRepair.Repair(map, 0, Length, new BttRepairOptions { AcceptLoss = true });
        Assert.Empty(repair.After.Findings);
        Assert.Equal([0, 0, 1], repair.After.Arenas.Select(arena => arena.Bad));
        using BlockTranslationTable again = BlockTranslationTable.Open(map, 0, Length);
        DemandBorders(again, arenas, readsMedia: false);
    }

    private PersistentMap NewMap(long length) =>
        PersistentMap.Create(Path.Combine(_folder, "media"), length, new PersistentMapOptions { Sparse = true, ForceGranularity = StoreGranularity.CacheLine });

    private static (long Start, ArenaGeometry Geometry)[] Plan(BttFormat format, long from, long end) =>
        [.. Enumerable.Range(0, 3).Select(i => from + (i * BttLayout.MaximumArena)).Select(start => (start, ArenaGeometry.Compute(format, end - start, BlockSize)))];

    private static void Soil(PersistentMap map, (long Start, ArenaGeometry Geometry)[] arenas)
    {
        foreach ((long start, ArenaGeometry geometry) in arenas)
        {
            map.Fill(start, Dirt, BttInfo.Size + (2 * BlockSize));
            map.Fill(start + ArenaGeometry.DataOffset + ((geometry.ExternalBlocks - 2L) * geometry.InternalBlockSize), Dirt, 2 * BlockSize);
            map.Fill(start + geometry.MapOffset, Dirt, geometry.Length - geometry.MapOffset);
        }
    }

    private static void DemandCleared(PersistentMap map, (long Start, ArenaGeometry Geometry)[] arenas)
    {
        foreach ((long start, ArenaGeometry geometry) in arenas)
            Assert.False(map.GetSpan(start + geometry.MapOffset, (int)(geometry.FlogOffset - geometry.MapOffset)).ContainsAnyExcept((byte)0), $"the map of the arena at {start} is not clear");
    }

    /// <summary>The first two blocks and the last two of each arena.</summary>
    private static long[] Borders((long Start, ArenaGeometry Geometry)[] arenas)
    {
        var borders = new List<long>();
        long first = 0;
        foreach ((_, ArenaGeometry geometry) in arenas)
        {
            borders.AddRange([first, first + 1, first + geometry.ExternalBlocks - 2, first + geometry.ExternalBlocks - 1]);
            first += geometry.ExternalBlocks;
        }

        return [.. borders];
    }

    /// <summary>Writes the blocks at the borders twice, then zeroes the last one of each arena; the second one of each is never written.</summary>
    private static void WriteBorders(IBlockDevice device, (long Start, ArenaGeometry Geometry)[] arenas)
    {
        long[] borders = Borders(arenas);
        for (uint version = 1; version <= 2; version++)
        {
            for (int i = 0; i < borders.Length; i += 4)
            {
                device.Write(borders[i], TestPools.Content(BlockSize, borders[i], version));
                device.Write(borders[i + 2], TestPools.Content(BlockSize, borders[i + 2], version));
                device.Write(borders[i + 3], TestPools.Content(BlockSize, borders[i + 3], version));
            }
        }

        for (int i = 3; i < borders.Length; i += 4)
            device.Zero(borders[i]);
        device.Flush();
    }

    private static void DemandBorders(IBlockDevice device, (long Start, ArenaGeometry Geometry)[] arenas, bool readsMedia)
    {
        long[] borders = Borders(arenas);
        for (int i = 0; i < borders.Length; i++)
        {
            // Of a block that was never written PMDK says zeros; to UEFI and Linux it is what its place on media holds.
            bool isDirt = i % 4 == 1 && readsMedia;
            byte[] expected = new byte[BlockSize];
            expected.AsSpan().Fill(isDirt ? Dirt : (byte)0);
            if (i % 2 == 0)
                expected = TestPools.Content(BlockSize, borders[i], 2);
            Assert.True(expected.AsSpan().SequenceEqual(TestPools.Read(device, borders[i])), $"block {borders[i]} has other content");
            Assert.Equal(i % 2 != 0 && !isDirt, device.IsZero(borders[i]));
        }
    }

    private static void DemandCounts(BttCheckResult check, (long Start, ArenaGeometry Geometry)[] arenas)
    {
        Assert.Empty(check.Findings);
        Assert.Equal(3, check.Arenas.Count);
        Assert.All(check.Arenas, (arena, i) => Assert.Equal((arenas[i].Geometry.ExternalBlocks - 3, 2, 1, 0), (arena.Initial, arena.Normal, arena.Zero, arena.Bad)));
    }

    private sealed class Listener(Action<PoolProgress> report) : IProgress<PoolProgress>
    {
        public void Report(PoolProgress value) => report(value);
    }
}
