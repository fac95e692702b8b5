using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Tests.Heap;

/// <summary>Media that no program wrote: refused with the place, or used without harm to the process.</summary>
public sealed class BrokenHeapTests
{
    private const int Chunks = 24;
    private const int Mutants = 4000;

    [Theory]
    [InlineData(0, "heap header checksum")]
    [InlineData(40, "heap header checksum")]
    [InlineData(1016, "heap header checksum")]
    [InlineData(1024, "zone magic")]
    [InlineData(1028, "zone size")]
    public void A_broken_header_is_refused_by_name(long position, string what)
    {
        using HeapUnderTest heap = MakeHeap();
        heap.Map.Store(HeapUnderTest.HeapOffset + position, 0x0102030405060708u);
        heap.Map.StoreUInt64(HeapUnderTest.HeapOffset + (position & -8), heap.Map.ReadUInt64(HeapUnderTest.HeapOffset + (position & -8)) ^ 0x8800000000ul);
        Assert.Equal(what, Assert.Throws<PmemFormatException>(() => heap.Reopen()).What);
    }

    [Theory]
    [InlineData(ChunkType.Unknown, 0, 1u, "chunk type")]
    [InlineData(ChunkType.Footer, 0, 1u, "chunk type")]
    [InlineData(ChunkType.RunData, 0, 1u, "chunk type")]
    [InlineData((ChunkType)6, 0, 1u, "chunk type")]
    [InlineData(ChunkType.Free, 16, 1u, "chunk flags")]
    [InlineData(ChunkType.Free, 0, 0u, "chunk size")]
    [InlineData(ChunkType.Used, 0, 25u, "chunk size")]
    [InlineData(ChunkType.Run, 1, uint.MaxValue, "chunk size")]
    public void A_broken_chunk_header_is_refused_with_its_place(object type, int flags, uint size, string what)
    {
        using HeapUnderTest heap = MakeHeap();
        heap.Map.StoreUInt64(HeapUnderTest.HeaderOffset(0), new ChunkHeader((ChunkType)type, (ChunkFlags)flags, size).Word);
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => heap.Reopen());
        Assert.Equal(what, problem.What);
        Assert.Equal(HeapUnderTest.HeaderOffset(0), problem.Offset);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Any_change_ends_in_a_value_or_a_typed_exception(int seed)
    {
        using HeapUnderTest heap = MakeHeap();
        byte[] image = heap.Map.GetSpan(0, (int)heap.Map.Length).ToArray();
        var random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < Mutants; i++)
        {
            var touched = new List<long>();
            for (int j = 1 + random.Next(3); j > 0; j--)
                touched.Add(Mutate(heap.Map, random));
            if (!Use(heap, seed, i))
                refused++;

            // What the heap itself changed as well.
            ReadOnlySpan<byte> now = heap.Map.GetSpan(0, image.Length);
            for (int at = 0; (at += now[at..].CommonPrefixLength(image.AsSpan(at))) < image.Length;)
            {
                int length = Math.Min(4096, image.Length - at);
                heap.Map.Copy(at, image.AsSpan(at, length), CopyHints.NoFlush);
            }
        }

        Assert.InRange(refused, 100, Mutants - 100);
    }

    private static bool Use(HeapUnderTest heap, int seed, int mutant)
    {
        try
        {
            heap.Reopen();
            List<long> objects = Walk(heap, seed, mutant);
            heap.Heap.GetStatistics();
            foreach (long user in objects)
            {
                _ = heap.Heap.TypeNumber(user) + (ulong)heap.Heap.UsableSize(user) + heap.Heap.ObjectFlags(user);
                if (heap.Heap.IsObject(user) && (user & 16) != 0)
                    heap.Free(user);
            }

            foreach (long size in (long[])[10, 100, 5000, 700_000])
                heap.Allocate(size);
            Walk(heap, seed, mutant);
            return true;
        }
        catch (PmemException)
        {
            return false;
        }
    }

    private static List<long> Walk(HeapUnderTest heap, int seed, int mutant)
    {
        List<long> objects = [];
        for (long user = heap.Heap.FirstObject(); user != 0; user = heap.Heap.NextObject(user))
        {
            Assert.True(objects.Count == 0 || user > objects[^1], $"seed {seed}, mutant {mutant}: the walk goes back");
            objects.Add(user);
        }

        return objects;
    }

    private static long Mutate(PersistentMap map, Random random)
    {
        long chunk = HeapUnderTest.ChunkOffset(random.Next(Chunks));
        long at = random.Next(4) switch
        {
            0 => HeapUnderTest.HeaderOffset(random.Next(Chunks)),
            1 => chunk + (random.Next(2) * 8),
            2 => chunk + 16 + (random.Next(40) * 8),
            _ => chunk + 0x140 + (random.Next(2000) * 128),
        };
        ulong old = map.ReadUInt64(at);
        map.StoreUInt64(at, random.Next(6) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => old + 1,
            3 => old ^ (1UL << random.Next(64)),
            4 => (ulong)random.NextInt64() >> random.Next(63),
            _ => new ChunkHeader((ChunkType)random.Next(7), (ChunkFlags)random.Next(16), (uint)random.Next(Chunks + 2)).Word,
        });
        return at;
    }

    private static HeapUnderTest MakeHeap()
    {
        var heap = new HeapUnderTest(HeapUnderTest.SizeOf(Chunks));
        var random = new Random(5);
        for (int i = 0; i < 300; i++)
        {
            long user = heap.Allocate(1 + random.Next(500), (ulong)i);
            if (i % 5 == 0)
                heap.Free(user);
        }

        heap.Allocate(1500);
        heap.Allocate(2_800_000);
        return heap;
    }
}
