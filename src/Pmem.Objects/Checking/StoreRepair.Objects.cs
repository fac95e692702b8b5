using System.Numerics;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Checking;

/// <content>Runs, objects and the root of a pool that was recovered. Where a bit and an object disagree, data is kept.</content>
internal sealed partial class StoreRepair
{
    private const int Bits = RunGeometry.BitsPerWord;

    private void MendRecovered()
    {
        ObjectStore store;
        try
        {
            // The store is not disposed: that would close the caller's map.
            store = OpenStore();
        }
        catch (PmemFormatException problem)
        {
            Leave(problem, "the pool cannot be recovered as long as this is so");
            return;
        }

        PoolBounds bounds = store.Bounds;
        int zones = HeapLayout.ZoneCount(bounds.HeapSize);
        for (int zone = 0; zone < zones; zone++)
        {
            long at = ZoneOffset(bounds.HeapOffset, zone);
            ulong word = map.ReadUInt64(at);
            if ((uint)word == HeapLayout.ZoneMagic)
                MendBlocks(at, (uint)(word >> 32));
        }

        MendRoot(bounds);

        // Who uses what can be told only when it is certain what there is.
        if (IsFull || new StoreChecker(map).RunObjects(bounds).Count > 0)
            return;
        MendLost(store);
        if (links is not null)
            MendLinks(store, links);
    }

    private void MendBlocks(long zone, uint chunks)
    {
        for (uint chunk = 0; chunk < chunks && !IsFull;)
        {
            if (chunk % 256 == 0)
                Report("mending objects", chunk, chunks);
            ChunkHeader header = Chunk(zone, chunk);
            if (header.Type == ChunkType.Run)
                MendRun(zone, chunk, header);
            else if (header.Type == ChunkType.Used && (header.Flags & ChunkFlags.CompactHeader) != 0)
                MendHuge(Data(zone, chunk), header.SizeIndex * HeapLayout.ChunkSize);
            chunk += header.SizeIndex;
        }
    }

    private void MendHuge(long data, long size)
    {
        ulong word = map.ReadUInt64(data);
        if ((word & ObjectHeader.SizeMask) == (ulong)size)
            return;
        Mend(data, "object header size", $"{size} (all chunks of its block)", $"{word & ObjectHeader.SizeMask}", "wrote the size of its block");
        Store(data, WithSize(word, size));
    }

    private void MendRun(long zone, uint chunk, ChunkHeader header)
    {
        for (uint i = 1; i < header.SizeIndex; i++)
        {
            var right = new ChunkHeader(ChunkType.RunData, ChunkFlags.None, i);
            ChunkHeader found = Chunk(zone, chunk + i);
            if (found.Type == ChunkType.RunData && found.SizeIndex == i)
                continue;
            Mend(At(zone, chunk + i), "run data header", $"RUN_DATA {i}", Describe(found), "wrote it again: the run's header says that it belongs to it");
            Store(At(zone, chunk + i), right.Word);
        }

        long run = Data(zone, chunk);
        ulong unit = map.ReadUInt64(run);
        ulong alignment = map.ReadUInt64(run + sizeof(ulong));
        if (!RunGeometry.TryCreate(unit, alignment, header.Flags, header.SizeIndex, out RunGeometry geometry) && !TryMendRunHeader(run, header, unit, out geometry))
            return;
        MendBitmapEnd(run, geometry);
        if (geometry.HeaderSize == 0)
            return;
        for (int i = 0; i < geometry.Units && !IsFull;)
        {
            ulong used = map.ReadUInt64(WordOffset(run, i)) >> (i % Bits);
            if (used == 0)
            {
                i = ((i / Bits) + 1) * Bits;
                continue;
            }

            i += BitOperations.TrailingZeroCount(used);
            if (i < geometry.Units)
                i += MendObject(run, geometry, i);
        }
    }

    /// <summary>The unit size is lost: exactly one of the classes must make sense of bitmap and objects.</summary>
    private bool TryMendRunHeader(long run, ChunkHeader header, ulong unit, out RunGeometry geometry)
    {
        List<AllocationClass> fitting = [];
        foreach (AllocationClass candidate in AllocationClasses.All[1..])
        {
            if (candidate.Chunks == header.SizeIndex && candidate.Flags == header.Flags && HasBitmapEnd(run, candidate.Geometry) && HasWholeObjects(run, candidate.Geometry))
                fitting.Add(candidate);
        }

        geometry = default;
        if (fitting.Count != 1)
        {
            Leave(run, "run header", $"a unit size that fits {header.SizeIndex} chunks", $"{unit}", $"{fitting.Count} size classes make sense of its bitmap and objects, so the unit size is not certain");
            return false;
        }

        geometry = fitting[0].Geometry;
        Mend(run, "run header", $"{geometry.UnitSize}", $"{unit}", "wrote the only unit size with which bitmap and objects make sense");
        Store(run, (ulong)geometry.UnitSize);
        return true;
    }

    private bool HasWholeObjects(long run, RunGeometry geometry)
    {
        int objects = 0;
        for (int i = 0; i < geometry.Units;)
        {
            if (!IsUsed(run, i))
            {
                i++;
                continue;
            }

            int units = UnitsOf(run, geometry, i);
            if (units == 0 || CountUsed(run, geometry, i) < units)
                return false;
            i += units;
            objects++;
        }

        return objects > 0;
    }

    private bool HasBitmapEnd(long run, RunGeometry geometry) =>
        (map.ReadUInt64(WordOffset(run, (geometry.Words - 1) * Bits)) & geometry.LastWord) == geometry.LastWord;

    private void MendBitmapEnd(long run, RunGeometry geometry)
    {
        if (HasBitmapEnd(run, geometry))
            return;
        long at = WordOffset(run, (geometry.Words - 1) * Bits);
        ulong word = map.ReadUInt64(at);
        Mend(at, "run bitmap end", $"ones behind unit {geometry.Units}", $"0x{word:x16}", "set them: there is nothing to allocate");
        Store(at, word | geometry.LastWord);
    }

    /// <summary>Mends the object whose first unit this is, or its bits; returns how many units to go on.</summary>
    private int MendObject(long run, RunGeometry geometry, int unit)
    {
        long block = geometry.DataOffset(run) + (unit * geometry.UnitSize);
        long sizeField = block + (geometry.HeaderSize == ObjectHeader.CompactSize ? 0 : ObjectHeader.LegacySizePosition);
        int used = CountUsed(run, geometry, unit);
        int units = UnitsOf(run, geometry, unit);
        if (units > 0 && units <= used)
            return units;

        string found = $"{SizeOf(sizeField, geometry)}";
        string expected = $"1 to {Bits - (unit % Bits)} units of {geometry.UnitSize} bytes (the bitmap says that an object is here)";
        ulong missing = Mask(unit, units) & ~Mask(unit, used);
        if (units > used && (map.ReadUInt64(WordOffset(run, unit)) & missing) == 0)
        {
            // The missing bits are clear, so no other object is there: with them set nothing is lost, whichever of the two was wrong.
            Mend(WordOffset(run, unit), "run bitmap", $"all {units} units of the object at 0x{block:x} set", $"{used}", "set the missing bits");
            Store(WordOffset(run, unit), map.ReadUInt64(WordOffset(run, unit)) | Mask(unit, units));
            return units;
        }

        if (units == 0 && IsUntouched(block, geometry.UnitSize))
        {
            Mend(block, "object header size", expected, found, "cleared the bit in the bitmap: there is no object, not even an old one");
            Store(WordOffset(run, unit), map.ReadUInt64(WordOffset(run, unit)) & ~Mask(unit, 1));
            return 1;
        }

        int length = LengthOfUnknown(run, geometry, unit, used);
        Mend(block, "object header size", expected, found, $"wrote {length} units, up to where the next object or free space begins");
        long size = length * geometry.UnitSize;
        Store(sizeField, geometry.HeaderSize == ObjectHeader.CompactSize ? WithSize(map.ReadUInt64(sizeField), size) : (ulong)size);
        return length;
    }

    /// <summary>How many used units belong to an object that does not say it: as few as leave whole objects behind it.</summary>
    private int LengthOfUnknown(long run, RunGeometry geometry, int unit, int used)
    {
        for (int length = 1; length < used; length++)
        {
            int at = unit + length;
            while (at < unit + used && UnitsOf(run, geometry, at) is > 0 and var units && units <= unit + used - at)
                at += units;
            if (at == unit + used)
                return length;
        }

        return used;
    }

    /// <summary>Units that the object's own header names; 0 when it makes no sense.</summary>
    private int UnitsOf(long run, RunGeometry geometry, int unit)
    {
        long block = geometry.DataOffset(run) + (unit * geometry.UnitSize);
        if ((geometry.Units - unit) * geometry.UnitSize < geometry.HeaderSize)
            return 0;
        ulong size = SizeOf(block + (geometry.HeaderSize == ObjectHeader.CompactSize ? 0 : ObjectHeader.LegacySizePosition), geometry);
        ulong units = size / (ulong)geometry.UnitSize;
        bool whole = size != 0 && size % (ulong)geometry.UnitSize == 0 && units <= (ulong)(Bits - (unit % Bits)) && unit + (long)units <= geometry.Units;
        return whole ? (int)units : 0;
    }

    private ulong SizeOf(long field, RunGeometry geometry) =>
        map.ReadUInt64(field) & (geometry.HeaderSize == ObjectHeader.CompactSize ? ObjectHeader.SizeMask : ulong.MaxValue);

    /// <summary>Used units from this one on, inside its bitmap word and the run.</summary>
    private int CountUsed(long run, RunGeometry geometry, int unit)
    {
        ulong word = map.ReadUInt64(WordOffset(run, unit)) >> (unit % Bits);
        return Math.Min(Math.Min(BitOperations.TrailingZeroCount(~word), Bits - (unit % Bits)), geometry.Units - unit);
    }

    private bool IsUsed(long run, int unit) => (map.ReadUInt64(WordOffset(run, unit)) >> (unit % Bits) & 1) != 0;

    private bool IsUntouched(long block, long length) => !map.GetSpan(block, (int)length).ContainsAnyExcept((byte)0);

    private static long WordOffset(long run, int unit) => run + RunGeometry.RunHeaderSize + (unit / Bits * sizeof(ulong));

    private static ulong Mask(int unit, int units) => (units >= Bits ? ulong.MaxValue : (1UL << units) - 1) << (unit % Bits);

    private static ulong WithSize(ulong word, long size)
    {
        // The flags share the word; only the internal flag exists.
        ulong flags = word >> ObjectHeader.FlagsShift;
        return (ulong)size | (flags == ObjectFlags.Internal ? flags << ObjectHeader.FlagsShift : 0);
    }

    private void MendRoot(PoolBounds bounds)
    {
        ulong root = map.ReadUInt64(PoolDescriptor.RootOffsetField);
        ulong size = map.ReadUInt64(PoolDescriptor.RootSizeField);
        if (root == 0 && size == 0)
            return;
        var heap = new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
        if (root == 0 || root > long.MaxValue || !heap.IsObject((long)root))
        {
            if (FindRoot(bounds) is not { } found)
            {
                if (root != 0)
                {
                    Leave(PoolDescriptor.RootOffsetField, "root offset", "an allocated object", $"0x{root:x}", "no internal object that belongs to no log is left, or several are, so which was the root is not known");
                    return;
                }

                Mend(PoolDescriptor.RootSizeField, "root size", "0 (there is no root)", $"{size}", "wrote 0");
                Store(PoolDescriptor.RootSizeField, 0);
                return;
            }

            Mend(PoolDescriptor.RootOffsetField, "root offset", "an allocated object", $"0x{root:x}", $"wrote 0x{found:x}: the only internal object that belongs to no log");
            Store(PoolDescriptor.RootOffsetField, (ulong)found);
            root = (ulong)found;
        }

        long usable = heap.UsableSize((long)root);
        if (size != 0 && size <= (ulong)usable)
            return;
        Mend(PoolDescriptor.RootSizeField, "root size", $"1 to {usable}", $"{size}", "wrote the usable size of the object");
        Store(PoolDescriptor.RootSizeField, (ulong)usable);
    }

    private long? FindRoot(PoolBounds bounds)
    {
        HashSet<long> logs = [.. LaneChains.All(map, bounds).Select(link => link.ObjectOffset)];
        ObjectStore store = OpenStore();
        StoreObject[] candidates = [.. store.EnumerateObjects().Where(o => o.IsInternal && !logs.Contains(o.Offset)).Take(2)];
        return candidates.Length == 1 ? candidates[0].Offset : null;
    }
}
