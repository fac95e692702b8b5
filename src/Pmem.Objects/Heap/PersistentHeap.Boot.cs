using System.Runtime.InteropServices;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Heap;

/// <content>Opening a heap that may hold anything.</content>
internal sealed unsafe partial class PersistentHeap
{
    /// <summary>
    /// Validates the heap header and every zone and chunk header; throws <see cref="PmemFormatException"/> at the first that is impossible.
    /// Changes nothing.
    /// </summary>
    public void Validate()
    {
        HeapChecks.DemandHeader(_map, _heapOffset);
        for (int zone = 0; zone < _zoneCount; zone++)
        {
            ulong word = _map.ReadUInt64(ZoneOffset(zone));
            uint magic = (uint)word;
            if (magic == 0)
                continue;
            if (magic != HeapLayout.ZoneMagic)
                throw new PmemFormatException("zone magic", ZoneOffset(zone), $"0 or 0x{HeapLayout.ZoneMagic:x}", $"0x{magic:x}");
            ValidateChunks(zone, (uint)(word >> 32));
        }
    }

    /// <summary>
    /// Prepares a validated heap for use: extends a last zone that is smaller than the heap, rebuilds footers. Free space and runs are
    /// collected later, when a zone is first needed.
    /// </summary>
    public void Boot()
    {
        for (int zone = 0; zone < _zoneCount; zone++)
        {
            if (!IsInitialized(zone))
                continue;
            int chunks = ZoneChunks(zone);
            if (chunks < HeapLayout.ZoneChunks(_heapSize, zone))
                InitializeZone(zone, chunks);
            RebuildFooters(zone);
        }

        _map.Drain();
    }

    private void ValidateChunks(int zone, uint chunks)
    {
        long most = HeapLayout.ZoneChunks(_heapSize, zone);
        if (chunks > HeapLayout.ChunksPerZone || most > HeapLayout.ChunksPerZone)
        {
            throw new PmemFormatException(
                "zone size",
                ZoneOffset(zone),
                $"at most {HeapLayout.ChunksPerZone} chunks",
                $"{Math.Max(chunks, most)}: libpmemobj overruns the chunk headers of pools of this size; copy its objects to a pool of another size");
        }

        if (chunks == 0 || chunks > most)
            throw new PmemFormatException("zone size", ZoneOffset(zone), $"1 to {most} chunks", $"{chunks}");
        for (uint chunk = 0; chunk < chunks;)
        {
            ChunkHeader header = ReadHeader(zone, (int)chunk);
            long at = HeaderOffset(zone, (int)chunk);
            if (header.Type is not (ChunkType.Free or ChunkType.Used or ChunkType.Run))
                throw new PmemFormatException("chunk type", at, "FREE, USED or RUN", $"{(int)header.Type}");
            if ((header.Flags & ~ChunkFlags.All) != 0)
                throw new PmemFormatException("chunk flags", at, "known flags", $"0x{(int)header.Flags:x}");
            if (header.SizeIndex == 0 || header.SizeIndex > chunks - chunk)
                throw new PmemFormatException("chunk size", at, $"1 to {chunks - chunk} chunks", $"{header.SizeIndex}");
            chunk += header.SizeIndex;
        }
    }

    private void RebuildFooters(int zone)
    {
        int chunks = ZoneChunks(zone);
        for (int chunk = 0; chunk < chunks;)
        {
            ChunkHeader header = ReadHeader(zone, chunk);
            if (header.Type != ChunkType.Run)
                StoreFooter(zone, chunk, header.SizeIndex);
            chunk += (int)header.SizeIndex;
        }
    }
}

/// <summary>Rules about the heap header.</summary>
internal static class HeapChecks
{
    /// <summary>Throws <see cref="PmemFormatException"/> unless the heap header is valid.</summary>
    public static void DemandHeader(PersistentMap map, long heapOffset)
    {
        ReadOnlySpan<byte> header = map.GetSpan(heapOffset, HeapLayout.HeaderSize);
        ulong checksum = Fletcher64.ComputeWithHole(header, HeapLayout.HeaderChecksumPosition);
        ulong stored = MemoryMarshal.Read<ulong>(header[HeapLayout.HeaderChecksumPosition..]);
        if (stored != checksum)
            throw new PmemFormatException("heap header checksum", heapOffset + HeapLayout.HeaderChecksumPosition, $"0x{checksum:x16}", $"0x{stored:x16}");
        if (!header.StartsWith(HeapLayout.Signature))
            throw new PmemFormatException("heap header signature", heapOffset, "MEMORY_HEAP_HDR", Convert.ToHexString(header[..HeapLayout.Signature.Length]));
        Demand(header, heapOffset, HeapLayout.MajorPosition, "heap header major version", 1);
        Demand(header, heapOffset, HeapLayout.ChunkSizePosition, "heap header chunk size", (ulong)HeapLayout.ChunkSize);
        Demand(header, heapOffset, HeapLayout.ChunksPerZonePosition, "heap header chunks per zone", HeapLayout.ChunksPerZone);
    }

    private static void Demand(ReadOnlySpan<byte> header, long heapOffset, int position, string what, ulong expected)
    {
        ulong found = MemoryMarshal.Read<ulong>(header[position..]);
        if (found != expected)
            throw new PmemFormatException(what, heapOffset + position, $"{expected}", $"{found}");
    }
}
