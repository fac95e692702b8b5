using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects
{
    /// <summary>What a heap holds.</summary>
    /// <param name="Zones">Zones of the heap.</param>
    /// <param name="UsedBytes">Bytes of allocated objects, their headers included.</param>
    /// <param name="FreeBytes">Bytes that allocations can still get: free chunks, and free units of runs.</param>
    /// <param name="Objects">Allocated objects, internal ones included.</param>
    /// <param name="Runs">Runs.</param>
    /// <param name="HugeObjects">Objects of whole chunks.</param>
    /// <param name="FreeChunks">Free chunks.</param>
    public readonly record struct HeapStatistics(int Zones, long UsedBytes, long FreeBytes, long Objects, long Runs, long HugeObjects, long FreeChunks);
}

namespace Pmem.Objects.Heap
{
    /// <content>Counting.</content>
    internal sealed unsafe partial class PersistentHeap
    {
        /// <summary>Walks the heap and counts.</summary>
        public HeapStatistics GetStatistics()
        {
            long used = 0;
            long free = 0;
            long objects = 0;
            long runs = 0;
            long huge = 0;
            long freeChunks = 0;
            for (int zone = 0; zone < _zoneCount; zone++)
            {
                if (!IsInitialized(zone))
                {
                    freeChunks += Math.Min(HeapLayout.ChunksPerZone, HeapLayout.ZoneChunks(_heapSize, zone));
                    continue;
                }

                int chunks = ZoneChunks(zone);
                for (int chunk = 0; chunk < chunks;)
                {
                    ChunkHeader header = ReadHeader(zone, chunk);
                    switch (header.Type)
                    {
                        case ChunkType.Free:
                            freeChunks += header.SizeIndex;
                            break;
                        case ChunkType.Used:
                            huge++;
                            objects++;
                            used += header.SizeIndex * HeapLayout.ChunkSize;
                            break;
                        default:
                            runs++;
                            RunGeometry geometry = GeometryOf(zone, chunk);
                            long clear = Score(zone, chunk).Free;
                            free += clear * geometry.UnitSize;
                            used += (geometry.Units - clear) * geometry.UnitSize;
                            objects += CountObjects(zone, chunk);
                            break;
                    }

                    chunk += (int)Math.Max(1, header.SizeIndex);
                }
            }

            return new HeapStatistics(_zoneCount, used, free + (freeChunks * HeapLayout.ChunkSize), objects, runs, huge, freeChunks);
        }

        private long CountObjects(int zone, int chunk)
        {
            long count = 0;
            for (long user = FindInRun(zone, chunk, 0); user != 0; count++)
            {
                Location location = Locate(user);
                user = FindInRun(zone, chunk, location.Unit + location.Units);
            }

            return count;
        }
    }
}
