using Pmem.Objects.Layout;
using Pmem.Pools;

namespace Pmem.Objects.Inspection;

/// <summary>
/// An object pool as it lies on media, for looking only: descriptor, lanes and their logs, the heap. Nothing is judged, recovered or changed;
/// fields are given as they are, whatever they say, and what leads outside the pool is a <see cref="PmemFormatException"/> whose offset says where.
/// </summary>
/// <remarks>Reads are those of the moment: on a pool that is in use they need not fit each other. Many threads may read.</remarks>
/// <param name="map">The pool, from its header on.</param>
public sealed class ObjectPoolView(PersistentMap map)
{
    /// <summary>Where the descriptor lies.</summary>
    public const long DescriptorOffset = PoolDescriptor.Offset;

    /// <summary>Bytes of the descriptor's page, with the words behind the checksummed part.</summary>
    public const int DescriptorSize = PoolFile.PageSize;

    /// <summary>The pool's bytes.</summary>
    public PersistentMap Map { get; } = map;

    /// <summary>The layout name: the bytes before the first NUL.</summary>
    public byte[] LayoutName
    {
        get
        {
            byte[] name = Map.ReadBytes(PoolDescriptor.Offset, PoolDescriptor.LayoutSize);
            int end = name.AsSpan().IndexOf((byte)0);
            return end < 0 ? name : name[..end];
        }
    }

    /// <summary>Whether the field of the layout name has no byte but zeros.</summary>
    public bool HasNoLayout => !Map.ReadBytes(PoolDescriptor.Offset, PoolDescriptor.LayoutSize).AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>Where the lanes start.</summary>
    public ulong LanesOffset => Map.ReadWord(PoolDescriptor.LanesOffsetField);

    /// <summary>Number of lanes.</summary>
    public ulong LaneCount => Map.ReadWord(PoolDescriptor.LaneCountField);

    /// <summary>Where the heap starts.</summary>
    public ulong HeapOffset => Map.ReadWord(PoolDescriptor.HeapOffsetField);

    /// <summary>Bytes of the heap.</summary>
    public ulong HeapSize => Map.ReadWord(PoolDescriptor.HeapSizeField);

    /// <summary>The root object's user data, or 0.</summary>
    public ulong RootOffset => Map.ReadWord(PoolDescriptor.RootOffsetField);

    /// <summary>Bytes of the root object that were asked for.</summary>
    public ulong RootSize => Map.ReadWord(PoolDescriptor.RootSizeField);

    /// <summary>Grows by 2 with each open.</summary>
    public ulong RunId => Map.ReadWord(PoolDescriptor.RunIdField);

    /// <summary>The descriptor's checksum as stored.</summary>
    public ulong Checksum => Map.ReadWord(PoolDescriptor.ChecksumField);

    /// <summary>The descriptor's checksum as it should be.</summary>
    public ulong ComputedChecksum => Fletcher64.ComputeWithHole(Map.ReadBytes(PoolDescriptor.Offset, PoolDescriptor.Size), PoolDescriptor.ChecksumPosition);

    /// <summary>The heap.</summary>
    public HeapView Heap => new(Map, HeapOffset, HeapSize);

    /// <summary>A lane.</summary>
    /// <param name="index">From 0; less than <see cref="LaneCount"/>.</param>
    /// <exception cref="PmemFormatException">The lane lies outside the pool.</exception>
    public LaneView Lane(ulong index)
    {
        ulong offset = LanesOffset + (index * LaneLayout.Size);
        Map.Demand((long)offset, LaneLayout.Size);
        return new LaneView(Map, index, (long)offset);
    }

    /// <summary>Entries of logs that the pool can hold: chains of a damaged pool that have more of them share their logs.</summary>
    public long MaximumLogEntries => Map.Length / UlogEntry.ValueSize;

    /// <summary>Whether an object's user data starts at the root offset.</summary>
    public bool IsRoot(in ObjectView item) => RootOffset is var root and not 0 && (ulong)item.Offset == root;
}
