using System.Runtime.Versioning;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

/// <summary>Growing a set of folders, killed at each step, and with every trace of files that a crash can leave.</summary>
[SupportedOSPlatform("linux")]
public sealed class GrowthCrashTests : IDisposable
{
    private const long Mega = 1 << 20;
    private const UnixFileMode Complete = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly ObjectStoreOptions s_options = new() { GrowthSize = 4 * Mega };

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_process_killed_while_it_grows_leaves_a_pool_that_opens_and_grows(bool replicated)
    {
        string set = _folder.Write("a.set", ["OPTION SINGLEHDR", "30M one/", .. replicated ? (string[])["REPLICA", "30M two/"] : []]);
        List<StoreFolder> crashes;
        using (ObjectStore store = ObjectStore.Create(set, "grow", 0, s_options))
        {
            Fill(store, 2);
            using var snapshots = new FolderSnapshots(_folder);
            Assert.True(store.GrowHeap(4 * Mega));
            snapshots.Take();
            crashes = snapshots.Taken;
            Assert.Equal(12 * Mega, store.Size);
        }

        Assert.InRange(crashes.Count, 4, 100);
        for (int i = 0; i < crashes.Count; i++)
        {
            using StoreFolder crash = crashes[i];
            Judge(crash.File("a.set"), objects: 2, $"crash {i} of {crashes.Count}");
        }
    }

    // What is there of part 1 of each replica: nothing, a file of mode 0 without or with all its blocks, or the complete file.
    [Theory]
    [InlineData("none", "none")]
    [InlineData("none", "empty")]
    [InlineData("none", "allocated")]
    [InlineData("none", "complete")]
    [InlineData("empty", "none")]
    [InlineData("allocated", "allocated")]
    [InlineData("allocated", "complete")]
    [InlineData("complete", "allocated")]
    [InlineData("complete", "complete")]
    public void Whatever_files_are_left_the_pool_opens_and_grows(string one, string two)
    {
        string set = _folder.Write("a.set", "OPTION SINGLEHDR", "30M one/", "REPLICA", "30M two/");
        using (ObjectStore store = ObjectStore.Create(set, "grow", 0, s_options))
            Fill(store, 2);
        Leave("one", one);
        Leave("two", two);
        Judge(set, objects: 2, $"{one}, {two}");
    }

    [Fact]
    public void A_part_that_holds_objects_is_never_removed_as_a_left_over()
    {
        string set = _folder.Write("a.set", "OPTION SINGLEHDR", "30M one/", "REPLICA", "30M two/");
        using (ObjectStore store = ObjectStore.Create(set, "grow", 0, s_options))
            Fill(store, 5);
        File.Delete(_folder.File("two/000001.pmem"));
        Assert.Throws<FileNotFoundException>(() => ObjectStore.Open(set));
        Leave("two", "allocated");
        Assert.ThrowsAny<PmemException>(() => ObjectStore.Open(set));
        Assert.True(File.Exists(_folder.File("one/000001.pmem")));
        Assert.True(File.Exists(_folder.File("two/000001.pmem")));
    }

    private void Leave(string folder, string what)
    {
        if (what == "none")
            return;
        string path = _folder.File($"{folder}/000001.pmem");
        using (FileStream file = File.Create(path))
            file.SetLength(what == "empty" ? 0 : 4 * Mega);
        File.SetUnixFileMode(path, what == "complete" ? Complete : UnixFileMode.None);
    }

    private static void Fill(ObjectStore store, int objects)
    {
        for (int i = 0; i < objects; i++)
            store.Allocate(Mega, 3);
    }

    private static void Judge(string set, int objects, string what)
    {
        using (ObjectStore store = ObjectStore.Open(set, "grow", s_options))
        {
            Assert.True(objects == store.EnumerateObjects().Count(), what);
            Fill(store, 16 - objects);
            Assert.Throws<OutOfSpaceException>(() => Fill(store, 20));
            Assert.True(store.Size == 30 * Mega || store.Size == 28 * Mega, $"{what}: {store.Size}");
        }

        using (ObjectStore store = ObjectStore.Open(set, "grow", s_options))
            Assert.InRange(store.EnumerateObjects().Count(), 16, 30);
        PoolCheckResult check = ObjectStore.Check(set);
        Assert.True(check.IsConsistent && check.ReplicaDifferences.Count == 0, $"{what}: {string.Join('\n', check.Problems)} {string.Join('\n', check.ReplicaDifferences)}");
    }
}
