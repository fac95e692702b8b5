using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Heap;

/// <summary>
/// The persistent heap: zones of chunks; free chunks, huge objects of whole chunks, and runs of small units.
///
/// On media an object exists when one word says so: the header of its first chunk, or its bits in a run's bitmap. Everything else (which
/// extents are free, which run is in use) is volatile and found again after open. Organising free space changes the media too, in steps
/// that are safe each by itself: the right part of a split gets its header before the left part shrinks in one store; a run gets bitmap and
/// data headers before its first chunk header turns it into one; free neighbours merge by one store of the larger size. Space that was
/// reserved when the process died was never marked, so it is free again.
///
/// Footers (a copy of the size in a block's last chunk header) let a free find the block before it. libpmemobj does not flush them and, in
/// 1.12, trusts those of free blocks after a crash; here they are flushed always and rebuilt at open.
/// </summary>
internal sealed unsafe partial class PersistentHeap
{
    private const int GateCount = 1024;
    private const int GatePadding = 16;

    private readonly PersistentMap _map;
    private readonly long _heapOffset;
    private bool[] _populated;

    // Class of the run that starts at a chunk, plus one; 0 is not known. A cache of what the run header says.
    private byte[]?[] _classOfChunk;
    private readonly PaddedGate[] _gates = new PaddedGate[GateCount];
    private readonly Recycler?[] _recyclers = new Recycler?[AllocationClasses.All.Length];
    private readonly Arena[] _arenas;
    private readonly SortedKeys _freeChunks = new();
    private readonly Lock _chunkGate = new();
    private int _arenasInUse;

    // Both grow, under the chunk gate, in pools that do.
    private long _heapSize;
    private int _zoneCount;

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct PaddedGate
    {
        public SpinGate Gate;
    }

    public PersistentHeap(PersistentMap map, long heapOffset, long heapSize, int arenas)
    {
        _map = map;
        _heapOffset = heapOffset;
        _heapSize = heapSize;
        _zoneCount = HeapLayout.ZoneCount(heapSize);
        _populated = new bool[_zoneCount];
        _classOfChunk = new byte[]?[_zoneCount];
        _arenas = new Arena[Math.Max(1, arenas)];
        for (int i = 0; i < _arenas.Length; i++)
            _arenas[i] = new Arena();
    }

    /// <summary>Arenas that have a thread; the recycler's threshold depends on it.</summary>
    internal int ArenasInUse => Volatile.Read(ref _arenasInUse);

    /// <summary>Writes an empty heap: its header, and a first zone that says it is not initialised yet. Durable at return.</summary>
    public static void Format(PersistentMap map, long heapOffset, long heapSize)
    {
        Span<byte> header = stackalloc byte[HeapLayout.HeaderSize];
        header.Clear();
        HeapLayout.Signature.CopyTo(header);
        MemoryMarshal.Write(header[HeapLayout.MajorPosition..], 1UL);
        MemoryMarshal.Write(header[HeapLayout.ChunkSizePosition..], (ulong)HeapLayout.ChunkSize);
        MemoryMarshal.Write(header[HeapLayout.ChunksPerZonePosition..], (ulong)HeapLayout.ChunksPerZone);
        MemoryMarshal.Write(header[HeapLayout.HeaderChecksumPosition..], Fletcher64.ComputeWithHole(header, HeapLayout.HeaderChecksumPosition));
        map.Copy(heapOffset, header);

        for (int zone = 0; zone < HeapLayout.ZoneCount(heapSize); zone++)
        {
            long offset = heapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
            map.Fill(offset, 0, HeapLayout.ZoneHeaderSize + ChunkHeader.Size);
        }
    }

    /// <summary>Pool offset of a zone.</summary>
    internal long ZoneOffset(int zone) => _heapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);

    /// <summary>Pool offset of a chunk's header.</summary>
    internal long HeaderOffset(int zone, int chunk) => ZoneOffset(zone) + HeapLayout.ZoneHeaderSize + ((long)chunk * ChunkHeader.Size);

    /// <summary>Pool offset of a chunk.</summary>
    internal long ChunkOffset(int zone, int chunk) => ZoneOffset(zone) + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);

    private ChunkHeader ReadHeader(int zone, int chunk) => new(_map.ReadUInt64(HeaderOffset(zone, chunk)));

    private bool IsInitialized(int zone) => (uint)_map.ReadUInt64(ZoneOffset(zone)) == HeapLayout.ZoneMagic;

    private int ZoneChunks(int zone) => (int)(_map.ReadUInt64(ZoneOffset(zone)) >> 32);

    /// <summary>The gate of a run's bitmap.</summary>
    private static int GateOf(int chunk) => chunk & (GateCount - 1);

    private void EnterGate(int gate) => _gates[gate].Gate.Enter();

    private void ExitGate(int gate) => _gates[gate].Gate.Exit();

    /// <summary>Stores a chunk header in one step and makes it durable.</summary>
    private void PersistHeader(int zone, int chunk, ChunkHeader header)
    {
        long offset = HeaderOffset(zone, chunk);
        _map.StoreUInt64(offset, header.Word);
        _map.Persist(offset, ChunkHeader.Size);
    }

    /// <summary>Stores the footer of a block of several chunks and starts writing it back.</summary>
    private void StoreFooter(int zone, int chunk, uint size)
    {
        if (size < 2)
            return;
        long offset = HeaderOffset(zone, chunk + (int)size - 1);
        ulong footer = new ChunkHeader(ChunkType.Footer, ChunkFlags.None, size).Word;
        if (_map.ReadUInt64(offset) == footer)
            return;
        _map.StoreUInt64(offset, footer);
        _map.Flush(offset, ChunkHeader.Size);
    }

    /// <summary>The class of the run at a chunk, or null when another program made it.</summary>
    private AllocationClass? ClassOf(int zone, int chunk)
    {
        byte[] classes = _classOfChunk[zone] ?? Interlocked.CompareExchange(ref _classOfChunk[zone], new byte[HeapLayout.ChunksPerZone], null) ?? _classOfChunk[zone]!;
        byte known = classes[chunk];
        if (known == 0)
        {
            ChunkHeader header = ReadHeader(zone, chunk);
            AllocationClass? found = AllocationClasses.ForRun(_map.ReadUInt64(ChunkOffset(zone, chunk)), header.Flags, header.SizeIndex);
            classes[chunk] = known = found is null ? byte.MaxValue : (byte)found.Id;
        }

        return known == byte.MaxValue ? null : AllocationClasses.All[known];
    }

    private void ForgetClass(int zone, int chunk)
    {
        if (_classOfChunk[zone] is { } classes)
            classes[chunk] = 0;
    }

    /// <summary>The geometry of the run at a chunk, whoever made it.</summary>
    private RunGeometry GeometryOf(int zone, int chunk)
    {
        if (ClassOf(zone, chunk) is { } known)
            return known.Geometry;
        long run = ChunkOffset(zone, chunk);
        ChunkHeader header = ReadHeader(zone, chunk);
        if (RunGeometry.TryCreate(_map.ReadUInt64(run), _map.ReadUInt64(run + sizeof(ulong)), header.Flags, header.SizeIndex, out RunGeometry geometry))
            return geometry;
        throw new PmemFormatException("run header", run, "a unit size and alignment that fit the run", $"unit {_map.ReadUInt64(run)}, alignment {_map.ReadUInt64(run + sizeof(ulong))}");
    }

    private Recycler RecyclerOf(AllocationClass allocationClass)
    {
        ref Recycler? recycler = ref _recyclers[allocationClass.Id];
        return Volatile.Read(ref recycler) ?? Interlocked.CompareExchange(ref recycler, new Recycler(this, allocationClass), null) ?? recycler!;
    }
}
