using Pmem;
using Pmem.Objects;
using Pmem.Objects.Layout;
using Pmem.Objects.Tests.Conversion;

namespace Interop;

/// <summary>Pools that were converted are pools of layout 6 for PMDK too.</summary>
public sealed class ConversionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void A_converted_pool_is_opened_walked_and_used_by_C(uint layout)
    {
        string program = Peers.Program("obj_script");
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "old.obj");
            using (var pool = new OldPool(layout))
            {
                pool.Redo(3, false, (pool.Objects[0], 0x1234));
                if (layout < 5)
                    pool.Transaction(9, false, [pool.Allocate(8, 1)], [pool.Objects[4]], [(pool.Large, 5000)], [(pool.Root, 30)]);
                else
                    pool.UndoOfFive(9, (pool.Large, 2024), (pool.Root, 150));
                pool.Fill(pool.Large, 2000, 1234);
                pool.Fill(pool.Root, 30, 1234);
                File.WriteAllBytes(path, pool.Bytes);
            }

            Assert.NotEqual(0, Peers.Run(program, [path], "open\nclose\n").ExitCode); // pmempool check does not look at the layout
            Assert.Equal(1, ObjectStore.Convert(path, locksAreAligned: true).RolledBack);
            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", path]), StringComparison.Ordinal);
            ObjectStore.Resize(path, 32 << 20); // the script wants a large root
            string[] allocate = [.. Enumerable.Range(0, 40).Select(i => $"alloc {i} {100 + (i * 97)} 5")];
            string theirs = Peers.Succeed(program, [path], $"open\n{string.Join('\n', allocate)}\ndump\nclose\n");
            Assert.True(ObjectStore.Check(path).IsConsistent, string.Join('\n', ObjectStore.Check(path).Problems));
            using ObjectStore store = ObjectStore.Open(path, "script");
            Assert.Equal(theirs, ScriptRunner.Dump(store));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void C_dies_of_the_lanes_that_pmdk_convert_leaves_and_not_of_them_once_they_are_mended()
    {
        string program = Peers.Program("obj_list");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "list.obj");
            Peers.Succeed(program, ["create", path, "60", "16777216"]);
            using (PersistentMap map = PersistentMap.Open(path))
                map.Fill(PoolDescriptor.DefaultLanesOffset, 0, PoolDescriptor.DefaultHeapOffset - PoolDescriptor.DefaultLanesOffset);
            string copy = Path.Combine(folder, "copy.obj");
            File.Copy(path, copy);
            Assert.NotEqual(0, Peers.Run(program, ["append", copy, "5"]).ExitCode);
            Assert.False(ObjectStore.Check(path).IsConsistent);
            Assert.True(ObjectStore.Convert(path).IsChanged);
            Assert.True(ObjectStore.Check(path).IsConsistent);
            Peers.Succeed(program, ["append", path, "5"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
