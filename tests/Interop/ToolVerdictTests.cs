using Pmem.Objects;

namespace Interop;

/// <summary>PMDK's own tools and programs accept what we make.</summary>
public sealed class ToolVerdictTests
{
    [Theory]
    [InlineData(8L << 20)]
    [InlineData(64L << 20)]
    public void Pmempool_accepts_our_pools(long size)
    {
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "ours.obj");
            using (ObjectStore store = ObjectStore.Create(path, "verdict", size))
            {
                store.GetRoot(1000);
                for (int i = 1; i < 200; i++)
                    store.Allocate(i * 7, (ulong)i);
            }

            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", path]), StringComparison.Ordinal);
            string info = Peers.Succeed(pmempool, ["info", "-s", "-O", path]);
            Assert.Contains("verdict", info, StringComparison.Ordinal);
            using ObjectStore again = ObjectStore.Open(path);
            Assert.Contains(again.Header.Uuid.ToString(), info, StringComparison.Ordinal);
            Assert.Contains(again.Header.PoolSetUuid.ToString(), info, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", info, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_C_program_finds_its_lists_again_after_we_used_the_pool()
    {
        string program = Peers.Program("obj_list");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "list.obj");
            Peers.Succeed(program, ["create", path, "200", "16777216"]);
            string before = Peers.Succeed(program, ["dump", path]);
            Assert.True(ObjectStore.Check(path).IsConsistent);
            using (ObjectStore store = ObjectStore.Open(path, "interop_list"))
            {
                ObjectId id = store.Allocate(500, 99);
                store.Free(id);
                using Transaction tx = store.BeginTransaction();
                tx.Snapshot(store.RootOffset, 32);
                tx.Commit();
            }

            Assert.Equal(before, Peers.Succeed(program, ["dump", path]));
            Peers.Succeed(program, ["append", path, "50"]);
            Assert.True(ObjectStore.Check(path).IsConsistent);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(256, 0, 1000, 1)]
    [InlineData(1024, 0, 200, 2)]
    [InlineData(192, 64, 500, 1)]
    [InlineData(4096, 4096, 50, 1)]
    [InlineData(320, 0, 300, 0)]
    public void Custom_classes_of_C_are_read_walked_and_freed(int unit, int alignment, int units, int header)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "custom.obj");
            int size = unit - (header == 1 ? 16 : header == 0 ? 64 : 0);
            var script = new List<string> { "create 67108864", $"class {unit} {alignment} {units} {header}" };
            for (int i = 0; i < 100; i++)
                script.Add($"xalloc {i} {size} 3");
            for (int i = 0; i < 100; i += 3)
                script.Add($"free {i}");
            script.AddRange(["dump", "close"]);
            string theirs = Peers.Succeed(program, [path], string.Join('\n', script) + "\n");
            Assert.True(ObjectStore.Check(path).IsConsistent, string.Join('\n', ObjectStore.Check(path).Problems));
            using (ObjectStore store = ObjectStore.Open(path, "script"))
                Assert.Equal(theirs, ScriptRunner.Dump(store));
            string[] frees = [.. Enumerable.Range(0, 100).Where(i => i % 3 == 1).Select(i => $"free {i}")];
            string ours = ScriptRunner.Run(path, ["open", .. frees, "dump", "close"]);
            Assert.Equal(ours, Peers.Succeed(program, [path], "open\ndump\nclose\n"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
