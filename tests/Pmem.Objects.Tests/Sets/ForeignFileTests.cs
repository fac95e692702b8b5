using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using Pmem.Pools;

namespace Pmem.Objects.Tests.Sets;

/// <summary>A mistake in a set file costs no file.</summary>
[SupportedOSPlatform("linux")]
public sealed partial class ForeignFileTests : IDisposable
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

    [Theory]
    [InlineData("text", "no header says that it is this pool's")]
    [InlineData("log", "is a pool of kind Log")]
    [InlineData("large log", "is a pool of kind Log")]
    [InlineData("other pool", "is a part of another pool")]
    [InlineData("larger other pool", "is a part of another pool")]
    [InlineData("set", "names itself")]
    public void A_sync_removes_no_foreign_file_for_a_wrong_set_file(string what, string says)
    {
        ObjectStore.Create(_folder.Write("from.set", "8M a", "9M b", "REPLICA", "8M c", "9M d"), "test", 0).Dispose();
        string foreign = _folder.File(what == "set" ? "wrong.set" : "foreign");
        string wrong = _folder.Write("wrong.set", "8M a", "9M b", "REPLICA", "8M missing", $"9M {Path.GetFileName(foreign)}");
        switch (what)
        {
            case "text":
                File.WriteAllText(foreign, "notes");
                break;
            case "log" or "large log":
                File.WriteAllBytes(foreign, Log(what == "log" ? 9 << 20 : 10 << 20));
                break;
            case "other pool" or "larger other pool":
                ObjectStore.Create(foreign, "other", what == "other pool" ? 9 << 20 : 10 << 20).Dispose();
                break;
        }

        string[] before = Content();
        foreach (bool dry in (bool[])[true, false])
        {
            PmemException refused = Assert.ThrowsAny<PmemException>(() => PoolSync.Run(wrong, new PoolSyncOptions { DryRun = dry }));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
            Assert.Contains("correct the set file", refused.Message, StringComparison.Ordinal);
            Assert.Equal(before, Content());
        }
    }

    [Fact]
    public void A_part_that_cannot_be_opened_is_not_taken_for_a_broken_one()
    {
        string set = _folder.Write("from.set", "8M a", "9M b", "REPLICA", "8M c", "9M d");
        ObjectStore.Create(set, "test", 0).Dispose();
        File.Delete(_folder.File("b"));
        const UnixFileMode Everything = (UnixFileMode)0b111_111_111;
        File.SetUnixFileMode(_folder.Root, Everything);
        foreach (string file in Directory.GetFiles(_folder.Root))
            File.SetUnixFileMode(file, Everything);
        File.SetUnixFileMode(_folder.File("d"), UnixFileMode.UserWrite);

        // Who runs the tests may open every file if he is root, so this thread is nobody meanwhile; others are refused what is their own.
        const uint Nobody = 65534;
        _ = SetFileSystemUser(Nobody);
        try
        {
            Assert.Contains("ermission denied", Assert.Throws<PmemException>(() => PoolSync.Run(set)).Message, StringComparison.Ordinal);
        }
        finally
        {
            _ = SetFileSystemUser(0);
        }

        Assert.False(File.Exists(_folder.File("b")));
        Assert.True(File.Exists(_folder.File("d")));
        File.SetUnixFileMode(_folder.File("d"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal("b", Path.GetFileName(PoolSync.Run(set).Parts.Single().Path));
    }

    private string[] Content() => [.. Directory.GetFileSystemEntries(_folder.Root).Order(StringComparer.Ordinal).Select(path => $"{path} {(File.Exists(path) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))) : null)}")];

    private static byte[] Log(int length)
    {
        var header = new PoolHeader { Signature = BinaryPrimitives.ReadUInt64LittleEndian("PMEMLOG\0"u8), Major = 1, PoolSetUuid = new Guid(1, 2, 3, new byte[8]) };
        header.Checksum = header.ComputeChecksum();
        byte[] bytes = new byte[length];
        MemoryMarshal.Write(bytes, in header);
        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint user);
}
