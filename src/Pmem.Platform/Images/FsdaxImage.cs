// A file system image as an fsdax or devdax namespace: the info block and room for page structures go before it. The data are either copied behind them, into a new
// file that gets its name last (NewImage), or moved by the file system itself (FileSpace.TryInsert), which copies nothing. In place, the insertion comes before the info
// block: killed between the two, the file has zeros before its data, which the next run recognises and finishes. Unwrapping and relocating always write a new file.
using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Images;

/// <summary>How a namespace around an image shall be.</summary>
/// <param name="Kind">fsdax or devdax.</param>
/// <param name="Map">Where page structures are kept.</param>
/// <param name="Alignment">4096, 2 MiB or 1 GiB.</param>
/// <param name="Base">System physical address that the namespace will have; a multiple of 2 MiB.</param>
/// <param name="Size">Bytes of the namespace; null for the smallest that holds the image.</param>
/// <param name="Uuid">Of the personality; null makes one.</param>
/// <param name="ParentUuid">Of the namespace; empty without labels, and then no other counts.</param>
public sealed record FsdaxImageLayout(
    PfnKind Kind = PfnKind.Pfn, PageMapMode Map = PageMapMode.Memory, ulong Alignment = 2 << 20, ulong Base = FsdaxImageLayout.DefaultBase, long? Size = null, Guid? Uuid = null, Guid ParentUuid = default)
{
    /// <summary>4 GiB: where the first NVDIMM of a virtual machine usually is. Any other multiple of the alignment gives the same block.</summary>
    public const ulong DefaultBase = 0x1_0000_0000;
}

/// <summary>What came of it.</summary>
/// <param name="Block">The info block that the namespace has; of the one that was read when it was unwrapped.</param>
/// <param name="DataSize">Bytes of the image; for a namespace that was read, of its data area.</param>
/// <param name="Size">Bytes of the namespace, or of the image when it was unwrapped.</param>
/// <param name="FileSystem">The file system in the image; null when none is known.</param>
/// <param name="IsWritten">Whether anything was written.</param>
/// <param name="Notes">What the user should know.</param>
public sealed record FsdaxImageResult(PfnInfoBlock Block, long DataSize, long Size, FileSystemSummary? FileSystem, bool IsWritten, IReadOnlyList<string> Notes);

/// <summary>File system images and fsdax or devdax namespaces, turned into each other.</summary>
public static class FsdaxImage
{
    private const long Unit = 2 << 20;

    /// <summary>Makes a namespace around an image: a new file, in which the image begins at the data offset.</summary>
    /// <param name="source">The image of a file system, or any bytes.</param>
    /// <param name="target">A file that does not exist.</param>
    /// <param name="layout">How the namespace shall be.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemException">Such a namespace is not possible, or a file does not allow it.</exception>
    public static FsdaxImageResult Wrap(ImageWindow source, string target, FsdaxImageLayout? layout = null, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        layout ??= new FsdaxImageLayout();
        options ??= ImageOptions.Default;
        using NewImage image = NewImage.Begin(target, options, source.Path);
        long length = source.Measure();
        using FileStream input = Read(source.Path);
        DemandUnwrapped(input, source.Offset, length);
        (PfnInfoBlock block, long size) = Plan(layout, length);
        FileSystemSummary? system = FileSystemSummary.Probe(input, source.Offset, length);
        if (!options.DryRun)
            Write(image, block, size, input, source.Offset, length, options);
        return new FsdaxImageResult(block, length, size, system, !options.DryRun, NotesOn(system, layout.Kind, length));
    }

    /// <summary>
    /// Makes an image a namespace where it is: the file system of the host inserts room before the data, which are not copied. On ext4, XFS and f2fs; a run that was
    /// killed is finished by the next. Whether the insertion survives a power failure whole is the file system's promise, not ours.
    /// </summary>
    /// <param name="path">The image. Nobody may have it open.</param>
    /// <param name="layout">How the namespace shall be.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemException">Such a namespace is not possible, or the file system of the host cannot insert.</exception>
    public static FsdaxImageResult WrapInPlace(string path, FsdaxImageLayout? layout = null, ImageOptions? options = null)
    {
        layout ??= new FsdaxImageLayout();
        options ??= ImageOptions.Default;
        long length = new ImageWindow(path).Measure();
        using var file = new FileStream(path, FileMode.Open, options.DryRun ? FileAccess.Read : FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        DemandUnwrapped(file, 0, length);
        long inserted = FindInserted(file, length);
        (PfnInfoBlock block, long size) = Plan(layout, length - inserted);
        if (inserted > 0 && (long)block.DataOffset != inserted)
            throw new PmemException($"{path} has {inserted} bytes of zeros before its file system, from an interrupted run with another alignment, map or size: say the same ones");
        FileSystemSummary? system = FileSystemSummary.Probe(file, inserted, length - inserted);
        if (!options.DryRun)
        {
            if (inserted == 0 && length < (long)block.DataOffset && system is null)
                throw new PmemException($"{path} is too small to be told from an interrupted run: wrap it into another file");
            if (inserted == 0)
                Insert(file, path, block, size);
            file.SetLength(size);
            WriteBlock(file, block);
            file.Flush(flushToDisk: true);
        }

        return new FsdaxImageResult(block, length - inserted, size, system, !options.DryRun, NotesOn(system, layout.Kind, length - inserted));
    }

    /// <summary>Writes the data of an fsdax or devdax namespace as an image.</summary>
    /// <param name="source">The namespace.</param>
    /// <param name="target">A file that does not exist.</param>
    /// <param name="size">Bytes of the image; null for those of its file system, or else all data.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemFormatException">There is no intact info block.</exception>
    /// <exception cref="PmemException">A file does not allow it.</exception>
    public static FsdaxImageResult Unwrap(ImageWindow source, string target, long? size = null, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= ImageOptions.Default;
        using NewImage image = NewImage.Begin(target, options, source.Path);
        using FileStream input = Read(source.Path);
        (PfnInfoBlock block, long at, long available) = Find(source, input);
        FileSystemSummary? system = FileSystemSummary.Probe(input, source.Offset + at, available);
        long length = size ?? (system is { } known && known.Size > 0 && known.Size <= available ? known.Size : available);
        if (length < 1 || length > available)
            throw new PmemException($"the namespace has {available} bytes of data, not {length}");
        if (!options.DryRun)
        {
            using (FileStream output = image.Create())
            {
                output.SetLength(length);
                SparseCopy.Copy(input, source.Offset + at, output, 0, length, options);
                output.Flush(flushToDisk: true);
            }

            image.Complete();
        }

        return new FsdaxImageResult(block, available, length, system, !options.DryRun, []);
    }

    /// <summary>
    /// Makes a namespace fit for another physical address. Most do as they are: only alignments beyond 2 MiB, or paddings of old kernels, tie data to an address. Then
    /// a new file is written in which the data are where the new address wants them.
    /// </summary>
    /// <param name="source">The namespace.</param>
    /// <param name="address">The new system physical address; a multiple of 2 MiB.</param>
    /// <param name="target">A file that does not exist; null refuses when one is needed.</param>
    /// <param name="options">How.</param>
    /// <exception cref="PmemFormatException">There is no intact info block.</exception>
    /// <exception cref="PmemException">The namespace cannot be at the address, or needs to be rewritten and no file is given.</exception>
    public static FsdaxImageResult Relocate(ImageWindow source, ulong address, string? target = null, ImageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= ImageOptions.Default;
        using FileStream input = Read(source.Path);
        (PfnInfoBlock old, long at, long length) = Find(source, input);
        FileSystemSummary? system = FileSystemSummary.Probe(input, source.Offset + at, length);
        long whole = source.Measure();
        if (address % Unit != 0)
            throw new PmemException($"no kernel takes an fsdax or devdax namespace at 0x{address:x}: its address must be a multiple of 2 MiB");
        FormatProblem? refusal = old.FindRefusal(address, (ulong)whole);
        if (refusal is null && target is null)
            return new FsdaxImageResult(old, length, whole, system, false, [$"it fits 0x{address:x} as it is: its data are aligned to {old.Alignment} bytes there too"]);
        if (target is null)
            throw new PmemException($"at 0x{address:x} a kernel would refuse it ({refusal}), so its data must move: name a file for the namespace that fits");
        using NewImage image = NewImage.Begin(target, options, source.Path);
        PfnInfoBlock block = old;
        long size = whole;
        if (refusal is not null)
            (block, size) = Plan(new FsdaxImageLayout(old.Kind, old.Mode, old.Alignment is 4096 or 1 << 30 ? old.Alignment : 2 << 20, address, null, old.Uuid, old.ParentUuid), length);
        if (!options.DryRun)
            Write(image, block, size, input, source.Offset + at, length, options);
        return new FsdaxImageResult(block, length, size, system, !options.DryRun, refusal is null ? [] : [$"data moved from {at} to {block.DataOffset} in the namespace: {refusal}"]);
    }

    private static FileStream Read(string path) =>
        File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0) : throw new FileNotFoundException($"there is no file {path}");

    /// <summary>The block and the size of the smallest namespace that holds so many bytes, or of the size asked for.</summary>
    private static (PfnInfoBlock Block, long Size) Plan(FsdaxImageLayout layout, long length)
    {
        Guid uuid = layout.Uuid ?? Guid.NewGuid();
        PfnInfoBlock Compute(long size) => PfnInfoBlock.Compute(layout.Kind, layout.Map, layout.Base, (ulong)size, layout.Alignment, uuid, layout.ParentUuid);
        long SizeFor(long offset) => checked((long)(RoundUp(layout.Base + (ulong)(offset + length), Math.Max((ulong)Unit, layout.Alignment)) - layout.Base));

        if (length > long.MaxValue / 4 || layout.Base > long.MaxValue / 2)
            throw new PmemException($"{length} bytes at 0x{layout.Base:x} are beyond every address space");
        if (layout.Size is { } asked)
        {
            PfnInfoBlock block = Compute(asked);
            long usable = asked - (long)block.DataOffset - block.EndTruncate;
            return usable >= length ? (block, asked) : throw new PmemException($"a namespace of {asked} bytes has room for {usable} bytes, and the image has {length}");
        }

        // Page structures grow with the size, and push the data on: a few rounds until both fit.
        long size = SizeFor((long)Math.Max((ulong)Unit, layout.Alignment));
        for (long wanted = SizeFor((long)Compute(size).DataOffset); wanted != size; wanted = SizeFor((long)Compute(size).DataOffset))
        {
            bool isLess = wanted < size;
            size = wanted;
            if (isLess)
                break;
        }

        return (Compute(size), size);
    }

    private static (PfnInfoBlock Block, long At, long Length) Find(ImageWindow source, FileStream input)
    {
        long whole = source.Measure();
        byte[] bytes = new byte[PfnInfoBlock.Size];
        if (whole >= PfnInfoBlock.Position + PfnInfoBlock.Size)
        {
            input.Position = source.Offset + PfnInfoBlock.Position;
            input.ReadExactly(bytes);
        }

        PfnInfoBlock block = PfnInfoBlock.TryParse(bytes, out FormatProblem? problem)
            ?? throw new PmemFormatException(problem!.What, source.Offset + problem.Offset, problem.Expected, problem.Found);
        ulong start = block.DataOffset + block.StartPad;
        return start != 0 && start < (ulong)whole && block.EndTruncate < (ulong)whole - start
            ? (block, (long)start, whole - (long)start - block.EndTruncate)
            : throw new PmemFormatException("info block data offset", source.Offset + PfnInfoBlock.Position, $"data inside the {whole} bytes of the namespace", $"data at {start}, {block.EndTruncate} bytes left out at the end");
    }

    private static void DemandUnwrapped(FileStream input, long offset, long length)
    {
        if (length < PfnInfoBlock.Position + PfnInfoBlock.Size)
            return;
        byte[] bytes = new byte[PfnInfoBlock.Size];
        input.Position = offset + PfnInfoBlock.Position;
        input.ReadExactly(bytes);
        if (PfnInfoBlock.TryParse(bytes, out _) is { } block)
            throw new PmemException($"{input.Name} is {(block.Kind == PfnKind.Pfn ? "an fsdax" : "a devdax")} namespace already; unwrap it first");
    }

    /// <summary>Bytes of zeros that an interrupted insertion put before a file system; 0 when there was none.</summary>
    private static long FindInserted(FileStream file, long length)
    {
        if (FileSystemSummary.Probe(file, 0, length) is not null)
            return 0;
        byte[] buffer = new byte[(int)Unit];
        for (long at = 0; at + Unit <= length; at += Unit)
        {
            file.Position = at;
            file.ReadExactly(buffer);
            if (buffer.AsSpan().ContainsAnyExcept((byte)0))
                return at > 0 && FileSystemSummary.Probe(file, at, length - at) is not null ? at : 0;
        }

        return 0;
    }

    private static void Insert(FileStream file, string path, PfnInfoBlock block, long size)
    {
        file.SetLength(size - (long)block.DataOffset);
        file.Flush(flushToDisk: true);
        if (!FileSpace.TryInsert(file.SafeFileHandle, 0, (long)block.DataOffset))
            throw new PmemException($"the file system that holds {path} cannot insert space (ext4, XFS and f2fs can); it is as it was but for zeros at its end: wrap it into another file");
        file.Flush(flushToDisk: true);
    }

    private static void Write(NewImage image, PfnInfoBlock block, long size, FileStream input, long from, long length, ImageOptions options)
    {
        using (FileStream output = image.Create())
        {
            output.SetLength(size);
            SparseCopy.Copy(input, from, output, (long)(block.DataOffset + block.StartPad), length, options);
            WriteBlock(output, block);
            output.Flush(flushToDisk: true);
        }

        image.Complete();
    }

    private static void WriteBlock(FileStream file, PfnInfoBlock block)
    {
        byte[] bytes = new byte[PfnInfoBlock.Size];
        block.Write(bytes);
        file.Position = PfnInfoBlock.Position;
        file.Write(bytes);
    }

    private static List<string> NotesOn(FileSystemSummary? system, PfnKind kind, long length)
    {
        var notes = new List<string>();
        if (kind == PfnKind.Pfn && system is null)
            notes.Add("no file system is known in the image: it is wrapped as it is");
        if (kind == PfnKind.Pfn && system is { BlockSize: not 4096 } odd)
            notes.Add($"its {odd.Name} has blocks of {odd.BlockSize} bytes: it mounts, but not with -o dax, which needs 4096 (mkfs.{odd.Name} -b {(odd.Name == "xfs" ? "size=" : string.Empty)}4096)");
        if (system is { } cut && cut.Size > length)
            notes.Add($"its {cut.Name} says that it has {cut.Size} bytes, more than the {length} of the image: the image was cut off");
        return notes;
    }

    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}
