using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <summary>A size class: objects of up to eight units of one size, in runs of so many chunks.</summary>
/// <param name="Id">1 and up; class 0 is whole chunks.</param>
/// <param name="Chunks">Chunks of a run.</param>
/// <param name="Flags">Flags of the run's chunk header.</param>
/// <param name="Geometry">Where bitmap and units lie.</param>
internal sealed record AllocationClass(int Id, uint Chunks, ChunkFlags Flags, RunGeometry Geometry)
{
    /// <summary>Bytes of a unit.</summary>
    public long UnitSize => Geometry.UnitSize;

    /// <summary>Bytes of an object's header.</summary>
    public int HeaderSize => Geometry.HeaderSize;
}

/// <summary>
/// The 53 size classes that libpmemobj generates, and the choice of one for a size. They decide where objects go, so they must be exactly
/// C's: a pool that both use would otherwise waste the space of the other's runs.
/// </summary>
internal static class AllocationClasses
{
    /// <summary>Units that an object of a run has at most.</summary>
    public const int MaximumUnits = 8;

    /// <summary>Sizes from here on get whole chunks.</summary>
    public const long HugeThreshold = 10 * HeapLayout.ChunkSize;

    private const int Granularity = 16;
    private const int MinimumUnit = 128;
    private const int UnitsWanted = 200;
    private const int MaximumRunChunks = 16;
    private const long MaximumSlack = 1024;
    private const byte Unknown = byte.MaxValue;

    // One chunk less its run header and the fixed bitmap: what C's sizing rule starts from.
    private const long OneChunk = HeapLayout.ChunkSize - RunGeometry.RunHeaderSize - 304;

    private static readonly AllocationClass[] s_classes = Generate();

    // Class for each 16 bytes of size; filled as sizes come up.
    private static readonly byte[] s_bySize = CreateSizeMap();

    /// <summary>The classes; index 0 is not one.</summary>
    public static ReadOnlySpan<AllocationClass> All => s_classes;

    /// <summary>The run class for a size, or null when it needs whole chunks.</summary>
    public static AllocationClass? ForSize(long size)
    {
        if (size >= HugeThreshold)
            return null;
        long index = 1 + ((size - 1) / Granularity);
        byte id = s_bySize[index];
        if (id == Unknown)
            s_bySize[index] = id = Choose(index * Granularity);
        return id == 0 ? null : s_classes[id];
    }

    /// <summary>The class that runs of this shape belong to, or null when the shape is another program's.</summary>
    public static AllocationClass? ForRun(ulong unitSize, ChunkFlags flags, uint chunks)
    {
        for (int i = 1; i < s_classes.Length; i++)
        {
            AllocationClass candidate = s_classes[i];
            if ((ulong)candidate.UnitSize == unitSize && candidate.Flags == flags && candidate.Chunks == chunks)
                return candidate;
        }

        return null;
    }

    private static byte[] CreateSizeMap()
    {
        byte[] map = new byte[(HugeThreshold / Granularity) + 1];
        Array.Fill(map, Unknown);
        Array.Fill(map, (byte)1, 0, MinimumUnit / Granularity);
        return map;
    }

    /// <summary>The class that wastes least for a size; among equals the one with the higher id.</summary>
    private static byte Choose(long size)
    {
        byte best = 0;
        ulong least = ulong.MaxValue;
        long real = size + ObjectHeader.CompactSize;
        for (int id = s_classes.Length - 1; id >= 0; id--)
        {
            long unit = id == 0 ? HeapLayout.ChunkSize : s_classes[id].UnitSize;
            long units = (real + unit - 1) / unit;
            if (id != 0 && units > MaximumUnits)
                continue;
            if (units * unit == real)
                return (byte)id;
            long waste = (units * unit) - real;
            if (id != 0)
                waste += s_classes[id].Geometry.Units % units * unit / s_classes[id].Geometry.Units;
            if ((ulong)waste >= least)
                continue;
            least = (ulong)waste;
            best = (byte)id;
        }

        return best;
    }

    private static AllocationClass[] Generate()
    {
        ReadOnlySpan<int> boundaries = [128, 1024, 2048, 4096, 8192, 16384, 32768, 131072, 393216];
        var classes = new List<AllocationClass> { null!, Create(1, MinimumUnit, 1) };
        for (int k = 1; k < boundaries.Length; k++)
        {
            long size = boundaries[k - 1] + 64;
            do
            {
                FindOrCreate(classes, size);
                size += (CeilingOf(size * 0.05f) + 63) & -64;
            }
            while (size <= boundaries[k]);
        }

        return [.. classes];
    }

    /// <summary>Rounds up in single precision, as C does: a fraction below the epsilon counts as none.</summary>
    private static long CeilingOf(float value)
    {
        const float Epsilon = 1.1920929e-7f;
        long whole = (long)value;
        return value - whole < Epsilon ? whole : whole + 1;
    }

    private static void FindOrCreate(List<AllocationClass> classes, long size)
    {
        long needed = size * UnitsWanted;
        uint chunks = needed > OneChunk
            ? (uint)Math.Min(MaximumRunChunks, 1 + ((needed - OneChunk + HeapLayout.ChunkSize - 1) / HeapLayout.ChunkSize))
            : 1;
        for (int i = classes.Count - 1; i > 0; i--)
        {
            if (classes[i].Chunks >= chunks && size % classes[i].UnitSize == 0 && size / classes[i].UnitSize <= MaximumUnits)
                return;
        }

        // Larger units until no more than a kilobyte is left at the end of the run.
        while (true)
        {
            _ = RunGeometry.TryCreate((ulong)size, 0, ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap, chunks, out RunGeometry geometry);
            long content = (chunks * HeapLayout.ChunkSize) - RunGeometry.RunHeaderSize - geometry.BitmapSize;
            if (content % size <= MaximumSlack)
                break;
            size += 64;
        }

        for (int i = 1; i < classes.Count; i++)
        {
            long unit = classes[i].UnitSize;
            if ((size / unit <= MaximumUnits && size % unit == 0) || unit == size)
                return;
        }

        classes.Add(Create(classes.Count, size, chunks));
    }

    private static AllocationClass Create(int id, long unit, uint chunks)
    {
        const ChunkFlags Flags = ChunkFlags.CompactHeader | ChunkFlags.FlexibleBitmap;
        _ = RunGeometry.TryCreate((ulong)unit, 0, Flags, chunks, out RunGeometry geometry);
        return new AllocationClass(id, chunks, Flags, geometry);
    }
}
