using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Inspection;

/// <summary>The heap of an object pool as it lies on media.</summary>
/// <param name="Map">The pool.</param>
/// <param name="HeapOffset">Where the heap starts, as the descriptor says.</param>
/// <param name="HeapSize">Bytes of the heap, as the descriptor says.</param>
public sealed record HeapView(PersistentMap Map, ulong HeapOffset, ulong HeapSize)
{
    /// <summary>Bytes of the heap's header.</summary>
    public const int HeaderSize = HeapLayout.HeaderSize;

    /// <summary>Pool offset of the heap's header.</summary>
    /// <exception cref="PmemFormatException">It lies outside the pool.</exception>
    public long Offset
    {
        get
        {
            Map.Demand((long)HeapOffset, HeapLayout.HeaderSize);
            return (long)HeapOffset;
        }
    }

    /// <summary>The signature: the bytes before the first NUL.</summary>
    public byte[] Signature
    {
        get
        {
            byte[] bytes = Map.ReadBytes(Offset, HeapLayout.MajorPosition);
            int end = bytes.AsSpan().IndexOf((byte)0);
            return end < 0 ? bytes : bytes[..end];
        }
    }

    /// <summary>Major version of the heap's layout.</summary>
    public ulong Major => Map.ReadWord(Offset + HeapLayout.MajorPosition);

    /// <summary>Minor version of the heap's layout.</summary>
    public ulong Minor => Map.ReadWord(Offset + HeapLayout.MajorPosition + sizeof(ulong));

    /// <summary>Bytes of a chunk, as the header says.</summary>
    public ulong ChunkSize => Map.ReadWord(Offset + HeapLayout.ChunkSizePosition);

    /// <summary>Chunks of a zone, as the header says.</summary>
    public ulong ChunksPerZone => Map.ReadWord(Offset + HeapLayout.ChunksPerZonePosition);

    /// <summary>The header's checksum as stored.</summary>
    public ulong Checksum => Map.ReadWord(Offset + HeapLayout.HeaderChecksumPosition);

    /// <summary>The header's checksum as it should be.</summary>
    public ulong ComputedChecksum => Fletcher64.ComputeWithHole(Map.ReadBytes(Offset, HeapLayout.HeaderSize), HeapLayout.HeaderChecksumPosition);

    /// <summary>Zones that a heap of this size has.</summary>
    /// <exception cref="PmemFormatException">The heap does not fit the pool.</exception>
    public int ZoneCount
    {
        get
        {
            if (HeapSize > (ulong)Map.Length)
                throw new PmemFormatException("heap size", PoolDescriptor.HeapSizeField, $"at most {Map.Length}, the pool's size", $"{HeapSize}");
            return HeapLayout.ZoneCount((long)HeapSize);
        }
    }

    /// <summary>A zone.</summary>
    /// <param name="index">From 0; less than <see cref="ZoneCount"/>.</param>
    /// <exception cref="PmemFormatException">It lies outside the pool.</exception>
    public ZoneView Zone(int index)
    {
        long offset = Offset + HeapLayout.HeaderSize + (index * HeapLayout.ZoneMaximumSize);
        Map.Demand(offset, HeapLayout.ZoneMetadataSize);
        return new ZoneView(Map, index, offset);
    }

    /// <summary>All zones.</summary>
    public IEnumerable<ZoneView> Zones() => Enumerable.Range(0, ZoneCount).Select(Zone);

    /// <summary>The object whose user data starts at an offset, whether or not it is allocated.</summary>
    /// <exception cref="PmemFormatException">No object can start there.</exception>
    public ObjectView ObjectAt(long userOffset)
    {
        long inZones = userOffset - Offset - HeapLayout.HeaderSize;
        int zone = inZones < 0 ? -1 : (int)Math.Min(int.MaxValue, inZones / HeapLayout.ZoneMaximumSize);
        long inChunks = inZones - (zone * HeapLayout.ZoneMaximumSize) - HeapLayout.ZoneMetadataSize;
        if (zone < 0 || inChunks < 0)
            throw new PmemFormatException("object", userOffset, "an offset in a chunk of the heap", $"0x{userOffset:x}");
        ZoneView place = Zone(zone);
        ChunkView chunk = place.Chunk((uint)(inChunks / HeapLayout.ChunkSize));
        if (chunk.Type == ChunkType.RunData)
        {
            if (chunk.SizeIndex > chunk.Index)
                throw new PmemFormatException("run data header", chunk.HeaderOffset, $"at most {chunk.Index} chunks back to its run", $"{chunk.SizeIndex}");
            chunk = place.Chunk(chunk.Index - chunk.SizeIndex);
        }

        if (userOffset == chunk.DataOffset + ObjectHeader.SizeOf(chunk.Flags))
            return chunk.AsObject();
        RunView run = chunk.ReadRun();
        long unit = (userOffset - run.HeaderSize - run.DataOffset) / run.UnitSize;
        if (unit < 0 || unit >= run.Units)
            throw new PmemFormatException("object", userOffset, "an offset in a unit of its run", $"0x{userOffset:x}");
        return run.ObjectAt((int)unit);
    }
}

/// <summary>A zone as it lies on media: a header, one header for each chunk, the chunks.</summary>
/// <param name="Map">The pool.</param>
/// <param name="Index">Which zone.</param>
/// <param name="Offset">Where its header is in the pool.</param>
public sealed record ZoneView(PersistentMap Map, int Index, long Offset)
{
    /// <summary>Bytes of a zone's header.</summary>
    public const int HeaderSize = HeapLayout.ZoneHeaderSize;

    /// <summary>The magic of a zone in use.</summary>
    public const uint ExpectedMagic = HeapLayout.ZoneMagic;

    /// <summary>The magic as stored: 0 in a zone that was never used.</summary>
    public uint Magic => (uint)Map.ReadWord(Offset);

    /// <summary>Chunks of the zone as its header says.</summary>
    public uint SizeIndex => (uint)(Map.ReadWord(Offset) >> 32);

    /// <summary>A chunk, by what its header says.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="PmemFormatException">A zone has not so many chunks.</exception>
    public ChunkView Chunk(uint index)
    {
        long header = Offset + HeapLayout.ZoneHeaderSize + (index * (long)ChunkHeader.Size);
        if (index >= HeapLayout.ChunksPerZone)
            throw new PmemFormatException("chunk", header, $"at most {HeapLayout.ChunksPerZone} chunks in a zone", $"chunk {index}");
        var word = new ChunkHeader(Map.ReadWord(header));
        return new ChunkView(Map, Index, index, header, Offset + HeapLayout.ZoneMetadataSize + (index * HeapLayout.ChunkSize), word.Type, word.Flags, word.SizeIndex);
    }

    /// <summary>The chunks in order, each with those that belong to it: footers and the data of runs are not listed.</summary>
    /// <exception cref="PmemFormatException">While they are walked: a chunk without size, or more chunks than a zone has.</exception>
    public IEnumerable<ChunkView> Chunks()
    {
        uint count = SizeIndex;
        for (uint at = 0; at < count;)
        {
            ChunkView chunk = Chunk(at);
            yield return chunk;
            if (chunk.SizeIndex == 0)
                throw new PmemFormatException("chunk header size", chunk.HeaderOffset, $"1 to {count - at} chunks", "0");
            at = (uint)Math.Min(uint.MaxValue, at + (ulong)chunk.SizeIndex);
        }
    }
}
