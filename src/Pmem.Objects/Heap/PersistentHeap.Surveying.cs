using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <content>
/// For those who judge a heap from outside, while nobody uses it: what lies at any offset, sets of objects, and freeing with one store.
/// </content>
internal sealed unsafe partial class PersistentHeap
{
    /// <summary>
    /// User data of the allocated object whose user data a byte belongs to; 0 when it belongs to none. Unlike <see cref="IsObject"/> never taken in by
    /// an old header inside an object. Throws on impossible run headers.
    /// </summary>
    public long FindObjectAt(long offset)
    {
        if (!TryFindBlock(offset, out int zone, out int chunk, out ChunkHeader header))
            return 0;
        if (header.Type == ChunkType.Used)
        {
            long user = ChunkOffset(zone, chunk) + ObjectHeader.SizeOf(header.Flags);
            return offset >= user ? user : 0;
        }

        if (header.Type != ChunkType.Run)
            return 0;
        RunGeometry geometry = GeometryOf(zone, chunk);
        long data = geometry.DataOffset(ChunkOffset(zone, chunk));
        long unit = offset < data ? -1 : (offset - data) / geometry.UnitSize;
        if (unit < 0 || unit >= geometry.Units)
            return 0;

        // An object never crosses a bitmap word, so the one that covers this unit begins in the same word.
        for (long at = unit / RunGeometry.BitsPerWord * RunGeometry.BitsPerWord; at <= unit;)
        {
            long user = data + (at * geometry.UnitSize) + geometry.HeaderSize;
            if (!TryLocate(user, out Location location) || !IsAllocated(in location))
                at++;
            else if (offset < user + location.UsableSize)
                return offset >= user ? user : 0;
            else
                at += location.Units;
        }

        return 0;
    }

    /// <summary>What lies at an offset that is no object, for messages.</summary>
    public string DescribePlace(long offset)
    {
        if (offset < _heapOffset || offset >= _heapOffset + _heapSize)
            return "outside the heap";
        if (!TryFindBlock(offset, out _, out _, out ChunkHeader header))
            return "heap metadata, or a zone that was never used";
        return header.Type == ChunkType.Free ? "free space" : "no object: free space of a run, or a header";
    }

    /// <summary>Alignment that the run of an object promises; 0 when it promises none.</summary>
    public long AlignmentOf(long userOffset)
    {
        Location location = Locate(userOffset);
        return location.IsHuge ? 0 : GeometryOf(location.Zone, location.Chunk).Alignment;
    }

    /// <summary>Frees an object with one durable store to its bitmap word or chunk header. Only for heaps that nobody allocates from.</summary>
    public void FreeInPlace(long userOffset)
    {
        Location location = Locate(userOffset);
        long at = location.IsHuge
            ? HeaderOffset(location.Zone, location.Chunk)
            : ChunkOffset(location.Zone, location.Chunk) + RunGeometry.RunHeaderSize + (location.Unit / RunGeometry.BitsPerWord * sizeof(ulong));
        ulong word = location.IsHuge
            ? new ChunkHeader(ChunkType.Free, ReadHeader(location.Zone, location.Chunk).Flags, (uint)location.Units).Word
            : _map.ReadUInt64(at) & ~Mask(location.Unit, location.Units);
        _map.StoreUInt64(at, word);
        _map.Persist(at, sizeof(ulong));
    }

    /// <summary>The block that an offset lies in.</summary>
    private bool TryFindBlock(long offset, out int zone, out int chunk, out ChunkHeader header)
    {
        chunk = 0;
        header = default;
        long inZones = offset - _heapOffset - HeapLayout.HeaderSize;
        zone = (int)(inZones / HeapLayout.ZoneMaximumSize);
        long inZone = inZones - (zone * HeapLayout.ZoneMaximumSize) - HeapLayout.ZoneMetadataSize;
        if (inZones < 0 || inZone < 0 || zone >= _zoneCount || !IsInitialized(zone))
            return false;
        int target = (int)(inZone / HeapLayout.ChunkSize);
        int chunks = ZoneChunks(zone);
        if (target >= chunks)
            return false;

        // From the start, since headers inside a block mean nothing; remembered, since links come in crowds.
        int[] starts = BlockStarts(zone, chunks);
        chunk = starts[target];
        header = ReadHeader(zone, chunk);
        return true;
    }

    private int[] BlockStarts(int zone, int chunks)
    {
        _blockStarts ??= [];
        if (_blockStarts.TryGetValue(zone, out int[]? known) && known.Length == chunks)
            return known;
        int[] starts = new int[chunks];
        for (int chunk = 0; chunk < chunks;)
        {
            int size = (int)Math.Clamp(ReadHeader(zone, chunk).SizeIndex, 1, (uint)(chunks - chunk));
            starts.AsSpan(chunk, size).Fill(chunk);
            chunk += size;
        }

        return _blockStarts[zone] = starts;
    }

    private Dictionary<int, int[]>? _blockStarts;

    /// <summary>A set of objects: a bit for each unit of the runs that have one of them.</summary>
    internal sealed class ObjectSet(PersistentHeap heap)
    {
        private readonly Dictionary<long, ulong[]> _runs = [];

        /// <summary>Adds an allocated object; false when it is in the set.</summary>
        public bool Add(long userOffset)
        {
            ref ulong word = ref WordOf(userOffset, out ulong bit);
            if ((word & bit) != 0)
                return false;
            word |= bit;
            return true;
        }

        /// <summary>Whether an allocated object is in the set.</summary>
        public bool Contains(long userOffset)
        {
            Location location = heap.Locate(userOffset);
            return _runs.TryGetValue(heap.HeaderOffset(location.Zone, location.Chunk), out ulong[]? words)
                && location.Unit / RunGeometry.BitsPerWord < words.Length
                && (words[location.Unit / RunGeometry.BitsPerWord] >> (location.Unit % RunGeometry.BitsPerWord) & 1) != 0;
        }

        private ref ulong WordOf(long userOffset, out ulong bit)
        {
            Location location = heap.Locate(userOffset);
            long key = heap.HeaderOffset(location.Zone, location.Chunk);
            if (!_runs.TryGetValue(key, out ulong[]? words))
                _runs.Add(key, words = new ulong[location.IsHuge ? 1 : heap.GeometryOf(location.Zone, location.Chunk).Words]);
            bit = 1UL << (location.Unit % RunGeometry.BitsPerWord);
            return ref words[location.Unit / RunGeometry.BitsPerWord];
        }
    }
}
