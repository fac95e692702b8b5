using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <content>Whole chunks: free blocks, splitting, merging, and bringing zones into use. All of it under the chunk gate.</content>
internal sealed unsafe partial class PersistentHeap
{
    private const int SizeShift = 32;
    private const int ZoneShift = 16;

    private readonly List<RunScore> _emptyRuns = [];

    private static ulong ChunkKey(int zone, int chunk, uint size) => ((ulong)size << SizeShift) | ((ulong)zone << ZoneShift) | (uint)chunk;

    /// <summary>Takes a block of exactly so many chunks: best fit, lowest address among equals; the rest of it stays free. The chunk gate is held.</summary>
    private bool TryTakeChunks(uint chunks, out int zone, out int chunk)
    {
        ulong key;
        while (!_freeChunks.TryFindAtLeast(ChunkKey(0, 0, chunks), out key))
        {
            if (!RecycleEverything() && !PopulateNextZone() && !Grow())
            {
                zone = chunk = 0;
                return false;
            }
        }

        _freeChunks.Remove(key);
        uint size = (uint)(key >> SizeShift);
        zone = (ushort)(key >> ZoneShift);
        chunk = (ushort)key;
        if (size > chunks)
        {
            // Right part first: until the left part shrinks, its header is inside a block and means nothing.
            FreeBlock(zone, chunk + (int)chunks, size - chunks);
            FreeBlock(zone, chunk, chunks);
            _freeChunks.Add(ChunkKey(zone, chunk + (int)chunks, size - chunks));
        }

        return true;
    }

    /// <summary>Puts a block that media says is free among the free ones, merged with its free neighbours. The chunk gate is held.</summary>
    private void ReturnChunks(int zone, int chunk, uint size)
    {
        int first = chunk;
        uint total = size;
        if (chunk > 0)
        {
            // The footer of the block before, or its header when it has one chunk, says where it starts.
            ChunkHeader before = ReadHeader(zone, chunk - 1);
            int start = chunk - (int)before.SizeIndex;
            if (start >= 0 && before.SizeIndex > 0)
            {
                ChunkHeader header = ReadHeader(zone, start);
                if (header.Type == ChunkType.Free && _freeChunks.Remove(ChunkKey(zone, start, header.SizeIndex)))
                {
                    first = start;
                    total += header.SizeIndex;
                }
            }
        }

        int end = chunk + (int)size;
        if (end < ZoneChunks(zone))
        {
            ChunkHeader header = ReadHeader(zone, end);
            if (header.Type == ChunkType.Free && _freeChunks.Remove(ChunkKey(zone, end, header.SizeIndex)))
                total += header.SizeIndex;
        }

        if (total != size)
        {
            // One store of the larger size swallows the neighbours. Flags are kept, as C does.
            PersistHeader(zone, first, new ChunkHeader(ChunkType.Free, ReadHeader(zone, first).Flags, total));
            StoreFooter(zone, first, total);
        }

        _freeChunks.Add(ChunkKey(zone, first, total));
    }

    /// <summary>Writes the header and footer of a free block.</summary>
    private void FreeBlock(int zone, int chunk, uint size)
    {
        PersistHeader(zone, chunk, new ChunkHeader(ChunkType.Free, ChunkFlags.None, size));
        StoreFooter(zone, chunk, size);
    }

    /// <summary>Turns an empty run into a free block and returns it. The chunk gate is held.</summary>
    private void FreeRun(int zone, int chunk)
    {
        int gate = GateOf(chunk);
        EnterGate(gate);
        uint size = ReadHeader(zone, chunk).SizeIndex;
        ForgetClass(zone, chunk);
        FreeBlock(zone, chunk, size);
        ReturnChunks(zone, chunk, size);
        ExitGate(gate);
    }

    /// <summary>Hands the empty runs of all classes back; false when there was none. The chunk gate is held.</summary>
    private bool RecycleEverything()
    {
        _emptyRuns.Clear();
        foreach (Recycler? recycler in _recyclers)
            recycler?.Recalculate(force: true, _emptyRuns);
        foreach (RunScore run in _emptyRuns)
            FreeRun(run.Zone, run.Chunk);
        return _emptyRuns.Count > 0;
    }

    /// <summary>Brings the next zone into use; false when all are. The chunk gate is held.</summary>
    private bool PopulateNextZone()
    {
        for (int zone = 0; zone < _zoneCount; zone++)
        {
            if (_populated[zone])
                continue;
            if (!IsInitialized(zone))
                InitializeZone(zone, 0);
            PopulateZone(zone);
            return true;
        }

        return false;
    }

    /// <summary>Makes sure that a zone which holds objects is in use, before one of them is freed.</summary>
    private void DemandPopulated(int zone)
    {
        if (Volatile.Read(ref _populated[zone]))
            return;
        lock (_chunkGate)
        {
            if (!_populated[zone])
                PopulateZone(zone);
        }
    }

    /// <summary>Collects the free blocks and the runs of a zone.</summary>
    private void PopulateZone(int zone)
    {
        Volatile.Write(ref _populated[zone], true);
        int chunks = ZoneChunks(zone);
        for (int chunk = 0; chunk < chunks;)
        {
            ChunkHeader header = ReadHeader(zone, chunk);
            int next = chunk + (int)header.SizeIndex;
            if (header.Type == ChunkType.Free)
            {
                // Merging may swallow the neighbour behind, which was not collected yet only if it is not in the set.
                ReturnChunks(zone, chunk, header.SizeIndex);
            }
            else if (header.Type == ChunkType.Run && !TryRecycle(zone, chunk))
            {
                FreeRun(zone, chunk);
            }

            chunk = next;
        }
    }

    /// <summary>Writes a zone's first free block from a chunk on, then its header in one store.</summary>
    private void InitializeZone(int zone, int firstChunk)
    {
        uint chunks = (uint)HeapLayout.ZoneChunks(_heapSize, zone);
        FreeBlock(zone, firstChunk, chunks - (uint)firstChunk);
        long offset = ZoneOffset(zone);
        _map.StoreUInt64(offset, HeapLayout.ZoneMagic | ((ulong)chunks << 32));
        _map.Persist(offset, sizeof(ulong));
    }
}
