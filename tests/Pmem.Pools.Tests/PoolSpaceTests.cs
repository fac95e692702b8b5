namespace Pmem.Pools.Tests;

public sealed class PoolSpaceTests : IDisposable
{
    private readonly PoolFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(100, 60, 40, true)]
    [InlineData(99, 60, 40, false)]
    [InlineData(60, 60, -40, true)]
    [InlineData(0, 0, -1, true)]
    [InlineData(long.MaxValue, long.MaxValue, long.MaxValue, false)]
    public void Files_on_one_file_system_need_their_room_together(long free, long one, long other, bool fits)
    {
        (string, long)[] wanted = [(_folder.File("new"), one), (_folder.File("other"), other)];
        if (fits)
        {
            PoolSpace.Demand(wanted, _ => free);
            return;
        }

        OutOfSpaceException refused = Assert.Throws<OutOfSpaceException>(() => PoolSpace.Demand(wanted, _ => free));
        Assert.Contains(_folder.File("new"), refused.Message, StringComparison.Ordinal);
        Assert.Contains($"has {free} left", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_lengthened_with_zeros_whose_space_is_there()
    {
        string path = _folder.NewPool();
        PoolFileSize.Lengthen(path, PoolFolder.LogSize + 4096 + 17, cancellation: TestContext.Current.CancellationToken);
        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(PoolFolder.LogSize + 4096 + 17, bytes.Length);
        Assert.DoesNotContain(bytes[(int)PoolFolder.LogSize..], value => value != 0);
        Assert.Throws<OutOfSpaceException>(() => PoolFileSize.Lengthen(path, 1L << 60, cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(bytes.Length, new FileInfo(path).Length);
    }
}
