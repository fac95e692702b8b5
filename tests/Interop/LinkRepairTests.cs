using System.Text;
using Pmem.Objects;
using Pmem.Objects.Types;
using Pmem.Pools.Checking;

namespace Interop;

/// <summary>Pools whose links and logs were damaged and mended: PMDK's own programs go on with them.</summary>
public sealed class LinkRepairTests
{
    /// <summary>The structures of peers/obj_list.c, with the mutexes of 64 bytes that its lists and its root hold.</summary>
    private const string Description = """
        {
          "layout": "interop_list",
          "root": { "links": [
            { "name": "head", "offset": 0, "target": 1 },
            { "name": "tail", "offset": 16, "target": 1 },
            { "name": "la", "offset": 112, "target": 2 },
            { "name": "lb", "offset": 192, "target": 2 }
          ] },
          "types": {
            "1": { "name": "node", "links": [ { "name": "next", "offset": 0, "target": 1 } ] },
            "2": { "name": "entry", "links": [ { "name": "a and b, next and previous", "offset": 8, "count": 4, "target": 2 } ] }
          }
        }
        """;

    private static readonly ObjectTypes s_types = ObjectTypes.Parse(Encoding.UTF8.GetBytes(Description));

    [Fact]
    public void Links_of_a_C_program_are_checked_cleared_and_used_again()
    {
        string program = Peers.Program("obj_list");
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "list.obj");
            Create(program, path);
            string before = Peers.Succeed(program, ["dump", path]);
            Assert.Empty(ObjectStore.Check(path, s_types).Problems);
            Assert.Empty(ObjectStore.Repair(path, links: Everything).Mends);
            Assert.Equal(before, Peers.Succeed(program, ["dump", path]));

            // The list is cut behind node 40, and the last of its nodes leads astray.
            using (ObjectStore store = ObjectStore.Open(path))
            {
                long node = (long)store.Map.ReadUInt64(store.RootOffset + 8);
                for (int i = 0; i < 39; i++)
                    node = (long)store.Map.ReadUInt64(node + 8);
                store.Map.StoreUInt64(node + 8, store.Map.ReadUInt64(node + 8) + 1_000_000);
                store.Map.Persist(node + 8, 8);
            }

            PoolCheckResult check = ObjectStore.Check(path, s_types);
            Assert.Contains(check.Problems, problem => problem.What == "link node.next");
            Assert.Equal(19, check.Problems.Count(problem => problem.What == "unreachable object")); // the tail is still led to by the root
            Assert.True(ObjectStore.Check(path).IsConsistent);
            Assert.True(ObjectStore.Repair(path, links: Everything).IsConsistent);
            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", path]), StringComparison.Ordinal);
            string after = Peers.Succeed(program, ["dump", path]);
            Assert.Equal([.. Lines(before, "node ").Take(40)], Lines(after, "node "));
            Assert.Equal(Lines(before, "la"), Lines(after, "la"));
            Assert.Contains("objects node=41", after, StringComparison.Ordinal);
            Peers.Succeed(program, ["append", path, "30"]);
            Assert.True(ObjectStore.Check(path).IsConsistent);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_copy_without_holes_is_the_same_to_a_C_program()
    {
        string program = Peers.Program("obj_list");
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "list.obj");
            Create(program, path);
            string copy = Path.Combine(folder, "copy.obj");
            StoreCopyResult result = ObjectStore.Copy(path, copy, 8 << 20, s_types);
            Assert.Equal(66, result.Objects);
            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", copy]), StringComparison.Ordinal);
            Assert.Equal(Peers.Succeed(program, ["dump", path]), Peers.Succeed(program, ["dump", copy]));
            Peers.Succeed(program, ["append", copy, "30"]);
            Assert.Empty(ObjectStore.Check(copy, s_types).Problems);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_pool_whose_lost_logs_were_freed_is_taken_by_C()
    {
        string program = Peers.Program("obj_list");
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string path = Path.Combine(folder, "list.obj");
            Create(program, path);
            string before = Peers.Succeed(program, ["dump", path]);
            using (ObjectStore store = ObjectStore.Open(path))
            {
                Assert.True(store.Heap.TryReserve(32960, 0, 0x8000, zero: true, out PersistentAction action));
                long log = (action.UserOffset + 63) & -64;
                store.Map.StoreUInt64(log + 16, 32768 + 64);
                store.Map.Persist(log, 64);

                // Lost, and at the same time the second log of another object that is not one.
                store.Map.StoreUInt64(0x2000 + (9 * 3072) + 960 + 8, store.Map.ReadUInt64(store.RootOffset + 8));
                store.Map.Persist(0x2000, 3072 * 16);
                store.Publish(new Span<PersistentAction>(ref action));
            }

            Assert.False(ObjectStore.Check(path).IsConsistent);
            PoolRepairResult result = ObjectStore.Repair(path);
            Assert.True(result.IsConsistent, string.Join('\n', result.Mends));
            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", path]), StringComparison.Ordinal);
            Assert.Equal(before, Peers.Succeed(program, ["dump", path]));
            Peers.Succeed(program, ["append", path, "30"]);
            Assert.True(ObjectStore.Check(path, s_types).IsConsistent);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A list of 60, and lists of entries so short that none is freed: PMDK leaves old links in an entry that moves to another list.</summary>
    private static void Create(string program, string path)
    {
        Peers.Succeed(program, ["create", path, "12", "16777216"]);
        Peers.Succeed(program, ["append", path, "48"]);
    }

    private static LinkRepair Everything { get; } = new(s_types) { ClearDangling = true, FreeUnreachable = true };

    private static string[] Lines(string text, string start) => [.. text.Split('\n').Where(line => line.StartsWith(start, StringComparison.Ordinal))];
}
