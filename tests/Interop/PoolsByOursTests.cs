using Pmem.Objects;
using Pmem.Pools.Checking;

namespace Interop;

/// <summary>Pools that we made are accepted by PMDK's tools and read by C as we read them.</summary>
public sealed class PoolsByOursTests
{
    /// <summary>Kinds of pools: a name, for the test's title, and the script.</summary>
    public static TheoryData<string, string[]> Kinds => new()
    {
        { "smallest", ["create 8388608"] },
        { "every size", ["create 134217728", .. Scripts.EverySize()] },
        { "nested and aborted transactions", ["create 33554432", .. Scripts.Transactions()] },
        { "extension chains", ["create 33554432", .. Scripts.Extensions()] },
        { "a grown root", ["create 33554432", "alloc 1 100 1", "grow 900000", "grow 3000000"] },
        { "churned", [.. Scripts.Churn(21, 1500, 128L << 20, reopen: true).SkipLast(2)] },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pool_is_accepted_by_pmempool_and_read_by_C(string kind, string[] script)
    {
        string pmempool = Peers.Tool("pmempool");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "net.obj");
            string ours = ScriptRunner.Run(pool, [.. script, "dump", "close"]);
            Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", pool]), StringComparison.Ordinal);
            string info = Peers.Succeed(pmempool, ["info", pool]);
            Assert.Contains("PMEMOBJ", info, StringComparison.Ordinal);
            Assert.Contains("script", info, StringComparison.Ordinal);
            Assert.NotEmpty(Peers.Succeed(pmempool, ["info", "-s", "-O", "-Z", pool]));
            Assert.Equal(ours, PoolPeer.Dump(pool));
            PoolCheckResult check = ObjectStore.Check(pool);
            Assert.True(check.IsConsistent, $"{kind}: {string.Join('\n', check.Problems)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void C_empties_a_pool_of_ours(string kind, string[] script)
    {
        string program = Peers.Program("obj_script");
        string folder = Peers.NewFolder();
        try
        {
            string pool = Path.Combine(folder, "net.obj");
            string ours = ScriptRunner.Run(pool, [.. script, "dump", "close"]);
            IEnumerable<string> frees = ours.Split('\n').Where(line => line.StartsWith("slot ", StringComparison.Ordinal)).Select(line => $"free {line.Split(' ')[1]}");
            string left = Peers.Succeed(program, [pool], string.Join('\n', (string[])["open", .. frees, "dump", "close"]) + "\n");
            Assert.DoesNotContain("object", left, StringComparison.Ordinal);
            using ObjectStore store = ObjectStore.Open(pool, "script");
            Assert.Equal(left, ScriptRunner.Dump(store));
            PoolCheckResult check = ObjectStore.Check(pool);
            Assert.True(check.IsConsistent, $"{kind}: {string.Join('\n', check.Problems)}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
