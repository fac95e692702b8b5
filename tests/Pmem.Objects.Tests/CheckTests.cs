using Pmem.Objects.Layout;
using Pmem.Pools.Checking;
using Pmem.Pools;

namespace Pmem.Objects.Tests;

/// <summary>The check finds each planted fault, says where, and blames nothing else.</summary>
public sealed class CheckTests
{
    private const long Chunks = PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderSize + HeapLayout.ZoneMetadataSize;
    private const long ChunkHeaders = PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderSize + HeapLayout.ZoneHeaderSize;

    [Fact]
    public void A_sound_pool_has_no_problem() => Assert.Empty(Check(_ => { }));

    [Fact]
    public void An_odd_run_id() => Assert.Equal("run id", Single(map => map.StoreUInt64(PoolDescriptor.RunIdField, 7)).What);

    [Fact]
    public void An_unknown_incompat_bit()
    {
        PoolProblem problem = Single(map =>
        {
            map.Store(16, map.Read<uint>(16) | 0x100);
            FixHeader(map);
        });
        Assert.Equal("pool header incompat features", problem.What);
        Assert.Equal(16, problem.Offset);
    }

    [Fact]
    public void A_broken_chunk_chain()
    {
        PoolProblem problem = Single(map => map.StoreUInt64(ChunkHeaders, map.ReadUInt64(ChunkHeaders) + (3UL << 32)));
        Assert.StartsWith("chunk", problem.What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bitmap_bit_without_an_object()
    {
        PoolProblem problem = Single(map => map.StoreUInt64(Chunks + 16 + 80, map.ReadUInt64(Chunks + 16 + 80) | (1UL << 13)));
        Assert.Equal("object header size", problem.What);
        Assert.Equal(Chunks + 0x140 + (((10 * 64) + 13) * 128), problem.Offset);
    }

    [Fact]
    public void A_wrong_object_size()
    {
        long block = 0;
        PoolProblem problem = Single(map =>
        {
            block = FindObject(map) - ObjectHeader.CompactSize;
            map.StoreUInt64(block, 129);
        });
        Assert.Equal("object header size", problem.What);
        Assert.Equal(block, problem.Offset);
    }

    [Fact]
    public void An_object_longer_than_its_bits() =>
        Assert.Equal("run bitmap", Check(map => map.StoreUInt64(FindObject(map) - ObjectHeader.CompactSize, 30 * 128))[0].What);

    [Fact]
    public void A_redo_entry_outside_the_heap()
    {
        long log = PoolDescriptor.DefaultLanesOffset + (5 * LaneLayout.Size) + LaneLayout.ExternalPosition;
        PoolProblem problem = Single(map =>
        {
            map.StoreUInt64(log + UlogHeader.CapacityPosition, 64);
            map.StoreUInt64(log + UlogHeader.Size, 0x8);
            map.StoreUInt64(log + UlogHeader.Size + 8, 1);
            map.StoreUInt64(log, 0);
            map.StoreUInt64(log, Fletcher64.Compute(map.GetSpan(log, UlogHeader.Size + 16)));
        });
        Assert.Equal("redo entry destination", problem.What);
        Assert.Equal(log + UlogHeader.Size, problem.Offset);
    }

    [Fact]
    public void A_chain_that_is_a_circle()
    {
        PoolProblem problem = Single(map =>
        {
            long log = PoolDescriptor.DefaultLanesOffset + LaneLayout.UndoPosition;
            long inHeap = FindObject(map) & -64;
            map.StoreUInt64(log + UlogHeader.NextPosition, (ulong)inHeap);
            map.StoreUInt64(inHeap + UlogHeader.NextPosition, (ulong)inHeap);
            map.StoreUInt64(inHeap + UlogHeader.CapacityPosition, 64);
        });
        Assert.Equal("log chain", problem.What);
    }

    [Fact]
    public void A_broken_descriptor() => Assert.Equal("pool descriptor checksum", Single(map => map.StoreUInt64(PoolDescriptor.HeapOffsetField, 4096)).What);

    [Fact]
    public void A_heap_larger_than_the_file() => Assert.Equal("heap size", Single(map => map.StoreUInt64(PoolDescriptor.HeapSizeField, 1UL << 40)).What);

    [Fact]
    public void A_root_that_is_no_object() =>
        Assert.Equal("root offset", Single(map => map.StoreUInt64(PoolDescriptor.RootOffsetField, (ulong)Chunks + 0x141)).What);

    [Fact]
    public void A_broken_heap_header() => Assert.Equal("heap header checksum", Single(map => map.StoreUInt64(PoolDescriptor.DefaultHeapOffset + 40, 1)).What);

    private static PoolProblem Single(Action<PersistentMap> plant) => Assert.Single(Check(plant));

    private static IReadOnlyList<PoolProblem> Check(Action<PersistentMap> plant)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(12 << 20, StoreGranularity.Byte);
        ObjectStore store = ObjectStore.Create(map, "check");
        for (int i = 0; i < 20; i++)
            store.Allocate(100, (ulong)i);
        store.GetRoot(1000);
        plant(map);
        return ObjectStore.Check(map).Problems;
    }

    private static long FindObject(PersistentMap map) => Chunks + 0x140 + ObjectHeader.CompactSize + FirstUsed(map);

    private static long FirstUsed(PersistentMap map)
    {
        for (int word = 0; ; word++)
        {
            ulong used = map.ReadUInt64(Chunks + 16 + (word * 8));
            if (used != 0)
                return ((word * 64L) + System.Numerics.BitOperations.TrailingZeroCount(used)) * 128;
        }
    }

    private static void FixHeader(PersistentMap map)
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        map.StoreUInt64(PoolHeader.ChecksumPosition, header.ComputeChecksum());
    }
}
