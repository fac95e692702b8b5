using System.Runtime.Versioning;
using Pmem.Pools;

namespace Pmem.Objects.Tests.Sets;

/// <summary>A mistake in a set file costs no file.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForeignFileTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2M b")]
    [InlineData("2M foreign")]
    public void A_resize_cuts_no_file_for_a_wrong_set_file(string line)
    {
        string set = _folder.Write("from.set", "8M a", "20M b");
        ObjectStore.Create(set, "test", 0).Dispose();
        File.WriteAllBytes(_folder.File("foreign"), new byte[20 << 20]);
        string wrong = _folder.Write("wrong.set", "8M a", line);
        Assert.ThrowsAny<PmemException>(() => ObjectStore.Resize(wrong, 30 << 20));
        Assert.Equal(20 << 20, new FileInfo(_folder.File("b")).Length);
        Assert.Equal(20 << 20, new FileInfo(_folder.File("foreign")).Length);
        ObjectStore.Open(set).Dispose();
    }

    [Fact]
    public void A_removed_replica_takes_no_foreign_file_with_it()
    {
        string set = _folder.Write("from.set", "8M a", "9M b", "REPLICA", "17M c");
        ObjectStore.Create(set, "test", 0).Dispose();
        File.WriteAllBytes(_folder.File("foreign"), new byte[17 << 20]);
        string wrong = _folder.Write("wrong.set", "8M a", "9M b", "REPLICA", "17M foreign");
        string to = _folder.Write("to.set", "8M a", "9M b");
        PmemException refused = Assert.ThrowsAny<PmemException>(() => PoolTransform.Run(wrong, to));
        Assert.Contains("not known to be this pool's", refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("foreign")));
        ObjectStore.Open(set).Dispose();
    }
}
