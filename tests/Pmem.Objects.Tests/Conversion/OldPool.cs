using System.Buffers.Binary;
using Pmem.Objects.Conversion;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Pools;

namespace Pmem.Objects.Tests.Conversion;

/// <summary>A pool of layout 1 to 5, written byte by byte from docs/formats/old-layouts.md: a root, small objects, a large one, and what a crash leaves in a lane.</summary>
internal sealed class OldPool : IDisposable
{
    public const long Size = 8 << 20;
    public const int Unit = 256;
    public const ulong Type = 3;

    private const long Zone = PoolDescriptor.DefaultHeapOffset + HeapLayout.HeaderSize;
    private const int Chunks = 17;
    private const int Units = 1022;
    private int _nextUnit;

    public OldPool(uint layout)
    {
        Layout = layout;
        Map = PersistentMap.CreateAnonymous(Size);
        ObjectStore.Create(Map, "script");
        WriteHeader();
        WriteDescriptor();
        if (layout < 5)
            Map.Fill(PoolDescriptor.DefaultLanesOffset, 0, PoolDescriptor.DefaultHeapOffset - PoolDescriptor.DefaultLanesOffset);
        WriteZone();
        Root = Allocate(0, 1, isInternal: true, rootSize: 150);
        Word(PoolDescriptor.RootOffsetField, (ulong)Root);
        if (layout >= 4)
            Word(PoolDescriptor.RootSizeField, 150);
        Fill(Root, 150, 1);
        for (int i = 0; i < 6; i++)
        {
            Objects.Add(Allocate(Type, i == 3 ? 3 : 1));
            Fill(Objects[i], 180, i + 2);
        }

        Large = Chunk(1) + HeaderSize;
        WriteObjectHeader(Chunk(1), 3 * HeapLayout.ChunkSize, 4, false, 0);
        Fill(Large, 500_000, 99);
    }

    public uint Layout { get; }

    public PersistentMap Map { get; }

    public long Root { get; }

    public List<long> Objects { get; } = [];

    /// <summary>An object of three chunks.</summary>
    public long Large { get; }

    private int HeaderSize => Layout <= 3 ? ObjectHeader.LegacySize : ObjectHeader.CompactSize;

    public static long Lane(int lane) => PoolDescriptor.DefaultLanesOffset + (lane * (long)LaneLayout.Size);

    public byte[] Bytes => Map.GetSpan(0, (int)Size).ToArray();

    public void Word(long offset, ulong value)
    {
        Map.StoreUInt64(offset, value);
        Map.Flush(offset, sizeof(ulong));
    }

    public void Fill(long offset, int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        Map.Copy(offset, bytes);
    }

    public void SealHeader(Action<PersistentMap>? change = null)
    {
        change?.Invoke(Map);
        Word(PoolHeader.ChecksumPosition, Map.Read<PoolHeader>(0).ComputeChecksum());
    }

    /// <summary>An allocated object of whole units.</summary>
    public long Allocate(ulong type, int units, bool isInternal = false, ulong rootSize = 0)
    {
        (long user, long word, ulong mask) = Reserve(type, units, isInternal, rootSize);
        Word(word, Map.ReadUInt64(word) | mask);
        return user;
    }

    /// <summary>An object whose bits are not set yet: where they are, and which.</summary>
    public (long User, long Word, ulong Mask) Reserve(ulong type, int units, bool isInternal = false, ulong rootSize = 0)
    {
        if ((_nextUnit % 64) + units > 64)
            _nextUnit = (_nextUnit + 63) & -64;
        long block = Chunk(0) + 320 + (_nextUnit * Unit);
        WriteObjectHeader(block, units * Unit, type, isInternal, rootSize);
        ulong mask = (units == 64 ? ulong.MaxValue : (1UL << units) - 1) << (_nextUnit % 64);
        long word = Chunk(0) + 16 + (_nextUnit / 64 * 8);
        _nextUnit += units;
        return (block + HeaderSize, word, mask);
    }

    /// <summary>The redo log of a section of layouts 1 to 4, or an internal redo log of layout 5, complete.</summary>
    public void Redo(int lane, bool list, params (long Offset, ulong Value)[] entries)
    {
        long log = Lane(lane) + (list ? OldLane.ListRedo : OldLane.AllocatorRedo);
        if (Layout < 5)
        {
            for (int i = 0; i < entries.Length; i++)
            {
                Word(log + (i * 16), (ulong)entries[i].Offset | (i == entries.Length - 1 ? OldLane.Finish : 0));
                Word(log + (i * 16) + 8, entries[i].Value);
            }

            return;
        }

        byte[] bytes = new byte[UlogHeader.Size + (entries.Length * 16)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(UlogHeader.CapacityPosition), entries.Length * 16);
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(UlogHeader.Size + (i * 16)), entries[i].Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(UlogHeader.Size + (i * 16) + 8), entries[i].Value);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Fletcher64.Compute(bytes));
        Map.Copy(Lane(lane) + (list ? LaneLayout.ExternalPosition : LaneLayout.InternalPosition), bytes);
    }

    /// <summary>A transaction of layouts 1 to 4: saves ranges, as objects of their own or in a cache, and remembers objects.</summary>
    public void Transaction(int lane, bool committed, long[] allocated, long[] freed, (long Offset, int Length)[] ranges, (long Offset, int Length)[] cached)
    {
        Word(Lane(lane) + OldLane.TransactionState, committed ? OldLane.Committed : 0);
        long[] saved = [.. ranges.Select(range => Save(Allocate(0, ((range.Length + 16 + HeaderSize + Unit - 1) / Unit), isInternal: true), range))];
        long cache = Allocate(0, 40, isInternal: true);
        Map.Fill(cache, 0, (40 * Unit) - HeaderSize);
        long at = cache;
        foreach ((long Offset, int Length) range in cached)
        {
            Save(at, range);
            at += 16 + (Layout <= 3 ? OldLane.CacheSlotData : (range.Length + 7) & -8);
        }

        Undo(lane, OldUndo.Allocated, allocated);
        Undo(lane, OldUndo.Freed, freed);
        Undo(lane, OldUndo.Ranges, saved);
        Undo(lane, OldUndo.Caches, [cache]);
    }

    /// <summary>An undo log of layout 5, its last entries in an extension.</summary>
    public void UndoOfFive(int lane, params (long Offset, int Length)[] ranges)
    {
        long extension = Allocate(0, 20, isInternal: true);
        long log = (extension + 63) & -64;
        Map.Fill(extension, 0, (20 * Unit) - HeaderSize);
        Word(log + UlogHeader.CapacityPosition, 4096);
        Word(Lane(lane) + LaneLayout.UndoPosition + UlogHeader.NextPosition, (ulong)extension);
        long at = Lane(lane) + LaneLayout.UndoPosition + UlogHeader.Size;
        long end = at + LaneLayout.UndoCapacity;
        foreach ((long offset, int length) in ranges)
        {
            byte[] entry = new byte[(24 + length + 63) & -64];
            BinaryPrimitives.WriteUInt64LittleEndian(entry, UlogEntry.Encode(offset, UlogOperation.BufferCopy));
            BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(16), length);
            Map.GetSpan(offset, length).CopyTo(entry.AsSpan(24));
            BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(8), Fletcher64.Compute(entry));
            if (at + entry.Length > end)
            {
                Assert.Equal(end, at); // a log is filled to the brim before the next begins
                at = log + UlogHeader.Size;
                end = at + 4096;
            }

            Map.Copy(at, entry);
            at += entry.Length;
        }
    }

    public void Dispose() => Map.Dispose();

    private long Save(long at, (long Offset, int Length) range)
    {
        Word(at, (ulong)range.Offset);
        Word(at + 8, (ulong)range.Length);
        Map.Move(at + 16, range.Offset, range.Length);
        return at;
    }

    private void Undo(int lane, OldUndo log, long[] users)
    {
        long at = Lane(lane) + OldLane.UndoLogs + ((int)log * (Layout == 1 ? OldLane.ListHeadSize : OldLane.VectorSize));
        if (Layout == 1)
        {
            for (int i = 0; i < users.Length; i++)
                Word(users[i] - OldLane.ListEntryBehind + 8, (ulong)users[(i + 1) % users.Length]);
            Word(at + 8, users.Length == 0 ? 0 : (ulong)users[0]);
            return;
        }

        long array = at + (OldLane.VectorArrays * 8);
        if (users.Length > 0)
            Word(at, (ulong)array);
        for (int i = 0, index = 0, position = 0; i < users.Length; i++, position++)
        {
            if (position == OldLane.VectorEmbedded << index)
            {
                array = Allocate(0, 1, isInternal: Layout > 3);
                Map.Fill(array, 0, 128);
                Word(at + (++index * 8), (ulong)array);
                position = 0;
            }

            Word(array + (position * 8), users[i] == 0 ? OldLane.SkippedEntry : (ulong)users[i]);
        }
    }

    private static long Chunk(int index) => Zone + HeapLayout.ZoneMetadataSize + (index * HeapLayout.ChunkSize);

    private void WriteHeader()
    {
        PoolHeader header = Map.Read<PoolHeader>(0);
        header.Major = Layout;
        if (Layout < 5)
        {
            header.Incompat = 0;
            header.Compat = 0;
        }

        header.ShutdownState = default;
        header.Checksum = header.ComputeChecksum();
        Map.Copy(0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<PoolHeader>(in header)));
    }

    private void WriteDescriptor()
    {
        ulong heapSize = Map.ReadUInt64(PoolDescriptor.HeapSizeField);
        if (Layout == 5)
            return;

        // Layout 4 as PMDK 1.3 wrote it; 1.4 kept the heap size where it is now.
        Word(OldLane.HeapSizeField, heapSize);
        Word(PoolDescriptor.ChecksumField, DescriptorReader.ComputeChecksum(Map));
        Map.Fill(PoolDescriptor.RootSizeField, Layout == 4 ? (byte)0 : (byte)0xDE, PoolDescriptor.RunTimeArea - PoolDescriptor.RootSizeField);
    }

    private void WriteZone()
    {
        Word(Zone, HeapLayout.ZoneMagic | ((ulong)Chunks << 32));
        ChunkFlags flags = Layout <= 3 ? ChunkFlags.None : ChunkFlags.CompactHeader;
        Header(0, new ChunkHeader(ChunkType.Run, flags, 1));
        Header(1, new ChunkHeader(ChunkType.Used, flags, 3));
        Header(3, new ChunkHeader(ChunkType.Footer, ChunkFlags.None, 3));
        Header(4, new ChunkHeader(ChunkType.Free, ChunkFlags.None, Chunks - 4));
        Header(Chunks - 1, new ChunkHeader(ChunkType.Footer, ChunkFlags.None, Chunks - 4));
        Word(Chunk(0), Unit);
        Word(Chunk(0) + 8, Layout == 5 ? 0 : 0x1234_5678UL); // up to layout 4 a pointer, or the id of a run of the program
        Map.Fill(Chunk(0) + 16, 0xFF, 304);
        Map.Fill(Chunk(0) + 16, 0, (Units + 63) / 64 * 8);
        Word(Chunk(0) + 16 + (Units / 64 * 8), ulong.MaxValue << (Units % 64));

        void Header(int chunk, ChunkHeader header) => Word(Zone + HeapLayout.ZoneHeaderSize + (chunk * 8), header.Word);
    }

    private void WriteObjectHeader(long block, long size, ulong type, bool isInternal, ulong rootSize)
    {
        ulong mark = isInternal ? 1UL << 63 : 0;
        if (Layout > 3)
        {
            Word(block, (ulong)size | mark);
            Word(block + 8, type);
            return;
        }

        Word(block, 0x0000_0001_0000_0000); // zone and chunk, which nobody needs
        Word(block + 8, (ulong)size);
        Map.Fill(block + 16, 0, 32);
        Word(block + 48, rootSize | mark);
        Word(block + 56, type);
    }
}
