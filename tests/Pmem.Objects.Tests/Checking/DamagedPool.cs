using System.Buffers.Binary;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Tests.Crash;
using Pmem.Pools;

namespace Pmem.Objects.Tests.Checking;

/// <summary>A pool with a bit of everything, closed, to be damaged in one place.</summary>
internal sealed class DamagedPool : IDisposable
{
    public const long Size = 24 << 20;

    private static readonly Lazy<(byte[] Image, string Content)> s_sound = new(Create);

    public DamagedPool()
    {
        Map = PersistentMap.CreateAnonymous(Size);
        Map.Copy(0, s_sound.Value.Image, CopyHints.NoFlush);
        Expected = s_sound.Value.Content;
    }

    public DamagedPool(ReadOnlySpan<byte> image)
    {
        Map = PersistentMap.CreateAnonymous(Size);
        Map.Copy(0, image, CopyHints.NoFlush);
        Expected = s_sound.Value.Content;
    }

    public PersistentMap Map { get; }

    /// <summary>Objects and root of the sound pool.</summary>
    public string Expected { get; }

    public string Content => CrashHarness.Describe(ObjectStore.Open(Map));

    public void Dispose() => Map.Dispose();

    public void Word(long offset, ulong value) => Map.StoreUInt64(offset, value);

    public void Xor(long offset, ulong bits) => Map.StoreUInt64(offset, Map.ReadUInt64(offset) ^ bits);

    /// <summary>Changes the header and gives it the checksum that it then needs.</summary>
    public void SealHeader(int offset, byte value)
    {
        byte[] bytes = Map.GetSpan(0, PoolHeader.Size).ToArray();
        bytes[offset] = value;
        PoolHeader header = PoolHeader.Read(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(PoolHeader.ChecksumPosition), header.ComputeChecksum());
        Map.Copy(0, bytes);
    }

    public static long Zone => PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderSize;

    public static long HeaderAt(int chunk) => Zone + HeapLayout.ZoneHeaderSize + (chunk * 8L);

    public static long DataAt(int chunk) => Zone + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);

    public ChunkHeader Chunk(int chunk) => new(Map.ReadUInt64(HeaderAt(chunk)));

    /// <summary>The first block of a type with at least so many chunks.</summary>
    public int Find(ChunkType type, int atLeast = 1)
    {
        int chunks = (int)(Map.ReadUInt64(Zone) >> 32);
        for (int chunk = 0; chunk < chunks; chunk += (int)Chunk(chunk).SizeIndex)
        {
            if (Chunk(chunk).Type == type && Chunk(chunk).SizeIndex >= atLeast)
                return chunk;
        }

        throw new InvalidOperationException($"the pool has no block of type {type} and {atLeast} chunks");
    }

    /// <summary>The run of the objects of a type number, and the unit of the n-th of them, in the sound pool.</summary>
    public static (long Run, RunGeometry Geometry, int Unit) Locate(ulong type, int index)
    {
        using var sound = new DamagedPool();
        return sound.LocateHere(type, index);
    }

    private (long Run, RunGeometry Geometry, int Unit) LocateHere(ulong type, int index)
    {
        ObjectStore store = ObjectStore.Open(Map);
        long offset = store.EnumerateObjects().Where(o => o.TypeNumber == type).ElementAt(index).Offset;
        int chunk = (int)((offset - DataAt(0)) / HeapLayout.ChunkSize);
        while (Chunk(chunk).Type == ChunkType.RunData)
            chunk -= (int)Chunk(chunk).SizeIndex;
        long run = DataAt(chunk);
        Assert.True(RunGeometry.TryCreate(Map.ReadUInt64(run), Map.ReadUInt64(run + 8), Chunk(chunk).Flags, Chunk(chunk).SizeIndex, out RunGeometry geometry));
        return (run, geometry, (int)((offset - geometry.HeaderSize - geometry.DataOffset(run)) / geometry.UnitSize));
    }

    private static (byte[] Image, string Content) Create()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(Size);
        ObjectStore store = ObjectStore.Create(map, "damaged");
        store.GetRoot(CrashHarness.RootSize);
        for (int i = 0; i < 20; i++)
            Fill(store, store.Allocate(100, 1), 100);
        for (int i = 0; i < 10; i++)
            Fill(store, store.Allocate(240, 2), 240); // two units
        for (int i = 0; i < 6; i++)
            Fill(store, store.Allocate(3000, 3), 3000);
        for (int i = 0; i < 4; i++)
            Fill(store, store.Allocate(100_000, 4), 100_000);
        ObjectId hole = store.Allocate(700_000, 5);
        Fill(store, store.Allocate(3_000_000, 6), 1000);
        Fill(store, store.Allocate(260_000, 7), 1000);
        store.Free(hole);
        string content = CrashHarness.Describe(store);
        byte[] image = map.GetSpan(0, (int)Size).ToArray();

        // As a close leaves it.
        image.AsSpan(PoolHeader.ShutdownStatePosition, ShutdownState.Size).Clear();
        return (image, content);
    }

    private static void Fill(ObjectStore store, ObjectId id, int length) => store.Map.Fill((long)id.Offset, 0xA5, length);
}
