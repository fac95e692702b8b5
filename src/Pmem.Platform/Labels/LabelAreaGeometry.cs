namespace Pmem.Platform.Labels;

/// <summary>
/// Where things are in a label storage area of a given size: index block 0, index block 1, then the slots. Computed as Linux computes it
/// (<c>sizeof_namespace_index</c>); a kernel refuses index blocks that say otherwise.
/// </summary>
/// <param name="AreaSize">Bytes of the area.</param>
/// <param name="LabelSize">Bytes of a label: 128 or 256.</param>
/// <param name="IndexSize">Bytes of an index block, a multiple of 256.</param>
/// <param name="SlotCount">Slots for labels.</param>
public readonly record struct LabelAreaGeometry(int AreaSize, int LabelSize, int IndexSize, int SlotCount)
{
    /// <summary>The smallest area that holds two labels of every form.</summary>
    public const int MinimumAreaSize = 1024;

    /// <summary>The largest area this library reads; real ones have 128 KiB to a few MiB.</summary>
    public const int MaximumAreaSize = 64 << 20;

    /// <summary>Offset of the first slot, as an index block states it.</summary>
    public int LabelOffset => 2 * IndexSize;

    /// <summary>Offset of an index block.</summary>
    public int IndexOffset(int index) => index * IndexSize;

    /// <summary>Offset of a slot.</summary>
    public int SlotOffset(int slot) => LabelOffset + (slot * LabelSize);

    /// <summary>Computes the geometry; false when the area is too small (or larger than any area is).</summary>
    /// <param name="areaSize">Bytes of the area.</param>
    /// <param name="labelSize">128 or 256.</param>
    /// <param name="geometry">The geometry.</param>
    public static bool TryCompute(long areaSize, int labelSize, out LabelAreaGeometry geometry)
    {
        geometry = default;
        if (areaSize is < MinimumAreaSize or > MaximumAreaSize)
            return false;
        int size = (int)areaSize;
        int slots = (size - (2 * IndexBytes(size / labelSize))) / labelSize;
        if (slots < 2)
            return false;
        int index = IndexBytes(slots);
        if (2 * index > size - (slots * labelSize))
            return false;
        geometry = new LabelAreaGeometry(size, labelSize, index, slots);
        return true;
    }

    /// <summary>Computes the geometry.</summary>
    /// <exception cref="PmemException">The area is too small or too large.</exception>
    public static LabelAreaGeometry Compute(long areaSize, LabelFormat format) =>
        TryCompute(areaSize, format.LabelSize(), out LabelAreaGeometry geometry)
            ? geometry
            : throw new PmemException($"a label storage area of {areaSize} bytes is not possible: give it {MinimumAreaSize} to {MaximumAreaSize} bytes, 131072 is common");

    private static int IndexBytes(int slots)
    {
        const int Unit = 256;
        int bytes = IndexBlock.HeaderSize + ((slots + 7) / 8);
        return (bytes + Unit - 1) / Unit * Unit;
    }
}
