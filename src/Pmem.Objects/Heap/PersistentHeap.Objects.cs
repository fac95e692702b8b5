using System.Numerics;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <content>From an offset to an object, and from one object to the next. Every step is checked: offsets may come from the program, headers from broken media.</content>
internal sealed unsafe partial class PersistentHeap
{
    /// <summary>Where an object is.</summary>
    private readonly record struct Location(int Zone, int Chunk, bool IsHuge, int Unit, int Units, long HeaderOffset, int HeaderSize, long UsableSize);

    /// <summary>Usable bytes of an allocated object.</summary>
    public long UsableSize(long userOffset) => Locate(userOffset).UsableSize;

    /// <summary>The type number in an object's header; 0 when it has none.</summary>
    public ulong TypeNumber(long userOffset)
    {
        Location location = Locate(userOffset);
        return location.HeaderSize switch
        {
            0 => 0,
            ObjectHeader.CompactSize => _map.ReadUInt64(location.HeaderOffset + sizeof(ulong)),
            _ => _map.ReadUInt64(location.HeaderOffset + ObjectHeader.LegacyTypePosition),
        };
    }

    /// <summary>The flags in an object's header; 0 when it has none.</summary>
    public ushort ObjectFlags(long userOffset)
    {
        Location location = Locate(userOffset);
        return location.HeaderSize switch
        {
            0 => 0,
            ObjectHeader.CompactSize => (ushort)(_map.ReadUInt64(location.HeaderOffset) >> ObjectHeader.FlagsShift),
            _ => (ushort)(_map.ReadUInt64(location.HeaderOffset + ObjectHeader.LegacyRootSizePosition) >> ObjectHeader.FlagsShift),
        };
    }

    /// <summary>Whether an allocated object's user data starts exactly there.</summary>
    public bool IsObject(long userOffset) => TryLocate(userOffset, out Location location) && IsAllocated(in location);

    /// <summary>User data of the first object in address order, internal ones included; 0 when there is none.</summary>
    public long FirstObject() => FindObject(0, 0, 0);

    /// <summary>User data of the next object in address order; 0 when there is none.</summary>
    public long NextObject(long userOffset)
    {
        Location location = Locate(userOffset);
        return location.IsHuge
            ? FindObject(location.Zone, location.Chunk + location.Units, 0)
            : FindObject(location.Zone, location.Chunk, location.Unit + location.Units);
    }

    private Location Locate(long userOffset) => TryLocate(userOffset, out Location location)
        ? location
        : throw new PmemFormatException("object", userOffset, "an object's user data", "something else");

    private bool TryLocate(long userOffset, out Location location)
    {
        location = default;
        long inZones = userOffset - _heapOffset - HeapLayout.HeaderSize;
        if (inZones < HeapLayout.ZoneMetadataSize || userOffset >= _heapOffset + _heapSize)
            return false;
        int zone = (int)(inZones / HeapLayout.ZoneMaximumSize);
        long inZone = inZones - (zone * HeapLayout.ZoneMaximumSize) - HeapLayout.ZoneMetadataSize;
        if (zone >= _zoneCount || inZone < 0 || !IsInitialized(zone))
            return false;
        int chunk = (int)(inZone / HeapLayout.ChunkSize);
        int chunks = ZoneChunks(zone);
        if (chunk >= chunks)
            return false;

        ChunkHeader header = ReadHeader(zone, chunk);
        if (header.Type == ChunkType.RunData)
        {
            if (header.SizeIndex > (uint)chunk)
                return false;
            chunk -= (int)header.SizeIndex;
            header = ReadHeader(zone, chunk);
            if (header.Type != ChunkType.Run)
                return false;
        }

        if (header.SizeIndex == 0 || header.SizeIndex > (uint)(chunks - chunk))
            return false;
        return header.Type == ChunkType.Run ? TryLocateUnit(userOffset, zone, chunk, header, out location) : TryLocateChunks(userOffset, zone, chunk, header, out location);
    }

    private bool TryLocateChunks(long userOffset, int zone, int chunk, ChunkHeader header, out Location location)
    {
        int headerSize = ObjectHeader.SizeOf(header.Flags);
        long block = ChunkOffset(zone, chunk);
        location = new Location(zone, chunk, true, 0, (int)header.SizeIndex, block, headerSize, (header.SizeIndex * HeapLayout.ChunkSize) - headerSize);
        return header.Type is ChunkType.Used or ChunkType.Free && userOffset == block + headerSize;
    }

    private bool TryLocateUnit(long userOffset, int zone, int chunk, ChunkHeader header, out Location location)
    {
        location = default;
        RunGeometry geometry = GeometryOf(zone, chunk);
        long inData = userOffset - geometry.HeaderSize - geometry.DataOffset(ChunkOffset(zone, chunk));
        if (inData < 0)
            return false;
        long unit = inData / geometry.UnitSize;
        if (unit >= geometry.Units || unit * geometry.UnitSize != inData || inData > (geometry.Units * geometry.UnitSize) - geometry.HeaderSize)
            return false;
        long block = userOffset - geometry.HeaderSize;
        int units = 1;
        if (geometry.HeaderSize != 0)
        {
            long size = (long)(geometry.HeaderSize == ObjectHeader.CompactSize
                ? _map.ReadUInt64(block) & ObjectHeader.SizeMask
                : _map.ReadUInt64(block + ObjectHeader.LegacySizePosition));
            long count = size / geometry.UnitSize;
            if (count <= 0 || count * geometry.UnitSize != size || count > RunGeometry.BitsPerWord - (unit % RunGeometry.BitsPerWord) || unit + count > geometry.Units)
                return false;
            units = (int)count;
        }

        location = new Location(zone, chunk, false, (int)unit, units, block, geometry.HeaderSize, (units * geometry.UnitSize) - geometry.HeaderSize);
        return true;
    }

    private bool IsAllocated(in Location location)
    {
        if (location.IsHuge)
            return ReadHeader(location.Zone, location.Chunk).Type == ChunkType.Used;
        long word = ChunkOffset(location.Zone, location.Chunk) + RunGeometry.RunHeaderSize + (location.Unit / RunGeometry.BitsPerWord * sizeof(ulong));
        ulong mask = Mask(location.Unit, location.Units);
        return (_map.ReadUInt64(word) & mask) == mask;
    }

    private long FindObject(int zone, int chunk, int unit)
    {
        for (; zone < _zoneCount; zone++, chunk = 0, unit = 0)
        {
            if (!IsInitialized(zone))
                continue;
            int chunks = ZoneChunks(zone);
            while (chunk < chunks)
            {
                ChunkHeader header = ReadHeader(zone, chunk);
                if (header.SizeIndex == 0 || header.SizeIndex > (uint)(chunks - chunk))
                    throw new PmemFormatException("chunk header size", HeaderOffset(zone, chunk), $"1 to {chunks - chunk} chunks", $"{header.SizeIndex}");
                if (header.Type == ChunkType.Used)
                    return ChunkOffset(zone, chunk) + ObjectHeader.SizeOf(header.Flags);
                if (header.Type == ChunkType.Run && FindInRun(zone, chunk, unit) is var found and not 0)
                    return found;
                chunk += (int)header.SizeIndex;
                unit = 0;
            }
        }

        return 0;
    }

    private long FindInRun(int zone, int chunk, int unit)
    {
        RunGeometry geometry = GeometryOf(zone, chunk);
        long run = ChunkOffset(zone, chunk);
        long bitmap = run + RunGeometry.RunHeaderSize;
        while (unit < geometry.Units)
        {
            ulong used = _map.ReadUInt64(bitmap + (unit / RunGeometry.BitsPerWord * sizeof(ulong))) >> (unit % RunGeometry.BitsPerWord);
            if (used == 0)
            {
                unit = (unit / RunGeometry.BitsPerWord + 1) * RunGeometry.BitsPerWord;
                continue;
            }

            unit += BitOperations.TrailingZeroCount(used);
            if (unit >= geometry.Units)
                break;
            long user = geometry.DataOffset(run) + (unit * geometry.UnitSize) + geometry.HeaderSize;
            return TryLocate(user, out _)
                ? user
                : throw new PmemFormatException("object header", user - geometry.HeaderSize, $"a size of 1 to 64 units of {geometry.UnitSize} bytes", $"0x{_map.ReadUInt64(user - geometry.HeaderSize):x}");
        }

        return 0;
    }
}
