using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Checking;

/// <content>
/// Zones and the chunk chain. A block's length is told twice or more: by its header, by the footer in its last header, by the run-data headers of a
/// run, by the object in it. A broken header is written again from the others when the chain behind it is whole then.
/// </content>
internal sealed partial class StoreRepair
{
    private bool TryMendZones(ref PoolBounds bounds)
    {
        // Zones that are larger than the recorded heap say that the record is wrong.
        long whole = HeapLayout.UsableSize((map.Length & -PoolFile.PageSize) - bounds.HeapOffset);
        if (!ZonesFit(bounds.HeapOffset, bounds.HeapSize) && ZonesFit(bounds.HeapOffset, whole) && TryWalkZones(bounds.HeapOffset, whole))
        {
            Mend(PoolDescriptor.HeapSizeField, "heap size", $"{whole}", $"{bounds.HeapSize}", "wrote what the zones say");
            Store(PoolDescriptor.HeapSizeField, (ulong)whole);
            bounds = bounds with { HeapSize = whole };
        }

        bool sound = true;
        int zones = HeapLayout.ZoneCount(bounds.HeapSize);
        for (int zone = 0; zone < zones; zone++)
        {
            Report("mending chunks", zone, zones);
            sound &= TryMendZone(ZoneOffset(bounds.HeapOffset, zone), HeapLayout.ZoneChunks(bounds.HeapSize, zone));
        }

        return sound;
    }

    private bool TryWalkZones(long heap, long size)
    {
        for (int zone = 0; zone < HeapLayout.ZoneCount(size); zone++)
        {
            long at = ZoneOffset(heap, zone);
            ulong word = map.ReadUInt64(at);
            if ((uint)word == HeapLayout.ZoneMagic && !IsWhole(at, 0, (uint)(word >> 32)))
                return false;
        }

        return true;
    }

    private bool TryMendZone(long zone, long most)
    {
        ulong word = map.ReadUInt64(zone);
        uint chunks = (uint)(word >> 32);
        if ((uint)word == 0)
            return true;
        if (most > HeapLayout.ChunksPerZone)
        {
            Leave(zone, "zone size", $"at most {HeapLayout.ChunksPerZone} chunks", $"{most}", "libpmemobj overran the chunk headers of this pool: copy its objects to a pool of another size");
            return false;
        }

        if ((uint)word != HeapLayout.ZoneMagic || chunks == 0 || chunks > most)
        {
            if (!IsWhole(zone, 0, (uint)most))
            {
                Leave(zone, "zone header", $"0x{HeapLayout.ZoneMagic:x} and 1 to {most} chunks", $"0x{(uint)word:x} and {chunks}", "the chunk headers do not tell how many chunks there are either");
                return false;
            }

            Mend(zone, "zone header", $"0x{HeapLayout.ZoneMagic:x} and 1 to {most} chunks", $"0x{(uint)word:x} and {chunks}", $"wrote {most} chunks, where the chunk headers end");
            Store(zone, HeapLayout.ZoneMagic | ((ulong)most << 32));
            chunks = (uint)most;
        }

        return TryMendChain(zone, chunks);
    }

    private bool TryMendChain(long zone, uint chunks)
    {
        uint previous = uint.MaxValue;
        for (uint chunk = 0; chunk < chunks;)
        {
            ChunkHeader header = Chunk(zone, chunk);
            if (Fits(header, chunks - chunk))
            {
                previous = chunk;
                chunk += header.SizeIndex;
                continue;
            }

            // Either this header is broken, or the length of the block before it, which then led astray.
            if (TryMendChunk(zone, chunks, chunk))
                continue;
            if (previous != uint.MaxValue && TryMendChunk(zone, chunks, previous))
            {
                chunk = previous;
                previous = uint.MaxValue;
                continue;
            }

            Leave(At(zone, chunk), "chunk header", "FREE, USED or RUN, and a length that fits", Describe(header), "neither a footer, nor run-data headers, nor an object say what block begins here: restore it from a backup");
            return false;
        }

        return true;
    }

    private bool TryMendChunk(long zone, uint chunks, uint chunk)
    {
        ChunkHeader old = Chunk(zone, chunk);
        foreach (bool strict in (ReadOnlySpan<bool>)[true, false])
        {
            foreach ((ChunkHeader candidate, string evidence) in Candidates(zone, chunks, chunk))
            {
                if (candidate == old || !Fits(candidate, chunks - chunk))
                    continue;
                uint next = chunk + candidate.SizeIndex;
                if (strict ? !IsWhole(zone, next, chunks) : next < chunks && !Fits(Chunk(zone, next), chunks - next))
                    continue;
                Mend(At(zone, chunk), "chunk header", Describe(candidate), Describe(old), $"wrote it again: {evidence}");
                Store(At(zone, chunk), candidate.Word);
                return true;
            }
        }

        return false;
    }

    private IEnumerable<(ChunkHeader Header, string Evidence)> Candidates(long zone, uint chunks, uint chunk)
    {
        ChunkHeader old = Chunk(zone, chunk);
        uint rest = chunks - chunk;
        uint runData = 0;
        while (runData + 1 < rest && Chunk(zone, chunk + runData + 1) is { Type: ChunkType.RunData } data && data.SizeIndex == runData + 1)
            runData++;
        if (runData > 0 && TryRun(zone, chunk, runData + 1, old, out ChunkHeader run))
            yield return (run, $"{runData} run-data headers follow");

        for (uint length = 2; length <= rest; length++)
        {
            if (Chunk(zone, chunk + length - 1) is { Type: ChunkType.Footer } footer && footer.SizeIndex == length)
                yield return (Block(zone, chunk, length, old), $"a footer {length - 1} chunks further names it");
        }

        if (old.SizeIndex >= 1 && old.SizeIndex <= rest && !IsBlock(old.Type) && TryIdentify(zone, chunk, old.SizeIndex, old, out ChunkHeader identified))
            yield return (identified, "its length is sound, and what lies in it says what it is");
        ulong objectSize = map.ReadUInt64(Data(zone, chunk)) & ObjectHeader.SizeMask;
        if (objectSize % HeapLayout.ChunkSize == 0 && objectSize >= HeapLayout.ChunkSize && objectSize / HeapLayout.ChunkSize <= rest && old.Type != ChunkType.Free)
            yield return (Block(zone, chunk, (uint)(objectSize / HeapLayout.ChunkSize), old), "the object in it says how long it is");
        if (TryRun(zone, chunk, 1, old, out ChunkHeader single) && old.Type is not (ChunkType.Free or ChunkType.Used))
            yield return (single, "its run header and bitmap are those of a run of one chunk");
        if (old.Type == ChunkType.Free)
            yield return (new ChunkHeader(ChunkType.Free, Known(old.Flags), 1), "it is free, and a block follows");
        if (!IsBlock(old.Type) || old.Type == ChunkType.Free)
        {
            for (uint length = 1; length < rest; length++)
            {
                if (Chunk(zone, chunk + length).Type is ChunkType.Used or ChunkType.Run)
                    yield break;
            }

            if (old.Type == ChunkType.Free)
                yield return (new ChunkHeader(ChunkType.Free, Known(old.Flags), rest), "it is free, and nothing follows in the zone");
        }
    }

    /// <summary>What a block of this length is, when only its type is lost.</summary>
    private bool TryIdentify(long zone, uint chunk, uint length, ChunkHeader old, out ChunkHeader header)
    {
        if (TryRun(zone, chunk, length, old, out header))
            return true;
        ulong size = map.ReadUInt64(Data(zone, chunk)) & ObjectHeader.SizeMask;
        bool footer = length > 1 && Chunk(zone, chunk + length - 1) is { Type: ChunkType.Footer } last && last.SizeIndex == length;
        header = Block(zone, chunk, length, old);
        return footer || size == (ulong)(length * HeapLayout.ChunkSize);
    }

    /// <summary>A free or used block: what its header still says, else what the object in it says.</summary>
    private ChunkHeader Block(long zone, uint chunk, uint length, ChunkHeader old)
    {
        bool holdsObject = (map.ReadUInt64(Data(zone, chunk)) & ObjectHeader.SizeMask) == (ulong)(length * HeapLayout.ChunkSize);
        ChunkType type = old.Type is ChunkType.Free or ChunkType.Used ? old.Type : holdsObject ? ChunkType.Used : ChunkType.Free;
        ChunkFlags flags = (old.Flags & ~ChunkFlags.All) == 0 && old.Type == type ? old.Flags : holdsObject ? ChunkFlags.CompactHeader : ChunkFlags.None;
        return new ChunkHeader(type, flags, length);
    }

    private bool TryRun(long zone, uint chunk, uint length, ChunkHeader old, out ChunkHeader header)
    {
        long data = Data(zone, chunk);
        ulong unit = map.ReadUInt64(data);
        ulong alignment = map.ReadUInt64(data + sizeof(ulong));
        const ChunkFlags Usual = ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap;
        ReadOnlySpan<ChunkFlags> tried = old.Type == ChunkType.Run && (old.Flags & ~ChunkFlags.All) == 0 ? [old.Flags, Usual] : [Usual];
        foreach (ChunkFlags flags in tried)
        {
            header = new ChunkHeader(ChunkType.Run, flags, length);
            if (RunGeometry.TryCreate(unit, alignment, flags, length, out RunGeometry geometry) && HasBitmapEnd(data, geometry)
                && (flags == old.Flags || AllocationClasses.ForRun(unit, flags, length) is not null))
                return true;
        }

        header = default;
        return false;
    }

    private bool IsWhole(long zone, uint chunk, uint chunks)
    {
        while (chunk < chunks)
        {
            ChunkHeader header = Chunk(zone, chunk);
            if (!Fits(header, chunks - chunk))
                return false;
            chunk += header.SizeIndex;
        }

        return true;
    }

    private static bool Fits(ChunkHeader header, uint rest) =>
        IsBlock(header.Type) && (header.Flags & ~ChunkFlags.All) == 0 && header.SizeIndex >= 1 && header.SizeIndex <= rest;

    private static bool IsBlock(ChunkType type) => type is ChunkType.Free or ChunkType.Used or ChunkType.Run;

    private static ChunkFlags Known(ChunkFlags flags) => flags & ChunkFlags.All;

    private static string Describe(ChunkHeader header) => $"{header.Type.ToString().ToUpperInvariant()} (type {(int)header.Type}), flags 0x{(int)header.Flags:x}, {header.SizeIndex} chunks";

    private static long At(long zone, uint chunk) => zone + HeapLayout.ZoneHeaderSize + (chunk * (long)ChunkHeader.Size);

    private static long Data(long zone, uint chunk) => zone + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);

    private ChunkHeader Chunk(long zone, uint chunk) => new(map.ReadUInt64(At(zone, chunk)));
}
