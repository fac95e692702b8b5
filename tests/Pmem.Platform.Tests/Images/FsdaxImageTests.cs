using System.Buffers.Binary;
using Pmem.Platform.Images;
using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Tests.Images;

/// <summary>Images of file systems become namespaces that a kernel would take, and come back.</summary>
public sealed class FsdaxImageTests : IDisposable
{
    private const ulong Far = 0x2_4020_0000;

    private readonly ImageFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<PfnKind, PageMapMode, ulong, ulong> Layouts { get; } =
        new MatrixTheoryData<PfnKind, PageMapMode, ulong, ulong>([PfnKind.Pfn, PfnKind.Dax], [PageMapMode.Memory, PageMapMode.Device], [4096, 2 << 20, 1 << 30], [0x1_0000_0000, Far]);

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_kernel_would_take_the_namespace_and_the_image_comes_back(PfnKind kind, PageMapMode map, ulong alignment, ulong address)
    {
        byte[] content = ImageFolder.Content((3 << 20) + 5, (int)alignment);
        string image = _folder.Write("image", content);
        var layout = new FsdaxImageLayout(kind, map, alignment, address);
        FsdaxImageResult made = FsdaxImage.Wrap(new ImageWindow(image), _folder["ns"], layout);
        using (FileStream file = File.OpenRead(_folder["ns"]))
        {
            byte[] head = new byte[8192];
            file.ReadExactly(head);
            var personality = NamespacePersonality.Probe(head, NamespaceClass.None, Guid.Empty, address, (ulong)made.Size);
            Assert.True(personality.CanBeEnabled, string.Join("; ", personality.Reasons));
            Assert.Equal(kind == PfnKind.Pfn ? NamespaceMode.Fsdax : NamespaceMode.Devdax, personality.Mode);
            Assert.Equal(file.Length, made.Size);
        }

        // No smaller one would do.
        ulong step = Math.Max(alignment, 2 << 20);
        Assert.True(made.Size - (long)made.Block.DataOffset - made.Block.EndTruncate >= content.Length);
        Assert.ThrowsAny<PmemException>(() => FsdaxImage.Wrap(new ImageWindow(image), _folder["less"], layout with { Size = made.Size - (long)step }, new ImageOptions { DryRun = true }));
        FsdaxImageResult back = FsdaxImage.Unwrap(new ImageWindow(_folder["ns"]), _folder["back"], content.Length);
        Assert.Equal(made.Block, back.Block);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
    }

    [Fact]
    public void In_place_gives_the_same_bytes_as_a_copy_and_moves_nothing()
    {
        byte[] content = FileSystem(6 << 20);
        var layout = new FsdaxImageLayout(Uuid: Guid.NewGuid());
        string path = _folder.Write("inplace", content);
        FsdaxImage.Wrap(new ImageWindow(path), _folder["copy"], layout);
        try
        {
            FsdaxImageResult made = FsdaxImage.WrapInPlace(path, layout);
            Assert.Equal("ext4", made.FileSystem!.Name);
        }
        catch (PmemException refused) when (refused.Message.Contains("cannot insert space", StringComparison.Ordinal))
        {
            Assert.Equal(content, File.ReadAllBytes(path)[..content.Length]);
            Assert.Skip("the file system of the temporary folder cannot insert space");
        }

        Assert.Equal(File.ReadAllBytes(_folder["copy"]), File.ReadAllBytes(path));
        Assert.Contains("already", Assert.Throws<PmemException>(() => FsdaxImage.WrapInPlace(path, layout)).Message, StringComparison.Ordinal);
        Assert.Contains("already", Assert.Throws<PmemException>(() => FsdaxImage.Wrap(new ImageWindow(path), _folder["twice"], layout)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_in_place_that_was_killed_behind_the_insertion_is_finished()
    {
        byte[] content = FileSystem(6 << 20);
        var layout = new FsdaxImageLayout(Uuid: Guid.NewGuid());
        FsdaxImage.Wrap(new ImageWindow(_folder.Write("image", content)), _folder["copy"], layout);
        string path = _folder.Write("killed", [.. new byte[2 << 20], .. content]);
        FsdaxImageResult made = FsdaxImage.WrapInPlace(path, layout);
        Assert.Equal(content.Length, made.DataSize);
        Assert.Equal(File.ReadAllBytes(_folder["copy"]), File.ReadAllBytes(path));
        string other = _folder.Write("other", [.. new byte[2 << 20], .. content]);
        Assert.Contains("interrupted", Assert.Throws<PmemException>(() => FsdaxImage.WrapInPlace(other, layout with { Size = 1L << 31, Alignment = 1 << 30, Base = Far })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_megabytes_fit_any_address_and_a_gigabyte_is_moved()
    {
        byte[] content = FileSystem(3 << 20);
        string image = _folder.Write("image", content);
        FsdaxImage.Wrap(new ImageWindow(image), _folder["two"]);
        FsdaxImageResult stays = FsdaxImage.Relocate(new ImageWindow(_folder["two"]), Far);
        Assert.False(stays.IsWritten);
        Assert.Contains("fits", stays.Notes[0], StringComparison.Ordinal);

        FsdaxImage.Wrap(new ImageWindow(image), _folder["giga"], new FsdaxImageLayout(Alignment: 1 << 30));
        Assert.Contains("name a file", Assert.Throws<PmemException>(() => FsdaxImage.Relocate(new ImageWindow(_folder["giga"]), Far)).Message, StringComparison.Ordinal);
        FsdaxImageResult moved = FsdaxImage.Relocate(new ImageWindow(_folder["giga"]), Far, _folder["moved"]);
        Assert.Null(moved.Block.FindRefusal(Far, (ulong)moved.Size));
        Assert.Equal(0x3fe00000UL, moved.Block.DataOffset);
        FsdaxImage.Unwrap(new ImageWindow(_folder["moved"]), _folder["back"], content.Length);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
        Assert.Throws<PmemException>(() => FsdaxImage.Relocate(new ImageWindow(_folder["two"]), 0x1_0000_1000));
    }

    [Fact]
    public void The_file_system_is_told_from_its_superblock()
    {
        byte[] content = FileSystem(6 << 20);
        FsdaxImageResult made = FsdaxImage.Wrap(new ImageWindow(_folder.Write("image", content)), _folder["ns"]);
        Assert.Equal(new FileSystemSummary("ext4", 1024, content.Length), made.FileSystem);
        Assert.Contains(made.Notes, note => note.Contains("-o dax", StringComparison.Ordinal));

        // Its own size is what comes back, without the zeros that fill the namespace.
        FsdaxImage.Unwrap(new ImageWindow(_folder["ns"]), _folder["back"]);
        Assert.Equal(content, File.ReadAllBytes(_folder["back"]));
        Assert.Contains("cut off", Assert.Single(FsdaxImage.Wrap(new ImageWindow(_folder.Write("cut", content[..(5 << 20)])), _folder["ns2"]).Notes, note => note.Contains("cut", StringComparison.Ordinal)), StringComparison.Ordinal);
        byte[] xfs = new byte[4096];
        "XFSB"u8.CopyTo(xfs);
        xfs[6] = 16;
        xfs[15] = 9;
        Assert.Equal(new FileSystemSummary("xfs", 4096, 9 * 4096), FileSystemSummary.Probe(xfs));
        Assert.Null(FileSystemSummary.Probe(new byte[4096]));
        Assert.Null(FileSystemSummary.Probe(new byte[10]));
    }

    [Fact]
    public void Damaged_info_blocks_give_typed_errors()
    {
        FsdaxImage.Wrap(new ImageWindow(_folder.Write("image", ImageFolder.Content(1 << 20, 8))), _folder["ns"]);
        byte[] sound = File.ReadAllBytes(_folder["ns"]);
        var random = new Random(9);
        for (int i = 0; i < 60; i++)
        {
            byte[] bytes = (byte[])sound.Clone();
            random.NextBytes(bytes.AsSpan(4096 + 56, 40));

            // With its checksum right, so that what it says is believed.
            if (PfnInfoBlock.TryParse(sound.AsSpan(4096, 4096), out _) is { } block && i % 2 == 0)
                (block with { DataOffset = (ulong)random.NextInt64(), StartPad = (uint)random.Next(), EndTruncate = (uint)random.Next() }).Write(bytes.AsSpan(4096, 4096));
            string path = _folder.Write("bad", bytes);
            Assert.Throws<PmemFormatException>(() => FsdaxImage.Unwrap(new ImageWindow(path), _folder["back"]));
            Assert.Throws<PmemFormatException>(() => FsdaxImage.Relocate(new ImageWindow(path), Far, _folder["back"]));
        }
    }

    /// <summary>Bytes with the superblock of an ext4 of 1024-byte blocks, as far as it is looked at.</summary>
    private static byte[] FileSystem(int size)
    {
        byte[] bytes = ImageFolder.Content(size, size);
        Span<byte> super = bytes.AsSpan(1024, 1024);
        super.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(super[4..], size / 1024);
        super[56] = 0x53;
        super[57] = 0xef;
        bytes[0] = 1;
        return bytes;
    }
}
