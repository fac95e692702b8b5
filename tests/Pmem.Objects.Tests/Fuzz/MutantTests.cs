using System.Runtime.InteropServices;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Tests.Fuzz;

/// <summary>
/// Pools whose bytes were changed at the places that matter, checksums made right again where that lets the change through: opened, checked and
/// walked, the outcome is a value or a typed exception. A process that dies, hangs or allocates without bound would fail the run.
/// </summary>
public sealed class MutantTests
{
    private const long PoolSize = 12 << 20;
    private const int MutantsPerSeed = 13_000;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_broken_pool_ends_in_a_value_or_an_exception(int seed)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PoolSize, StoreGranularity.Byte);
        byte[] pool = MakePool();
        map.Copy(0, pool, CopyHints.NoFlush);
        var random = new Random(seed);
        int valid = 0;
        int broken = 0;
        for (int i = 0; i < MutantsPerSeed; i++)
        {
            Mutate(map, random);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            if (Exercise(map, seed, i))
                valid++;
            else
                broken++;
            Assert.True(clock.Elapsed < s_limit, $"seed {seed}, mutant {i}: {clock.Elapsed}");
            Restore(map, pool);
        }

        // Both outcomes occur, or the mutations hit nothing.
        Assert.True(valid > 100 && broken > 100, $"{valid} valid, {broken} broken");
    }

    private static bool Exercise(PersistentMap map, int seed, int mutant)
    {
        try
        {
            ObjectStore store = ObjectStore.Open(map, layout: null, new ObjectStoreOptions { Arenas = 1, Lanes = 4 });
            long visited = 0;
            foreach (StoreObject _ in store.EnumerateObjects())
                Assert.True(++visited < 1_000_000, $"seed {seed}, mutant {mutant}: endless walk");
            store.GetHeapStatistics();
            using (Transaction tx = store.BeginTransaction())
            {
                tx.Allocate(100, 1);
                tx.Allocate(5000, 1);
                tx.Commit();
            }

            return ObjectStore.Check(map).IsConsistent;
        }
        catch (PmemException)
        {
            return false;
        }
    }

    private static byte[] MakePool()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(PoolSize, StoreGranularity.Byte);
        ObjectStore store = ObjectStore.Create(map, "fuzz");
        long root = (long)store.GetRoot(4096).Offset;
        var random = new Random(99);
        for (int i = 0; i < 200; i++)
            store.Allocate(1 + random.Next(600), (ulong)i);
        store.Allocate(262128, 1);
        ObjectId huge = store.Allocate(524272, 1);
        store.Free(huge);
        using (Transaction tx = store.BeginTransaction())
        {
            tx.Snapshot(root, 4096); // leaves an extension
            tx.Commit();
        }

        // A transaction that is open, as a crash leaves it.
        Transaction open = store.BeginTransaction();
        open.Snapshot(root, 100);
        open.Snapshot(root + 1000, 200);
        byte[] pool = map.GetSpan(0, (int)PoolSize).ToArray();
        open.Dispose();
        return pool;
    }

    private static void Restore(PersistentMap map, byte[] pool)
    {
        const int Block = 4096;
        ReadOnlySpan<byte> now = map.GetSpan(0, pool.Length);
        for (int at = 0; at < pool.Length;)
        {
            at += now[at..].CommonPrefixLength(pool.AsSpan(at));
            if (at == pool.Length)
                return;
            int length = Math.Min(Block, pool.Length - at);
            map.Copy(at, pool.AsSpan(at, length), CopyHints.NoFlush);
            at += length;
        }
    }

    private static void Mutate(PersistentMap map, Random random)
    {
        int changes = 1 + random.Next(3);
        for (int i = 0; i < changes; i++)
        {
            long at = Place(random);
            Change(map, at & -8, random);
        }

        if (random.Next(4) != 0)
            FixChecksums(map);
        if (random.Next(3) == 0)
            CraftRedo(map, random);
    }

    /// <summary>Where structure is.</summary>
    private static long Place(Random random)
    {
        const long Heap = PoolDescriptor.DefaultHeapOffset;
        const long ChunkHeaders = Heap + HeapLayout.HeaderSize + HeapLayout.ZoneHeaderSize;
        const long Chunks = Heap + HeapLayout.HeaderSize + HeapLayout.ZoneMetadataSize;
        long chunk = Chunks + (random.Next(25) * HeapLayout.ChunkSize);
        return random.Next(11) switch
        {
            0 => random.Next(256),
            1 => 4024 + random.Next(72),
            2 => PoolDescriptor.LanesOffsetField + random.Next(32),
            3 => PoolDescriptor.RootOffsetField + random.Next(64),
            4 => PoolDescriptor.DefaultLanesOffset + random.Next(3 * LaneLayout.Size),
            5 => PoolDescriptor.DefaultLanesOffset + (random.Next(4) * LaneLayout.Size) + LaneLayout.UndoPosition + random.Next(256),
            6 => Heap + random.Next(64),
            7 => Heap + HeapLayout.HeaderSize + random.Next(16),
            8 => ChunkHeaders + random.Next(27 * 8),
            9 => chunk + random.Next(400),
            _ => chunk + 0x140 + (random.Next(600) * 64),
        };
    }

    private static void Change(PersistentMap map, long at, Random random)
    {
        ulong old = map.ReadUInt64(at);
        ulong value = random.Next(8) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => old + 1,
            3 => old - 1,
            4 => old ^ (1UL << random.Next(64)),
            5 => (ulong)random.NextInt64(PoolSize * 2),
            6 => (ulong)random.Next(70000),
            _ => (ulong)random.NextInt64(),
        };
        map.StoreUInt64(at, value);
    }

    private static void FixChecksums(PersistentMap map)
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        map.StoreUInt64(PoolHeader.ChecksumPosition, header.ComputeChecksum());
        map.StoreUInt64(PoolHeader.ShutdownStatePosition + 56, header.ShutdownState.ComputeChecksum());
        map.StoreUInt64(PoolDescriptor.ChecksumField, DescriptorReader.ComputeChecksum(map));
        Span<byte> heap = map.GetSpan(PoolDescriptor.DefaultHeapOffset, HeapLayout.HeaderSize);
        map.StoreUInt64(PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderChecksumPosition, Fletcher64.ComputeWithHole(heap, HeapLayout.HeaderChecksumPosition));
    }

    /// <summary>A redo log that is pending, with entries of all kinds of destinations.</summary>
    private static void CraftRedo(PersistentMap map, Random random)
    {
        long log = PoolDescriptor.DefaultLanesOffset + (random.Next(3) * LaneLayout.Size) + LaneLayout.ExternalPosition;
        int entries = 1 + random.Next(40);
        Span<byte> image = new byte[UlogHeader.Size + LaneLayout.ExternalCapacity];
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(image);
        words[1] = random.Next(3) == 0 ? (ulong)random.NextInt64(PoolSize) : 0;
        words[2] = (ulong)LaneLayout.ExternalCapacity;
        for (int i = 0; i < entries; i++)
        {
            ulong offset = random.Next(4) == 0 ? (ulong)random.NextInt64() : (ulong)(random.NextInt64(PoolSize) & -8);
            words[8 + (i * 2)] = offset | ((ulong)random.Next(4) << 61);
            words[9 + (i * 2)] = (ulong)random.NextInt64();
        }

        words[0] = Fletcher64.Compute(image[..(UlogHeader.Size + (entries * UlogEntry.ValueSize))]);
        map.Copy(log, image, CopyHints.NoFlush);
    }
}
