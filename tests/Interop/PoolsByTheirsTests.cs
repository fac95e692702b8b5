using Pmem.Objects;
using Pmem.Pools.Checking;

namespace Interop;

/// <summary>Pools that C programs made are opened, checked, dumped and changed by us, with what C sees.</summary>
public sealed class PoolsByTheirsTests
{
    private static readonly string[] s_create = ["create 134217728"];

    /// <summary>Kinds of pools: a name, for the test's title, and the script.</summary>
    public static TheoryData<string, string[]> Kinds => new()
    {
        { "every size", [.. s_create, .. Scripts.EverySize()] },
        { "nested and aborted transactions", [.. s_create, .. Scripts.Transactions()] },
        { "extension chains", [.. s_create, .. Scripts.Extensions()] },
        { "custom classes", [.. s_create, .. Scripts.CustomClasses()] },
        { "many threads", [.. s_create, "threads 4 4000 500", "close", "open", "threads 3 1000 500"] },
        { "a grown root", [.. s_create, "alloc 1 100 1", "grow 900000", "grow 3000000"] },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pool_is_read_as_C_reads_it(string kind, string[] script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "c.obj");
            string[] commands = [.. script, "dump", "close"];
            string expected = Peers.Succeed(program, [pool], string.Join('\n', commands) + "\n");
            PoolCheckResult check = ObjectStore.Check(pool);
            Assert.True(check.IsConsistent, $"{kind}: {string.Join('\n', check.Problems)}");
            using (ObjectStore store = ObjectStore.Open(pool, "script"))
                Assert.Equal(expected, ScriptRunner.Dump(store));
            Assert.Equal(expected, PoolPeer.Dump(pool));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pool_is_emptied_by_us_and_filled_again_by_C(string kind, string[] script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "c.obj");
            Peers.Succeed(program, [pool], string.Join('\n', (string[])[.. script, "close"]) + "\n");
            using (ObjectStore store = ObjectStore.Open(pool, "script"))
            {
                long root = store.RootOffset;
                for (int i = 0; i < ScriptRunner.Slots; i++)
                {
                    if (!store.Map.Read<ObjectId>(root + (i * 16L)).IsNull)
                        store.Free(ref store.Map.GetRef<ObjectId>(root + (i * 16L)));
                }

                Assert.True(store.First().IsNull, $"{kind}: an object is left");
            }

            Assert.DoesNotContain("object", PoolPeer.Dump(pool), StringComparison.Ordinal);
            string expected = Peers.Succeed(program, [pool], string.Join('\n', (string[])["open", .. Scripts.EverySize(), "dump", "close"]) + "\n");
            using (ObjectStore store = ObjectStore.Open(pool, "script"))
                Assert.Equal(expected, ScriptRunner.Dump(store));
            PoolCheckResult check = ObjectStore.Check(pool);
            Assert.True(check.IsConsistent, $"{kind}: {string.Join('\n', check.Problems)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200)]
    public void Lists_in_objects_are_read_as_C_reads_them(int nodes)
    {
        string program = Peers.Program("obj_list");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "list.obj");
            Peers.Succeed(program, ["create", pool, $"{nodes}"]);
            string expected = Peers.Succeed(program, ["dump", pool]);
            using ObjectStore store = ObjectStore.Open(pool, "interop_list");
            Assert.Equal(expected, ListDump.Of(store));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void C_and_we_take_turns_in_one_pool(int seed)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "turns.obj");
            List<string> script = Scripts.Churn(seed, 3000, 128L << 20, reopen: true);
            var turn = new List<string>();
            bool ours = seed % 2 == 0;
            int turns = 0;
            foreach (string line in script)
            {
                turn.Add(line);
                if (line != "close")
                    continue;
                if (ours)
                    ScriptRunner.Run(pool, turn);
                else
                    Peers.Succeed(program, [pool], string.Join('\n', turn) + "\n");
                using (ObjectStore store = ObjectStore.Open(pool, "script", new ObjectStoreOptions { CopyOnWrite = true }))
                    Assert.Equal(PoolPeer.Dump(pool), ScriptRunner.Dump(store));
                PoolCheckResult check = ObjectStore.Check(pool);
                Assert.True(check.IsConsistent, $"seed {seed}, turn {turns}: {string.Join('\n', check.Problems)}");
                turn.Clear();
                ours = !ours;
                turns++;
            }

            Assert.True(turns > 3, "one turn each is not enough");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
