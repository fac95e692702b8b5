using System.Runtime.InteropServices;
using System.Text;
using Pmem.Pools;

namespace Pmem.Objects.Layout;

/// <summary>Reads, validates and writes the pool descriptor.</summary>
internal static class DescriptorReader
{
    /// <summary>The layout name.</summary>
    public static string ReadLayout(PersistentMap map)
    {
        ReadOnlySpan<byte> name = map.GetSpan(PoolDescriptor.Offset, PoolDescriptor.LayoutSize);
        int end = name.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }

    /// <summary>
    /// Where lanes and heap are. Throws <see cref="PmemFormatException"/> when the descriptor is not valid, in PMDK's order: checksum, layout,
    /// alignment of the heap; then what PMDK does not check: that lanes and heap lie in the pool and do not overlap.
    /// </summary>
    /// <param name="map">The pool.</param>
    /// <param name="layout">The layout name wanted; null accepts any.</param>
    public static PoolBounds Read(PersistentMap map, string? layout) => Read(map, layout, map.ReadUInt64(PoolDescriptor.HeapSizeField));

    /// <summary>The same for a pool that keeps its heap size elsewhere.</summary>
    public static PoolBounds Read(PersistentMap map, string? layout, ulong storedHeapSize)
    {
        ulong checksum = ComputeChecksum(map);
        ulong stored = map.ReadUInt64(PoolDescriptor.ChecksumField);
        if (stored != checksum)
            throw new PmemFormatException("pool descriptor checksum", PoolDescriptor.ChecksumField, $"0x{checksum:x16}", $"0x{stored:x16}");
        if (layout is not null && ReadLayout(map) is var found && !string.Equals(found, layout, StringComparison.Ordinal))
            throw new PmemFormatException("pool layout", PoolDescriptor.Offset, $"\"{layout}\"", $"\"{found}\"");

        long size = map.Length & -PoolFile.PageSize;
        long lanes = Field(map, PoolDescriptor.LanesOffsetField, "lanes offset", PoolDescriptor.RunTimeArea, size);
        long count = Field(map, PoolDescriptor.LaneCountField, "lane count", 1, int.MaxValue / LaneLayout.Size);
        long heap = Field(map, PoolDescriptor.HeapOffsetField, "heap offset", 0, size - HeapLayout.HeaderSize);
        if (heap % PoolFile.PageSize != 0)
            throw new PmemFormatException("heap offset", PoolDescriptor.HeapOffsetField, $"a multiple of {PoolFile.PageSize}", $"0x{heap:x}");
        if ((lanes & 63) != 0 || lanes + (count * LaneLayout.Size) > heap)
            throw new PmemFormatException("lanes", PoolDescriptor.LanesOffsetField, $"an aligned offset, and {count} lanes before the heap at 0x{heap:x}", $"0x{lanes:x}");

        long available = size - heap;
        long heapSize = (long)Math.Min(storedHeapSize, long.MaxValue);
        if (heapSize > available)
            throw new PmemFormatException("heap size", PoolDescriptor.HeapSizeField, $"at most {available} (the file may have been truncated)", $"{heapSize}");
        return new PoolBounds(lanes, (int)count, heap, heapSize);
    }

    /// <summary>The checksum that the descriptor should have.</summary>
    public static ulong ComputeChecksum(PersistentMap map) =>
        Fletcher64.ComputeWithHole(map.GetSpan(PoolDescriptor.Offset, PoolDescriptor.Size), PoolDescriptor.ChecksumPosition);

    /// <summary>Writes the checksummed part of a new pool's descriptor; durable at return.</summary>
    public static void Write(PersistentMap map, string layout, PoolBounds bounds)
    {
        Span<byte> descriptor = stackalloc byte[PoolDescriptor.Size];
        descriptor.Clear();
        int length = Encoding.UTF8.GetByteCount(layout);
        if (length > PoolDescriptor.MaximumLayoutLength)
            throw new ArgumentException($"a layout name has at most {PoolDescriptor.MaximumLayoutLength} bytes, not {length}", nameof(layout));
        Encoding.UTF8.GetBytes(layout, descriptor);
        Put(descriptor, PoolDescriptor.LanesOffsetField, (ulong)bounds.LanesOffset);
        Put(descriptor, PoolDescriptor.LaneCountField, (ulong)bounds.LaneCount);
        Put(descriptor, PoolDescriptor.HeapOffsetField, (ulong)bounds.HeapOffset);
        Put(descriptor, PoolDescriptor.ChecksumField, Fletcher64.ComputeWithHole(descriptor, PoolDescriptor.ChecksumPosition));
        map.Copy(PoolDescriptor.Offset, descriptor);
    }

    private static void Put(Span<byte> descriptor, long field, ulong value) => MemoryMarshal.Write(descriptor[(int)(field - PoolDescriptor.Offset)..], value);

    private static long Field(PersistentMap map, long field, string what, long least, long most)
    {
        ulong value = map.ReadUInt64(field);
        return value >= (ulong)least && value <= (ulong)most
            ? (long)value
            : throw new PmemFormatException(what, field, $"{least} to {most}", $"{value}");
    }
}
