// Disks and sector-mode namespaces, turned into each other. What is read is never written to; what is written is a new file that gets its name last (NewImage),
// so an interrupted conversion is simply done again. The table itself is written by the engine of Pmem.Blocks, on a map that need not be durable store by store:
// nobody sees the file before all of it is on disk.
using Pmem.Blocks;
using Pmem.Blocks.Layout;

namespace Pmem.Platform.Images;

/// <summary>How a sector-mode namespace shall be.</summary>
/// <param name="Format">Version 2.0 (labels 1.2), Linux's 1.1 (labels 1.1 or none), or PMDK's.</param>
/// <param name="SectorSize">Bytes of a sector with its metadata; 512 and 4096 are those without.</param>
/// <param name="Size">Bytes of the namespace; null for the smallest that holds the disk, in steps of 2 MiB.</param>
/// <param name="Uuid">Of the table; null makes one.</param>
/// <param name="ParentUuid">Of the namespace; empty is accepted anywhere.</param>
public sealed record SectorImageLayout(BttFormat Format, int SectorSize = 4096, long? Size = null, Guid? Uuid = null, Guid ParentUuid = default);

/// <summary>What came of it.</summary>
/// <param name="From">Format that was read; null of a disk.</param>
/// <param name="To">Format that was written; null of a disk.</param>
/// <param name="SectorSize">Bytes of a sector of the namespace that was written, or read when a disk was written.</param>
/// <param name="DiskSize">Bytes of data.</param>
/// <param name="Size">Bytes of the file that was written.</param>
/// <param name="BadSectors">The sectors that could not be read, and are zeros in the output; at most 1000 are named.</param>
/// <param name="BadSectorCount">How many could not be read.</param>
public sealed record SectorImageResult(BttFormat? From, BttFormat? To, int SectorSize, long DiskSize, long Size, IReadOnlyList<long> BadSectors, long BadSectorCount);

/// <summary>Disks and sector-mode namespaces (BTT) in files, turned into each other.</summary>
public static class SectorImage
{
    private const long Step = 2 << 20;
    private const int Chunk = 1 << 20;

    /// <summary>Bytes of data in a sector; what a sector has beyond is integrity metadata, which Linux does not store.</summary>
    public static int PayloadOf(int sectorSize) => sectorSize switch
    {
        520 or 528 => 512,
        4104 or 4160 or 4224 => 4096,
        _ => sectorSize,
    };

    /// <summary>What a sector-mode namespace is.</summary>
    /// <exception cref="PmemFormatException">There is no usable table.</exception>
    public static (BttFormat Format, int SectorSize) Describe(ImageWindow source)
    {
        ArgumentNullException.ThrowIfNull(source);
        using var reader = new NamespaceReader(source, skipBad: true);
        return (reader.Format, reader.SectorSize);
    }

    /// <summary>Writes what users of a sector-mode namespace see as a plain disk.</summary>
    /// <param name="source">The namespace. Nobody may have it open; writes that were interrupted count as the next opening would have it.</param>
    /// <param name="target">A file that does not exist.</param>
    /// <param name="skipBad">Leave zeros where a sector cannot be read; otherwise the first one ends it.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemFormatException">There is no usable table.</exception>
    /// <exception cref="BlockErrorException">A sector cannot be read.</exception>
    /// <exception cref="PmemException">A file does not allow it.</exception>
    public static SectorImageResult Flatten(ImageWindow source, string target, bool skipBad = false, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= ImageOptions.Default;
        using NewImage image = NewImage.Begin(target, options, source.Path);
        using var reader = new NamespaceReader(source, skipBad);
        if (!options.DryRun)
        {
            using (FileStream output = image.Create())
            {
                output.SetLength(reader.DiskSize);
                reader.CopyTo((at, bytes) =>
                {
                    output.Position = at;
                    output.Write(bytes);
                }, options);
                output.Flush(flushToDisk: true);
            }

            image.Complete();
        }

        return reader.ToResult(null, reader.SectorSize, reader.DiskSize);
    }

    /// <summary>Makes a sector-mode namespace that holds a disk.</summary>
    /// <param name="disk">The disk. Its length need not be a multiple of sectors: the last one is filled with zeros.</param>
    /// <param name="target">A file that does not exist.</param>
    /// <param name="layout">How the namespace shall be.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemException">The namespace would be too small, or a file does not allow it.</exception>
    public static SectorImageResult Unflatten(ImageWindow disk, string target, SectorImageLayout layout, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(layout);
        options ??= ImageOptions.Default;
        using NewImage image = NewImage.Begin(target, options, disk.Path);
        long length = disk.Measure();
        long size = FindSize(layout, length, minimum: 0);
        if (!options.DryRun)
        {
            using FileStream input = File.OpenRead(disk.Path);
            WriteNamespace(image, layout, size, writer =>
            {
                byte[] buffer = new byte[Chunk];
                for (long at = 0; at < length; at += Chunk)
                {
                    options.Step("writing sectors", at, length);
                    Span<byte> part = buffer.AsSpan(0, (int)Math.Min(Chunk, length - at));
                    input.Position = disk.Offset + at;
                    input.ReadExactly(part);
                    writer.Write(at, part);
                }
            });
        }

        return new SectorImageResult(null, layout.Format, layout.SectorSize, length, size, [], 0);
    }

    /// <summary>Makes a sector-mode namespace of another version or with other sectors that holds the same disk.</summary>
    /// <param name="source">The namespace; nobody may have it open.</param>
    /// <param name="target">A file that does not exist.</param>
    /// <param name="layout">
    /// How the new one shall be. Without a size it has that of the old one, if that holds as large a disk; with one the disk may become smaller, as long as what is
    /// cut off is zeros.
    /// </param>
    /// <param name="skipBad">Zeros where a sector cannot be read; otherwise the first one ends it.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemFormatException">There is no usable table.</exception>
    /// <exception cref="BlockErrorException">A sector cannot be read.</exception>
    /// <exception cref="PmemException">The namespace would be too small, or a file does not allow it.</exception>
    public static SectorImageResult Convert(ImageWindow source, string target, SectorImageLayout layout, bool skipBad = false, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(layout);
        options ??= ImageOptions.Default;
        using NewImage image = NewImage.Begin(target, options, source.Path);
        using var reader = new NamespaceReader(source, skipBad);
        long size = FindSize(layout, layout.Size is null ? reader.DiskSize : reader.UsedSize, source.Measure());
        if (!options.DryRun)
            WriteNamespace(image, layout, size, writer => reader.CopyTo(writer.Write, options));
        return reader.ToResult(layout.Format, layout.SectorSize, size);
    }

    /// <summary>Bytes of data that a namespace holds; 0 when it cannot have such sectors.</summary>
    /// <param name="format">The version.</param>
    /// <param name="sectorSize">Bytes of a sector.</param>
    /// <param name="size">Bytes of the namespace.</param>
    public static long CapacityOf(BttFormat format, int sectorSize, long size)
    {
        ArgumentNullException.ThrowIfNull(format);
        long blocks = 0;
        for (long rest = size - format.InitialOffset; rest >= BttLayout.MinimumArena;)
        {
            if (ArenaGeometry.FindProblem(format, rest, sectorSize) is not null)
                return 0;
            var arena = ArenaGeometry.Compute(format, rest, sectorSize);
            blocks += arena.ExternalBlocks;
            rest -= arena.Length;
        }

        return blocks * PayloadOf(sectorSize);
    }

    private static long FindSize(SectorImageLayout layout, long disk, long minimum)
    {
        if (layout.SectorSize is < 1 or > BttLayout.MaximumBlockSize)
            throw new PmemException($"{layout.SectorSize} is not the size of a sector: Linux accepts 512, 520, 528, 4096, 4104, 4160 and 4224");
        if (layout.Size is { } asked)
        {
            long capacity = asked < BttLayout.MinimumArena ? 0 : CapacityOf(layout.Format, layout.SectorSize, asked);
            return capacity >= disk ? asked : throw new PmemException($"a namespace of {asked} bytes with sectors of {layout.SectorSize} holds {capacity} bytes, and the data are {disk}; {Smallest(layout, disk, 0)} bytes are enough");
        }

        return Smallest(layout, disk, minimum);
    }

    // Capacity grows with size, but for what is too little to be an arena: the smallest step is found by halving, then corrected.
    private static long Smallest(SectorImageLayout layout, long disk, long minimum)
    {
        if (minimum >= BttLayout.MinimumArena && CapacityOf(layout.Format, layout.SectorSize, minimum) >= disk)
            return minimum;
        long low = 0;
        long high = 16;
        while (CapacityOf(layout.Format, layout.SectorSize, high * Step) < disk)
        {
            low = high;
            high = high < long.MaxValue / (4 * Step) ? high * 2 : throw new PmemException($"no namespace with sectors of {layout.SectorSize} holds {disk} bytes");
        }

        while (high - low > 1)
        {
            long middle = low + ((high - low) / 2);
            if (CapacityOf(layout.Format, layout.SectorSize, middle * Step) < disk)
                low = middle;
            else
                high = middle;
        }

        return high * Step;
    }

    private static void WriteNamespace(NewImage image, SectorImageLayout layout, long size, Action<NamespaceWriter> write)
    {
        File.Delete(image.PartialPath);
        using (PersistentMap map = PersistentMap.Create(image.PartialPath, size, new PersistentMapOptions { Sparse = true, ForceGranularity = StoreGranularity.Byte }))
        {
            using (var table = BlockTranslationTable.Create(map, 0, size, layout.Format, layout.SectorSize, layout.Uuid, layout.ParentUuid))
            {
                var writer = new NamespaceWriter(table);
                write(writer);
                writer.Finish();
            }
        }

        using (FileStream file = new(image.PartialPath, FileMode.Open, FileAccess.ReadWrite))
            file.Flush(flushToDisk: true);
        image.Complete();
    }
}
