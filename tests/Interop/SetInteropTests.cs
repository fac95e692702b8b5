using Pmem.Objects;
using Pmem.Pools;

namespace Interop;

/// <summary>Sets that C made are opened, checked, listed and changed by us, and the other way round.</summary>
public sealed class SetInteropTests : IDisposable
{
    private static readonly (string Name, string[] Lines)[] s_sets =
    [
        ("one part", ["110M a"]),
        ("parts with headers", ["20M a", "10M b", "80M c"]),
        ("uneven parts", ["20000001 a", "9000000 b", "80000777 c"]),
        ("parts with one header", ["OPTION SINGLEHDR", "20M a", "10M b", "80M c"]),
        ("two replicas", ["60M a", "50M b", "REPLICA", "20M c", "40M d", "60M e"]),
        ("three replicas with one header", ["OPTION SINGLEHDR", "110M a", "REPLICA", "50M b", "61M c", "REPLICA", "120M d"]),
        ("folders", ["OPTION SINGLEHDR", "400M one/", "400M two/"]),
        ("replicated folders", ["OPTION SINGLEHDR", "600M one/", "REPLICA", "300M two/", "300M three/"]),
    ];

    private readonly SetFolder _folder = new();

    public static TheoryData<string> Sets => [.. s_sets.Select(set => set.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Sets))]
    public void A_set_by_C_is_read_as_C_reads_it_and_changed_for_C(string name)
    {
        string program = Peers.Program("obj_script");
        string set = _folder.Write("c.set", Lines(name));
        string expected = Peers.Succeed(program, [set], Script("create 0", Scripts.EverySize()));
        Assert.Equal(PoolKind.Object, PoolFile.ReadHeader(set)!.Value.Kind);
        using (ObjectStore store = ObjectStore.Open(set, "script"))
            Assert.Equal(expected, ScriptRunner.Dump(store));
        using (var runner = new ScriptRunner(set))
        {
            runner.Execute("open");
            foreach (string line in Scripts.Transactions())
                runner.Execute(line);
            expected = ScriptRunner.Dump(runner.Store);
        }

        Assert.Equal(expected, PoolPeer.Dump(set));
        Assert.Contains("consistent", Peers.Succeed(Peers.Tool("pmempool"), ["check", "-v", set]), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void A_set_by_us_is_read_and_changed_by_C(string name)
    {
        string set = _folder.Write("net.set", Lines(name));
        string expected = ScriptRunner.Run(set, ["create 0", .. Scripts.EverySize(), "dump", "close"]);
        Assert.Contains("consistent", Peers.Succeed(Peers.Tool("pmempool"), ["check", "-v", set]), StringComparison.Ordinal);
        Assert.Equal(expected, PoolPeer.Dump(set));
        expected = Peers.Succeed(Peers.Program("obj_script"), [set], Script("open", Scripts.Transactions()));
        using ObjectStore store = ObjectStore.Open(set, "script");
        Assert.Equal(expected, ScriptRunner.Dump(store));
    }

    [Theory]
    [InlineData("uneven parts")]
    [InlineData("parts with one header")]
    [InlineData("two replicas")]
    [InlineData("three replicas with one header")]
    public void The_same_script_leaves_equal_parts(string name)
    {
        string[] lines = Lines(name);
        string theirs = _folder.Write("c.set", SetFolder.Rename(lines, "c"));
        string ours = _folder.Write("net.set", SetFolder.Rename(lines, "n"));
        List<string> script = [.. Scripts.Churn(31, 1500, 50L << 20, reopen: true)];
        script[0] = "create 0";
        string expected = Peers.Succeed(Peers.Program("obj_script"), [theirs], string.Join('\n', script) + "\n");
        Assert.Equal(expected, ScriptRunner.Run(ours, script));
        string[] cParts = Parts(theirs);
        string[] ourParts = Parts(ours);
        Assert.Equal(cParts.Length, ourParts.Length);
        for (int i = 0; i < cParts.Length; i++)
            Assert.Equal(new FileInfo(cParts[i]).Length, new FileInfo(ourParts[i]).Length);

        // Each replica, put together as the single file that it could be.
        PoolSetFile cSet = PoolSetFile.Read(theirs);
        PoolSetFile ourSet = PoolSetFile.Read(ours);
        bool singleHeader = cSet.Options.HasFlag(PoolSetOptions.SingleHeader);
        for (int r = 0; r < cSet.Replicas.Count; r++)
        {
            byte[] c = PoolMask.Read(_folder.Join("c.obj", singleHeader, [.. cSet.Replicas[r].Parts.Select(p => p.Path)]));
            byte[] net = PoolMask.Read(_folder.Join("net.obj", singleHeader, [.. ourSet.Replicas[r].Parts.Select(p => p.Path)]));
            string? difference = PoolMask.Compare(net, c);
            Assert.True(difference is null, $"{name}, replica {r}: {difference}");
        }
    }

    [Fact]
    public void Folders_grow_in_both_worlds_by_the_same_files()
    {
        string[] lines = ["OPTION SINGLEHDR", "300M one/", "300M two/"];
        string theirs = _folder.Write("c.set", SetFolder.Rename(lines, "c"));
        string ours = _folder.Write("net.set", SetFolder.Rename(lines, "n"));
        string[] script = ["create 0", .. Enumerable.Range(0, 90).Select(i => $"alloc {i} 4000000 7"), "dump", "close"];
        string expected = Peers.Succeed(Peers.Program("obj_script"), [theirs], string.Join('\n', script) + "\n");
        Assert.Equal(expected, ScriptRunner.Run(ours, script));
        Assert.Equal(Files("c"), Files("n"));
        Assert.Equal(4, Files("n").Length);

        // Each goes on in the other's.
        string[] more = ["open", .. Enumerable.Range(100, 40).Select(i => $"alloc {i} 4000000 7"), "dump", "close"];
        string oursByC = Peers.Succeed(Peers.Program("obj_script"), [ours], string.Join('\n', more) + "\n");
        Assert.Equal(oursByC, ScriptRunner.Run(theirs, more));
        Assert.Equal(Files("c"), Files("n"));

        string[] Files(string prefix) =>
        [
            .. new[] { "one", "two" }.SelectMany(folder => Directory.GetFiles(_folder.File(prefix + folder)).Order()
                .Select(file => $"{folder}/{Path.GetFileName(file)} {new FileInfo(file).Length} {(file.Contains("000000") ? default : File.GetUnixFileMode(file))}")),
        ];
    }

    private static string[] Lines(string name) => Array.Find(s_sets, set => set.Name == name).Lines;

    private static string Script(string first, IEnumerable<string> script) => string.Join('\n', (string[])[first, .. script, "dump", "close"]) + "\n";

    private static string[] Parts(string set) => [.. PoolSetFile.Read(set).Replicas.SelectMany(replica => replica.Parts).Select(part => part.Path)];
}
