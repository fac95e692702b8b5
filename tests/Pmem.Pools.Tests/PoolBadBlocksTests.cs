namespace Pmem.Pools.Tests;

/// <summary>Pools in whose files the system knows of bad blocks are not opened: a read of one would end the process.</summary>
public sealed class PoolBadBlocksTests : IDisposable
{
    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_pool_with_bad_blocks_is_not_opened(bool copyOnWrite)
    {
        string path = Make(PoolFeatures.DefaultCompat);
        MediaErrorException refused = Assert.Throws<MediaErrorException>(() => PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { BadBlocks = new Known(path), CopyOnWrite = copyOnWrite }));
        Assert.Equal((4096, 8192), (refused.Offset, refused.Length));
        Assert.Contains("contains bad blocks and cannot be opened", refused.Message, StringComparison.Ordinal);
        PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { BadBlocks = new Known("another"), CopyOnWrite = copyOnWrite }).Dispose();
    }

    [Fact]
    public void A_pool_whose_feature_is_off_is_opened_all_the_same_but_not_copied()
    {
        string path = Make(CompatFeatures.None);
        PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { BadBlocks = new Known(path) }).Dispose();
        Assert.Throws<MediaErrorException>(() => PoolFile.Open(path, PoolKind.Log, new PoolOpenOptions { BadBlocks = new Known(path), CopyOnWrite = true }));
        Assert.Throws<MediaErrorException>(() => PoolFile.DemandReadable(path, new Known(path)));
    }

    [Fact]
    public void No_pool_is_created_in_a_file_with_bad_blocks()
    {
        string path = _folder.File("empty");
        File.WriteAllBytes(path, new byte[4 << 20]);
        MediaErrorException refused = Assert.Throws<MediaErrorException>(() => PoolFile.Create(path, PoolKind.Log, 0, new PoolCreateOptions { BadBlocks = new Known(path) }));
        Assert.Contains("no pool can be created in it", refused.Message, StringComparison.Ordinal);
        Assert.Equal(new byte[4096], File.ReadAllBytes(path)[..4096]);
        PoolFile.Create(path, PoolKind.Log, 0, new PoolCreateOptions { BadBlocks = new Known(path), Compat = CompatFeatures.None }).Dispose();
    }

    private string Make(CompatFeatures compat) => _folder.NewPool(options: new PoolCreateOptions { Compat = compat });

    private sealed class Known(string path) : BadBlockSource
    {
        public override IReadOnlyList<BadBlock> Find(string file) => file == path ? [new BadBlock(4096, 8192)] : [];

        public override void Clear(string file, BadBlock range) => Assert.Fail("nothing here clears");
    }
}
