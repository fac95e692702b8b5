using Pmem.Blocks;
using Pmem.Blocks.Checking;
using Pmem.Blocks.Layout;
using Pmem.Platform.Images;

namespace Pmem.Platform.Tests.Images;

/// <summary>Disks become sector-mode namespaces, namespaces become disks and other namespaces.</summary>
public sealed class SectorImageTests : IDisposable
{
    private readonly ImageFolder _folder = new();

    public static TheoryData<BttVariant, int> Layouts { get; } =
        new MatrixTheoryData<BttVariant, int>([BttVariant.Uefi20, BttVariant.Linux11, BttVariant.Pmdk], [512, 520, 4096, 4160, 1000]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_disk_comes_back_from_a_namespace_of_any_kind(BttVariant variant, int sectorSize)
    {
        byte[] content = ImageFolder.Content((5 << 20) + 700, sectorSize);
        string disk = _folder.Write("disk", content);
        SectorImageResult made = SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], new SectorImageLayout(BttFormat.Of(variant), sectorSize));
        Assert.Equal(made.Size, new FileInfo(_folder["ns"]).Length);
        Assert.True(made.Size % (2 << 20) == 0 && made.Size <= 20 << 20, $"{made.Size} bytes");
        using (PersistentMap map = PersistentMap.Open(_folder["ns"], new PersistentMapOptions { Access = MapAccess.ReadOnly }))
            Assert.True(BttChecker.Check(map, 0, map.Length, new BttCheckOptions { Format = BttFormat.Of(variant) }).IsConsistent);

        SectorImageResult back = SectorImage.Flatten(new ImageWindow(_folder["ns"]), _folder["back"]);
        Assert.Equal(variant, back.From!.Variant);
        Assert.Equal(sectorSize, back.SectorSize);
        byte[] flat = File.ReadAllBytes(_folder["back"]);
        Assert.Equal(back.DiskSize, flat.Length);
        Assert.True(flat.AsSpan(0, content.Length).SequenceEqual(content));
        Assert.False(flat.AsSpan(content.Length).ContainsAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(BttVariant.Uefi20, 4096, BttVariant.Linux11, 4096)]
    [InlineData(BttVariant.Linux11, 512, BttVariant.Uefi20, 4096)]
    [InlineData(BttVariant.Uefi20, 4096, BttVariant.Uefi20, 512)]
    [InlineData(BttVariant.Pmdk, 1000, BttVariant.Linux11, 520)]
    public void Versions_and_sector_sizes_are_converted_and_no_disk_becomes_smaller(BttVariant from, int fromSize, BttVariant to, int toSize)
    {
        byte[] content = ImageFolder.Content(15 << 20, fromSize + toSize);
        string disk = _folder.Write("disk", content);
        SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], new SectorImageLayout(BttFormat.Of(from), fromSize));
        byte[] before = File.ReadAllBytes(_folder["ns"]);
        SectorImageResult made = SectorImage.Convert(new ImageWindow(_folder["ns"]), _folder["other"], new SectorImageLayout(BttFormat.Of(to), toSize));
        Assert.True(SectorImage.CapacityOf(BttFormat.Of(to), toSize, made.Size) >= made.DiskSize);
        Assert.Equal((BttFormat.Of(to), toSize), SectorImage.Describe(new ImageWindow(_folder["other"])));
        SectorImage.Flatten(new ImageWindow(_folder["other"]), _folder["back"]);
        Assert.True(File.ReadAllBytes(_folder["back"]).AsSpan(0, content.Length).SequenceEqual(content));
        Assert.Equal(before, File.ReadAllBytes(_folder["ns"]));
    }

    [Fact]
    public void The_size_that_is_found_is_the_smallest_and_a_given_one_must_do()
    {
        foreach (int length in (int[])[1, 1 << 20, 16_300_000, 40 << 20])
        {
            string disk = _folder["disk"];
            using (FileStream file = File.Create(disk))
                file.SetLength(length);
            long size = SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], new SectorImageLayout(BttFormat.Linux11), new ImageOptions { DryRun = true }).Size;
            Assert.True(SectorImage.CapacityOf(BttFormat.Linux11, 4096, size) >= length);
            Assert.True(SectorImage.CapacityOf(BttFormat.Linux11, 4096, size - (2 << 20)) < length);
            Assert.False(File.Exists(_folder["ns"]));
            PmemException refused = Assert.Throws<PmemException>(() => SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], new SectorImageLayout(BttFormat.Linux11, 4096, size - (2 << 20))));
            Assert.Contains($"{size} bytes are enough", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_smaller_namespace_is_made_only_when_what_is_cut_off_is_zeros()
    {
        byte[] content = ImageFolder.Content(4 << 20, 1);
        SectorImage.Unflatten(new ImageWindow(_folder.Write("disk", content)), _folder["ns"], new SectorImageLayout(BttFormat.Uefi20, 4096, 64 << 20));
        var small = new SectorImageLayout(BttFormat.Uefi20, 4096, 18 << 20);
        SectorImage.Convert(new ImageWindow(_folder["ns"]), _folder["small"], small);
        SectorImage.Flatten(new ImageWindow(_folder["small"]), _folder["back"]);
        Assert.True(File.ReadAllBytes(_folder["back"]).AsSpan(0, content.Length).SequenceEqual(content));
        using (PersistentMap map = PersistentMap.Open(_folder["ns"]))
        using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            table.Write(table.BlockCount - 1, new byte[4096].Select(_ => (byte)7).ToArray());
        Assert.Throws<PmemException>(() => SectorImage.Convert(new ImageWindow(_folder["ns"]), _folder["small2"], small));
    }

    [Fact]
    public void A_bad_sector_ends_it_or_is_named_and_left_out()
    {
        SectorImage.Unflatten(new ImageWindow(_folder.Write("disk", ImageFolder.Content(1 << 20, 2))), _folder["ns"], new SectorImageLayout(BttFormat.Uefi20, 512));
        using (PersistentMap map = PersistentMap.Open(_folder["ns"]))
        using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            table.SetError(77);
        Assert.Throws<BlockErrorException>(() => SectorImage.Flatten(new ImageWindow(_folder["ns"]), _folder["back"]));
        Assert.Equal(["disk", "ns"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
        SectorImageResult result = SectorImage.Flatten(new ImageWindow(_folder["ns"]), _folder["back"], skipBad: true);
        Assert.Equal([77], result.BadSectors);
        Assert.False(File.ReadAllBytes(_folder["back"]).AsSpan(77 * 512, 512).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_write_that_was_interrupted_counts_as_the_next_opening_would_have_it()
    {
        SectorImage.Unflatten(new ImageWindow(_folder.Write("disk", ImageFolder.Content(1 << 20, 3))), _folder["ns"], new SectorImageLayout(BttFormat.Uefi20));
        byte[] old = File.ReadAllBytes(_folder["ns"]);
        using (PersistentMap map = PersistentMap.Open(_folder["ns"]))
        using (var table = BlockTranslationTable.Open(map, 0, map.Length))
            table.Write(3, Enumerable.Repeat((byte)9, 4096).ToArray());

        // The write as it was before its last step: the map entry.
        BttInfo info = BttInfo.Read(old);
        byte[] bytes = File.ReadAllBytes(_folder["ns"]);
        old.AsSpan((int)info.MapOffset + 12, 4).CopyTo(bytes.AsSpan((int)info.MapOffset + 12));
        _folder.Write("ns", bytes);
        SectorImage.Flatten(new ImageWindow(_folder["ns"]), _folder["back"]);
        Assert.Equal(9, File.ReadAllBytes(_folder["back"])[3 * 4096]);
        Assert.Equal(bytes, File.ReadAllBytes(_folder["ns"]));
    }

    [Fact]
    public void Nothing_is_left_of_a_run_that_was_cancelled_and_nothing_is_replaced_unasked()
    {
        string disk = _folder.Write("disk", ImageFolder.Content(4 << 20, 4));
        var layout = new SectorImageLayout(BttFormat.Uefi20);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], layout, new ImageOptions { Cancellation = cancelled.Token }));
        Assert.Equal(["disk"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
        _folder.Write("ns", [1]);
        Assert.Throws<PmemException>(() => SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], layout));
        Assert.Throws<PmemException>(() => SectorImage.Unflatten(new ImageWindow(disk), disk, layout, new ImageOptions { Overwrite = true }));
        Assert.Equal([1], File.ReadAllBytes(_folder["ns"]));
        SectorImage.Unflatten(new ImageWindow(disk), _folder["ns"], layout, new ImageOptions { Overwrite = true });
        Assert.Throws<FileNotFoundException>(() => SectorImage.Flatten(new ImageWindow(_folder["nothing"]), _folder["back"]));
        Assert.Throws<PmemFormatException>(() => SectorImage.Flatten(new ImageWindow(_folder.Write("junk", ImageFolder.Content(17 << 20, 5))), _folder["back"]));
    }

    [Fact]
    public void Damaged_namespaces_give_typed_errors_or_a_disk()
    {
        SectorImage.Unflatten(new ImageWindow(_folder.Write("disk", ImageFolder.Content(200_000, 6))), _folder["ns"], new SectorImageLayout(BttFormat.Uefi20, 4096));
        byte[] sound = File.ReadAllBytes(_folder["ns"]);
        BttInfo info = BttInfo.Read(sound);
        int[] places = [0, (int)info.MapOffset, (int)info.FlogOffset, (int)info.InfoOffset];
        var random = new Random(7);
        for (int i = 0; i < 40; i++)
        {
            byte[] bytes = (byte[])sound.Clone();
            for (int k = 0; k < 3; k++)
                bytes[places[random.Next(4)] + random.Next(200)] = (byte)random.Next(256);
            string path = _folder.Write("bad", bytes);
            try
            {
                SectorImage.Flatten(new ImageWindow(path), _folder["back"], skipBad: true, new ImageOptions { Overwrite = true });
            }
            catch (PmemException)
            {
                // Refused, and said why.
            }
        }
    }
}
