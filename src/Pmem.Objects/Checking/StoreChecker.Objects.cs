using System.Numerics;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Checking;

/// <content>Objects, one by one.</content>
internal sealed partial class StoreChecker
{
    private void CheckObjects(PoolBounds bounds)
    {
        for (int zone = 0; zone < HeapLayout.ZoneCount(bounds.HeapSize); zone++)
        {
            long zoneOffset = bounds.HeapOffset + HeapLayout.HeaderSize + (zone * HeapLayout.ZoneMaximumSize);
            ulong word = map.ReadUInt64(zoneOffset);
            if ((uint)word != HeapLayout.ZoneMagic)
                continue;
            uint chunks = (uint)(word >> 32);
            for (uint chunk = 0; chunk < chunks;)
            {
                var header = new ChunkHeader(map.ReadUInt64(HeaderOffset(zoneOffset, chunk)));
                CheckBlock(zoneOffset, chunk, header);
                chunk += header.SizeIndex;
            }
        }
    }

    private static long HeaderOffset(long zone, uint chunk) => zone + HeapLayout.ZoneHeaderSize + (chunk * (long)ChunkHeader.Size);

    private void CheckBlock(long zone, uint chunk, ChunkHeader header)
    {
        long data = zone + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);
        switch (header.Type)
        {
            case ChunkType.Run:
                CheckRunData(zone, chunk, header);
                CheckRun(data, header);
                break;
            case ChunkType.Used:
                CheckFooter(zone, chunk, header);
                CheckHuge(data, header);
                break;
            default:
                CheckFooter(zone, chunk, header);
                break;
        }
    }

    private void CheckFooter(long zone, uint chunk, ChunkHeader header)
    {
        if (header.SizeIndex < 2)
            return;
        long at = HeaderOffset(zone, chunk + header.SizeIndex - 1);
        var footer = new ChunkHeader(map.ReadUInt64(at));
        if (footer.Type != ChunkType.Footer || footer.SizeIndex != header.SizeIndex)
            Add(at, "chunk footer", $"FOOTER of {header.SizeIndex} chunks", $"type {(int)footer.Type}, {footer.SizeIndex}");
    }

    private void CheckRunData(long zone, uint chunk, ChunkHeader header)
    {
        for (uint i = 1; i < header.SizeIndex; i++)
        {
            long at = HeaderOffset(zone, chunk + i);
            var data = new ChunkHeader(map.ReadUInt64(at));
            if (data.Type != ChunkType.RunData || data.SizeIndex != i)
                Add(at, "run data header", $"RUN_DATA {i}", $"type {(int)data.Type}, {data.SizeIndex}");
        }
    }

    private void CheckHuge(long data, ChunkHeader header)
    {
        if ((header.Flags & ChunkFlags.CompactHeader) == 0)
            return;
        ulong size = map.ReadUInt64(data) & ObjectHeader.SizeMask;
        if (size != (ulong)(header.SizeIndex * HeapLayout.ChunkSize))
            Add(data, "object header size", $"{header.SizeIndex * HeapLayout.ChunkSize} (all {header.SizeIndex} chunks)", $"{size}");
    }

    private void CheckRun(long run, ChunkHeader header)
    {
        ulong unit = map.ReadUInt64(run);
        ulong alignment = map.ReadUInt64(run + sizeof(ulong));
        if (!RunGeometry.TryCreate(unit, alignment, header.Flags, header.SizeIndex, out RunGeometry geometry))
        {
            Add(run, "run header", $"a unit size and alignment that fit {header.SizeIndex} chunks", $"unit {unit}, alignment {alignment}");
            return;
        }

        long bitmap = run + RunGeometry.RunHeaderSize;
        CheckBitmapEnd(bitmap, geometry);
        for (int i = 0; i < geometry.Units;)
        {
            ulong used = map.ReadUInt64(bitmap + (i / RunGeometry.BitsPerWord * sizeof(ulong))) >> (i % RunGeometry.BitsPerWord);
            if (used == 0)
            {
                i = ((i / RunGeometry.BitsPerWord) + 1) * RunGeometry.BitsPerWord;
                continue;
            }

            i += BitOperations.TrailingZeroCount(used);
            if (i < geometry.Units)
                i += CheckObject(run, bitmap, geometry, i);
        }
    }

    private void CheckBitmapEnd(long bitmap, RunGeometry geometry)
    {
        long last = bitmap + ((geometry.Words - 1) * sizeof(ulong));
        ulong word = map.ReadUInt64(last);
        if ((word & geometry.LastWord) != geometry.LastWord)
            Add(last, "run bitmap end", $"ones behind unit {geometry.Units}", $"0x{word:x16}");
    }

    /// <summary>Checks the object whose first unit this is; returns how many units to go on.</summary>
    private int CheckObject(long run, long bitmap, RunGeometry geometry, int unit)
    {
        if (geometry.HeaderSize == 0)
            return 1;
        long block = geometry.DataOffset(run) + (unit * geometry.UnitSize);
        if ((geometry.Units - unit) * geometry.UnitSize < geometry.HeaderSize)
        {
            Add(block, "object header", $"{geometry.HeaderSize} bytes before the end of the run (the bitmap says that an object is here)", "less");
            return 1;
        }

        ulong size = geometry.HeaderSize == ObjectHeader.CompactSize
            ? map.ReadUInt64(block) & ObjectHeader.SizeMask
            : map.ReadUInt64(block + ObjectHeader.LegacySizePosition);
        int room = RunGeometry.BitsPerWord - (unit % RunGeometry.BitsPerWord);
        ulong units = size / (ulong)geometry.UnitSize;
        if (size == 0 || size % (ulong)geometry.UnitSize != 0 || units > (ulong)room || unit + (int)units > geometry.Units)
        {
            Add(block, "object header size", $"1 to {room} units of {geometry.UnitSize} bytes (the bitmap says that an object is here)", $"{size}");
            return 1;
        }

        ulong mask = (units == 64 ? ulong.MaxValue : (1UL << (int)units) - 1) << (unit % RunGeometry.BitsPerWord);
        long word = bitmap + (unit / RunGeometry.BitsPerWord * sizeof(ulong));
        if ((map.ReadUInt64(word) & mask) != mask)
            Add(word, "run bitmap", $"all {units} units of the object at 0x{block:x} set", $"0x{map.ReadUInt64(word):x16}");
        return (int)units;
    }

    private void CheckRoot(PoolBounds bounds)
    {
        long root = (long)Math.Min(map.ReadUInt64(PoolDescriptor.RootOffsetField), long.MaxValue);
        ulong size = map.ReadUInt64(PoolDescriptor.RootSizeField);
        if (root == 0)
        {
            if (size != 0)
                Add(PoolDescriptor.RootSizeField, "root size", "0 (there is no root)", $"{size}");
            return;
        }

        var heap = new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
        if (!heap.IsObject(root))
            Add(PoolDescriptor.RootOffsetField, "root offset", "an allocated object", $"0x{root:x}");
        else if (size == 0 || size > (ulong)heap.UsableSize(root))
            Add(PoolDescriptor.RootSizeField, "root size", $"1 to {heap.UsableSize(root)}", $"{size}");
    }
}
