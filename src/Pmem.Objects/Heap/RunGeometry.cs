using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <summary>Where bitmap and units of a run lie. All positions are relative to the run's first byte.</summary>
/// <param name="UnitSize">Bytes of a unit.</param>
/// <param name="Units">Units of the run.</param>
/// <param name="Words">Bitmap words in use.</param>
/// <param name="BitmapSize">Bytes of the bitmap.</param>
/// <param name="Alignment">Alignment of user data, or 0.</param>
/// <param name="HeaderSize">Bytes of an object's header.</param>
internal readonly record struct RunGeometry(long UnitSize, int Units, int Words, int BitmapSize, long Alignment, int HeaderSize)
{
    /// <summary>Bytes of the run header, before the bitmap.</summary>
    public const int RunHeaderSize = 16;

    public const int BitsPerWord = 64;
    private const int FixedBitmapWords = 38;
    private const int FixedBitmapBits = FixedBitmapWords * BitsPerWord;
    private const long MaximumAlignment = 2L << 20;

    /// <summary>Geometry from what is on media; false when the fields are impossible.</summary>
    public static bool TryCreate(ulong unitSize, ulong alignment, ChunkFlags flags, uint chunks, out RunGeometry geometry)
    {
        geometry = default;
        bool aligned = (flags & ChunkFlags.Aligned) != 0;
        long content = (chunks * HeapLayout.ChunkSize) - RunHeaderSize;
        if (unitSize == 0 || unitSize > (ulong)content || chunks == 0)
            return false;

        // A unit that is no multiple of the alignment could not keep it, and the gap before the first would push the last out of the run.
        if (aligned && (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > MaximumAlignment || unitSize % alignment != 0))
            return false;

        long unit = (long)unitSize;
        long lost = aligned ? 1 : 0;
        int headerSize = ObjectHeader.SizeOf(flags);
        if ((flags & ChunkFlags.FlexibleBitmap) == 0)
            return TryCreateFixed(unit, aligned ? (long)alignment : 0, lost, headerSize, chunks, out geometry);

        long first = content / unit;
        long words = (((first + BitsPerWord - 1) / BitsPerWord) + 2 + 7) / 8 * 8 - 2;
        long size = words * sizeof(ulong);
        long units = ((content - size) / unit) - lost;
        if (size >= content || units <= 0 || units > int.MaxValue)
            return false;
        long unused = ((words * BitsPerWord) - units) / BitsPerWord;
        geometry = new RunGeometry(unit, (int)units, (int)(words - unused), (int)size, aligned ? (long)alignment : 0, headerSize);
        return true;
    }

    /// <summary>Pool offset of the first unit of a run that begins at <paramref name="run"/>.</summary>
    public long DataOffset(long run)
    {
        long data = run + RunHeaderSize + BitmapSize;
        if (Alignment == 0)
            return data;
        long user = (data + HeaderSize + Alignment - 1) & -Alignment;
        return user - HeaderSize;
    }

    /// <summary>The last bitmap word of a new run: bits behind the last unit are set.</summary>
    public ulong LastWord => Units % BitsPerWord == 0 ? 0 : ulong.MaxValue << (Units % BitsPerWord);

    private static bool TryCreateFixed(long unit, long alignment, long lost, int headerSize, uint chunks, out RunGeometry geometry)
    {
        // Pools of before 1.5: 38 words always; runs with more units than bits count fewer chunks.
        const int Size = FixedBitmapWords * sizeof(ulong);
        long units;
        do
        {
            units = ((chunks * HeapLayout.ChunkSize) - RunHeaderSize - Size) / unit;
            if (units <= FixedBitmapBits)
                break;
            if (chunks == 1)
                units = FixedBitmapBits;
        }
        while (units > FixedBitmapBits && --chunks > 0);

        units -= lost;
        int unused = (int)((FixedBitmapBits - units) / BitsPerWord);
        geometry = new RunGeometry(unit, (int)units, FixedBitmapWords - unused, Size, alignment, headerSize);
        return units > 0;
    }
}
