using Pmem;
using Pmem.Objects;
using Pmem.Pools;

namespace Interop;

/// <summary>The same transformation by pmempool and by us: the same verdict, sets that both use, and back again by the other.</summary>
public sealed class TransformInteropTests : IDisposable
{
    private static readonly string[] s_script = ["create 0", .. Enumerable.Range(0, 5).Select(i => $"alloc {i} {900_000 + (i * 5000)} 7"), "dump", "close"];

    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("8M a|9M b", "8M a|9M b|REPLICA|17M c")]
    [InlineData("8M a|9M b|REPLICA|17M c", "8M a|9M b")]
    [InlineData("8M a|9M b|REPLICA|17M c", "17M c")]
    [InlineData("OPTION SINGLEHDR|8M a|9M b", "OPTION SINGLEHDR|17M c|REPLICA|8M a|9M b|REPLICA|18M d")]
    [InlineData("8M a|9M b|REPLICA|8M c|10M d", "OPTION SINGLEHDR|8M a|9M b|REPLICA|8M c|10M d")]
    [InlineData("OPTION SINGLEHDR|8M a|9M b", "8M a|9M b")]
    [InlineData("8M a|9M b", "8M a|9M b")]
    [InlineData("8M a|9M b", "8M x|9M y")]
    [InlineData("8M a|9M b|REPLICA|20M c", "8M a|9M b|REPLICA|20M d")]
    [InlineData("8M a|9M b", "OPTION SINGLEHDR|8M a|9M b|REPLICA|20M c")]
    [InlineData("8M a|9M b", "8M a|9M b|REPLICA|20M c|4M d")]
    [InlineData("8M a|9M b", "8M a|9M b|REPLICA|9M c")]
    [InlineData("8M a|9M b", "8M a|9M b|REPLICA|20M c|20M c")]
    public void Transform_gives_the_same_verdict_and_a_set_that_both_use(string source, string target)
    {
        string tool = Peers.Tool("pmempool");
        string[] from = source.Split('|');
        string[] to = target.Split('|');
        string content = string.Empty;
        foreach (string prefix in (string[])["c", "n"])
        {
            string set = _folder.Write($"{prefix}from.set", SetFolder.Rename(from, prefix));
            _folder.Write($"{prefix}to.set", SetFolder.Rename(to, prefix));
            content = Peers.Succeed(Peers.Program("obj_script"), [set], string.Join('\n', s_script) + "\n");
        }

        PeerResult peer = Peers.Run(tool, ["transform", _folder.File("cfrom.set"), _folder.File("cto.set")]);
        try
        {
            PoolTransform.Run(_folder.File("nfrom.set"), _folder.File("nto.set"));
            Assert.True(peer.ExitCode == 0, $"C refuses: {peer.Error}{peer.Output}");
        }
        catch (PmemException e)
        {
            Assert.True(peer.ExitCode != 0, $"C does it, we say {e.Message}");
            Assert.Equal(content, PoolPeer.Dump(_folder.File("nfrom.set")));
            return;
        }

        Assert.Equal(Files("c"), Files("n"));
        Assert.Equal(content, PoolPeer.Dump(_folder.File("nto.set")));
        Assert.Empty(ObjectStore.Check(_folder.File("nto.set")).ReplicaDifferences);
        using (ObjectStore store = ObjectStore.Open(_folder.File("cto.set"), "script"))
            Assert.Equal(content, ScriptRunner.Dump(store));

        // And back by the other, where there is a way.
        bool back = Peers.Run(tool, ["transform", _folder.File("nto.set"), _folder.File("nfrom.set")]).ExitCode == 0;
        Assert.Equal(back, TryTransform(_folder.File("cto.set"), _folder.File("cfrom.set")));
        if (back)
            Assert.Equal(content, PoolPeer.Dump(_folder.File("nfrom.set")));
    }

    private static bool TryTransform(string from, string to)
    {
        try
        {
            PoolTransform.Run(from, to);
            return true;
        }
        catch (PmemException)
        {
            return false;
        }
    }

    private string[] Files(string prefix) =>
    [
        .. Directory.GetFiles(_folder.File(string.Empty), prefix + "?").Order(StringComparer.Ordinal)
            .Select(file => $"{Path.GetFileName(file)[prefix.Length..]} {new FileInfo(file).Length} {File.GetUnixFileMode(file)}"),
    ];
}
