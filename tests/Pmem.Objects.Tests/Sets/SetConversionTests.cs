using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Pools of layout 5 in sets, which in a closed pool differ from layout 6 in the headers only, become pools of layout 6, whatever interrupts it.</summary>
[SupportedOSPlatform("linux")]
public sealed class SetConversionTests : IDisposable
{
    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("8M a|9M b|REPLICA|16M c", "a b c")]
    [InlineData("OPTION SINGLEHDR|8M a|9M b|REPLICA|9M c|9M d", "a c")]
    [InlineData("8M a|9M b", "a b")]
    public void A_set_is_converted_in_all_headers_at_once_whatever_interrupts_it(string lines, string headers)
    {
        string set = _folder.Write("a.set", lines.Split('|'));
        string content;
        using (ObjectStore store = ObjectStore.Create(set, "set", 0))
        {
            store.Map.Fill((long)store.Allocate(1_500_000, 3).Offset, 5, 1_500_000);
            content = Crash.CrashHarness.Describe(store);
        }

        foreach (string part in headers.Split(' '))
            MakeOld(_folder.File(part));
        Assert.ThrowsAny<PmemException>(() => ObjectStore.Open(set));
        byte[] before = File.ReadAllBytes(_folder.File("a"));
        Assert.Equal(5U, ObjectStore.Convert(set, new PoolRepairOptions { DryRun = true }).From);
        Assert.Equal(before, File.ReadAllBytes(_folder.File("a")));
        using var snapshots = new FolderSnapshots(_folder, every: 300);
        Assert.True(ObjectStore.Convert(set).IsChanged);
        snapshots.Dispose();
        Judge(set, content, "converted");
        Assert.False(ObjectStore.Convert(set).IsChanged);
        Assert.InRange(snapshots.Taken.Count, 3, 300);
        for (int i = 0; i < snapshots.Taken.Count; i++)
        {
            using StoreFolder crash = snapshots.Taken[i];
            ObjectStore.Convert(crash.File("a.set"));
            Assert.False(ObjectStore.Convert(crash.File("a.set")).IsChanged);
            Judge(crash.File("a.set"), content, $"crash {i}");
        }
    }

    [Fact]
    public void Parts_of_different_layouts_are_not_converted()
    {
        string set = _folder.Write("a.set", "8M a", "9M b");
        ObjectStore.Create(set, "set", 0).Dispose();
        MakeOld(_folder.File("b"));
        PmemFormatException refused = Assert.Throws<PmemFormatException>(() => ObjectStore.Convert(set));
        Assert.Contains($"part 1 ({_folder.File("b")})", refused.Message, StringComparison.Ordinal);
    }

    private static void MakeOld(string path)
    {
        using PersistentMap map = PersistentMap.Open(path);
        PoolHeader header = map.Read<PoolHeader>(0);
        header.Major = 5;
        header.Checksum = header.ComputeChecksum();
        HeaderRepair.Write(map, in header);
    }

    private static void Judge(string path, string content, string what)
    {
        PoolCheckResult check = ObjectStore.Check(path);
        Assert.True(check.IsConsistent, $"{what}: {string.Join('\n', check.Problems)} {string.Join('\n', check.ReplicaDifferences)}");
        using ObjectStore store = ObjectStore.Open(path, "set");
        Assert.Equal(content, Crash.CrashHarness.Describe(store));
    }
}
