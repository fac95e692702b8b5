using Pmem;
using Pmem.Objects;
using Pmem.Pools;

namespace Interop;

/// <summary>The same broken set is synchronised by pmempool and by us: the same verdict, the same parts rebuilt, and a pool that both can use.</summary>
public sealed class SyncInteropTests : IDisposable
{
    private static readonly string[] s_script = ["create 0", .. Enumerable.Range(0, 5).Select(i => $"alloc {i} {900_000 + (i * 5000)} 7"), "dump", "close"];

    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("delete a", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("delete b", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("delete c d", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("delete b d", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("truncate d", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("zero a", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("flip b", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("none", "8M a", "9M b", "REPLICA", "16M c", "9M d")]
    [InlineData("delete b", "OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "16M c", "REPLICA", "9M d", "9M e")]
    [InlineData("delete a e", "OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "16M c", "REPLICA", "9M d", "9M e")]
    [InlineData("delete a c d", "OPTION SINGLEHDR", "8M a", "9M b", "REPLICA", "16M c", "REPLICA", "9M d", "9M e")]
    public void Sync_gives_the_same_verdict_and_the_same_parts(string fault, params string[] lines)
    {
        string tool = Peers.Tool("pmempool");
        string theirs = _folder.Write("c.set", SetFolder.Rename(lines, "c"));
        string ours = _folder.Write("net.set", SetFolder.Rename(lines, "n"));
        string content = Peers.Succeed(Peers.Program("obj_script"), [theirs], string.Join('\n', s_script) + "\n");
        string[] names = [.. lines.Select(line => line.Split(' ')).Where(words => words.Length == 2 && char.IsAsciiDigit(words[0][0])).Select(words => words[1])];
        foreach (string name in names)
            File.Copy(_folder.File("c" + name), _folder.File("n" + name));
        Guid[] before = Uuids("c", names);
        foreach (string prefix in (string[])["c", "n"])
            Break(fault, prefix);

        PeerResult peer = Peers.Run(tool, ["sync", theirs]);
        try
        {
            PoolSync.Run(ours);
            Assert.True(peer.ExitCode == 0, $"C refuses: {peer.Error}{peer.Output}");
        }
        catch (PmemException e)
        {
            Assert.True(peer.ExitCode != 0, $"C does it, we say {e.Message}");
            return;
        }

        Assert.Equal(0, Peers.Run(tool, ["check", ours]).ExitCode);
        Guid[] c = Uuids("c", names);
        Guid[] net = Uuids("n", names);
        for (int i = 0; i < names.Length; i++)
        {
            // A uuid that C keeps we keep; where it makes a new one, so do we.
            Assert.Equal(c[i] == before[i], net[i] == before[i]);
            Assert.Equal(new FileInfo(_folder.File("c" + names[i])).Length, new FileInfo(_folder.File("n" + names[i])).Length);
            Assert.Equal(File.GetUnixFileMode(_folder.File("c" + names[i])), File.GetUnixFileMode(_folder.File("n" + names[i])));
        }

        Assert.Equal(content, PoolPeer.Dump(ours));
        using (ObjectStore store = ObjectStore.Open(theirs, "script"))
            Assert.Equal(content, ScriptRunner.Dump(store));
        Assert.Empty(ObjectStore.Check(ours).ReplicaDifferences);
        Assert.Equal(0, Peers.Run(tool, ["sync", ours]).ExitCode);
    }

    private Guid[] Uuids(string prefix, string[] names) => [.. names.Select(name => PoolHeader.Read(Head(_folder.File(prefix + name))).Uuid)];

    private static byte[] Head(string path)
    {
        byte[] bytes = new byte[PoolHeader.Size];
        using FileStream file = File.OpenRead(path);
        file.ReadExactly(bytes);

        // Data where others have a header is no uuid.
        return bytes[..8].AsSpan().SequenceEqual("PMEMOBJ\0"u8) ? bytes : new byte[PoolHeader.Size];
    }

    private void Break(string fault, string prefix)
    {
        string[] words = fault.Split(' ');
        foreach (string name in words[1..])
        {
            string path = _folder.File(prefix + name);
            if (words[0] == "delete")
            {
                File.Delete(path);
                continue;
            }

            using FileStream file = new(path, FileMode.Open);
            if (words[0] == "truncate")
                file.SetLength(file.Length - 4096);
            else if (words[0] == "zero")
                file.Write(new byte[4096]);
            else
                file.Write("X"u8);
        }
    }
}
