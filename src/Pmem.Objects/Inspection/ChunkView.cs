using System.Numerics;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Inspection;

/// <summary>A chunk as it lies on media.</summary>
/// <param name="Map">The pool.</param>
/// <param name="Zone">Its zone.</param>
/// <param name="Index">Which chunk of the zone.</param>
/// <param name="HeaderOffset">Where its header is in the pool.</param>
/// <param name="DataOffset">Where it is in the pool.</param>
/// <param name="Type">What it is.</param>
/// <param name="Flags">How its objects are laid out.</param>
/// <param name="SizeIndex">Chunks that belong together from here on; of footers and run data the way back.</param>
public sealed record ChunkView(PersistentMap Map, int Zone, uint Index, long HeaderOffset, long DataOffset, ChunkType Type, ChunkFlags Flags, uint SizeIndex)
{
    /// <summary>Bytes of a chunk's header.</summary>
    public const int HeaderSize = ChunkHeader.Size;

    /// <summary>Bytes of a chunk.</summary>
    public const long Size = HeapLayout.ChunkSize;

    /// <summary>The run that starts here.</summary>
    /// <exception cref="PmemFormatException">Its header is impossible, or it does not lie in the pool.</exception>
    public RunView ReadRun()
    {
        ulong unit = Map.ReadWord(DataOffset);
        ulong alignment = Map.ReadWord(DataOffset + sizeof(ulong));
        if (SizeIndex is 0 or > HeapLayout.ChunksPerZone || !RunGeometry.TryCreate(unit, alignment, Flags, SizeIndex, out RunGeometry geometry))
            throw new PmemFormatException("run header", DataOffset, $"units that {SizeIndex} chunks can hold", $"units of {unit} bytes, alignment {alignment}");
        Map.Demand(DataOffset, SizeIndex * HeapLayout.ChunkSize);
        return new RunView(this, geometry, alignment);
    }

    /// <summary>The object of whole chunks that starts here.</summary>
    public ObjectView AsObject() => ObjectView.Read(Map, DataOffset, ObjectHeader.SizeOf(Flags), SizeIndex * HeapLayout.ChunkSize);
}

/// <summary>A run as it lies on media: units of one size, and a bitmap that says which are in use.</summary>
public sealed class RunView
{
    private readonly RunGeometry _geometry;

    internal RunView(ChunkView chunk, RunGeometry geometry, ulong alignment)
    {
        Chunk = chunk;
        _geometry = geometry;
        Alignment = alignment;
    }

    /// <summary>Bytes of a run's header.</summary>
    public const int RunHeaderSize = RunGeometry.RunHeaderSize;

    /// <summary>Its first chunk.</summary>
    public ChunkView Chunk { get; }

    /// <summary>Bytes of a unit.</summary>
    public long UnitSize => _geometry.UnitSize;

    /// <summary>Alignment of user data as the header says; 0 for none.</summary>
    public ulong Alignment { get; }

    /// <summary>Units of the run.</summary>
    public int Units => _geometry.Units;

    /// <summary>Words of the bitmap.</summary>
    public int Words => _geometry.Words;

    /// <summary>Bytes of the header of an object.</summary>
    public int HeaderSize => _geometry.HeaderSize;

    /// <summary>Where the first unit is in the pool.</summary>
    public long DataOffset => _geometry.DataOffset(Chunk.DataOffset);

    /// <summary>Units in use, by the bitmap.</summary>
    public int UsedUnits
    {
        get
        {
            int free = 0;
            for (int i = 0; i < Words; i++)
                free += BitOperations.PopCount(~Word(i));
            return Units - free;
        }
    }

    /// <summary>A word of the bitmap; a set bit is a unit in use, or none.</summary>
    public ulong Word(int index) => Chunk.Map.ReadWord(Chunk.DataOffset + RunGeometry.RunHeaderSize + (index * sizeof(ulong)));

    /// <summary>The objects, in order.</summary>
    /// <exception cref="PmemFormatException">While they are walked: an object without size.</exception>
    public IEnumerable<ObjectView> Objects()
    {
        for (int i = 0; i < Words; i++)
        {
            ulong word = Word(i);
            int first = i * RunGeometry.BitsPerWord;
            for (int bit = 0; bit < RunGeometry.BitsPerWord && first + bit < Units;)
            {
                if ((word >> bit & 1) == 0)
                {
                    bit++;
                    continue;
                }

                ObjectView item = ObjectAt(first + bit);
                yield return item;
                if (item.RealSize == 0)
                    throw new PmemFormatException("object header", item.BlockOffset, $"a size of 1 to 64 units of {UnitSize} bytes", "0");
                bit += (int)Math.Min(RunGeometry.BitsPerWord, 1 + ((ulong)item.RealSize - 1) / (ulong)UnitSize);
            }
        }
    }

    /// <summary>The object that starts at a unit, whether or not it is allocated.</summary>
    /// <param name="unit">From 0; less than <see cref="Units"/>.</param>
    public ObjectView ObjectAt(int unit) => ObjectView.Read(Chunk.Map, DataOffset + (unit * UnitSize), HeaderSize, UnitSize, isRun: true);
}

/// <summary>An object as it lies on media.</summary>
/// <param name="Offset">Pool offset of its user data.</param>
/// <param name="BlockOffset">Pool offset of its header.</param>
/// <param name="RealSize">Bytes that it takes with its header, as the header says.</param>
/// <param name="TypeNumber">The number that it was allocated with; 0 without a header.</param>
/// <param name="Flags">The flags of its header; 0x8000 for those that the library made for itself.</param>
public readonly record struct ObjectView(long Offset, long BlockOffset, long RealSize, ulong TypeNumber, ushort Flags)
{
    /// <summary>Usable bytes; less than 0 when the header is damaged.</summary>
    public long UsableSize => RealSize - (Offset - BlockOffset);

    /// <summary>Whether the library made it for itself: the root object, extensions of logs.</summary>
    public bool IsInternal => (Flags & ObjectFlags.Internal) != 0;

    internal static ObjectView Read(PersistentMap map, long block, int headerSize, long size, bool isRun = false)
    {
        switch (headerSize)
        {
            case 0:
                map.Demand(block, 1);
                return new ObjectView(block, block, size, 0, 0);
            case ObjectHeader.CompactSize:
                ulong word = map.ReadWord(block);
                return new ObjectView(block + headerSize, block, isRun ? (long)(word & ObjectHeader.SizeMask) : size, map.ReadWord(block + sizeof(ulong)), (ushort)(word >> ObjectHeader.FlagsShift));
            default:
                long real = isRun ? (long)Math.Min(map.ReadWord(block + ObjectHeader.LegacySizePosition), long.MaxValue) : size;
                return new ObjectView(block + headerSize, block, real, map.ReadWord(block + ObjectHeader.LegacyTypePosition), (ushort)(map.ReadWord(block + ObjectHeader.LegacyRootSizePosition) >> ObjectHeader.FlagsShift));
        }
    }
}
