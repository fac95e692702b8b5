using System.Buffers.Binary;
using Pmem;
using Pmem.Objects;
using Pmem.Pools;

namespace Interop;

/// <summary>libpmemobj and we judge the same broken parts of a set, and must name the same rule, or we the part that is broken.</summary>
public sealed class SetVerdictTests : IDisposable
{
    // How to break a part's header, and what libpmemobj may say of it. Which of the rules speaks depends on the order of the parts.
    private static readonly (string Name, Action<byte[]> Break)[] s_faults =
    [
        ("major 0", b => b.AsSpan(8, 4).Clear()),
        ("all zero", b => b.AsSpan().Clear()),
        ("signature", b => b[6] = (byte)'X'),
        ("newer major", b => b[8] = 7),
        ("compat", b => b[12] ^= 1),
        ("incompat", b => b[18] |= 1),
        ("checksum", b => b[4090] ^= 1),
        ("architecture", b => b[142] ^= 1),
        ("pool set uuid", b => b[24] ^= 1),
        ("own uuid", b => b[40] ^= 1),
        ("previous part", b => b[56] ^= 1),
        ("next part", b => b[72] ^= 1),
        ("single header", b => b[16] |= 1),
        ("previous replica", b => b[88] ^= 1),
        ("next replica", b => b[104] ^= 1),
        ("shutdown state", b => b[4030] ^= 1),
    ];

    private static readonly (string PeerSays, string WeSay)[] s_rules =
    [
        ("invalid major version (0)", "pool header major version"),
        ("wrong pool type", "pool header signature"),
        ("pool version 7", "pool header major version"),
        ("unsafe to continue", "pool header incompat features"),
        ("invalid checksum", "pool header checksum"),
        ("wrong architecture", "pool header architecture flags"),
        ("wrong pool set UUID", "pool header pool set uuid"),
        ("wrong part UUID", "pool header part uuid"),
        ("incompatible feature flags", "pool header features"),
        ("do not match incompat", "pool header incompat features"),
        ("wrong replica UUID", "pool header replica uuid"),
    ];

    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("8M a", "8M b", "REPLICA", "8M c", "9M d")]
    [InlineData("OPTION SINGLEHDR", "8M a", "8M b", "REPLICA", "8M c", "9M d")]
    [InlineData("8M a", "8M b", "8M c")]
    public void Every_fault_in_every_part_gets_the_same_verdict(params string[] lines)
    {
        string program = Peers.Program("open_verdict");
        string set = _folder.Write("a.set", lines);
        ObjectStore.Create(set, "verdict", 0).Dispose();
        bool singleHeader = lines[0] == "OPTION SINGLEHDR";
        int tried = 0;
        foreach (PoolSetReplica replica in PoolSetFile.Read(set).Replicas)
        {
            foreach (PoolSetPart part in singleHeader ? replica.Parts.Take(1) : replica.Parts)
            {
                byte[] valid = Head(part.Path);
                foreach ((string name, Action<byte[]> fault) in s_faults)
                {
                    byte[] bytes = (byte[])valid.Clone();
                    fault(bytes);
                    if (name is not ("checksum" or "all zero"))
                        Seal(bytes);
                    WriteHead(part.Path, bytes);
                    Judge(program, set, part.Path, $"{name} in {part.Path}");
                    WriteHead(part.Path, valid);
                    tried++;
                }
            }
        }

        Assert.True(tried >= 2 * s_faults.Length, "too few parts");
        Assert.Equal("ok", Peers.Succeed(program, [], set + "\n").TrimEnd());
    }

    [Fact]
    public void Parts_that_are_missing_swapped_or_of_another_size_are_refused_by_both()
    {
        string program = Peers.Program("open_verdict");
        string set = _folder.Write("a.set", "8M a", "8M b", "8M c");
        ObjectStore.Create(set, "verdict", 0).Dispose();
        foreach ((string text, string peer, string ours) in ((string, string, string)[])[
            ($"PMEMPOOLSET\n8M {_folder.File("a")}\n8M {_folder.File("c")}\n8M {_folder.File("b")}\n", "wrong part UUID", "pool header part uuid"),
            ($"PMEMPOOLSET\n8M {_folder.File("b")}\n8M {_folder.File("c")}\n8M {_folder.File("a")}\n", "wrong replica UUID", "pool header replica uuid"),
            ($"PMEMPOOLSET\n8M {_folder.File("a")}\n8M {_folder.File("b")}\n", "wrong part UUID", "pool header part uuid"),
            ($"PMEMPOOLSET\n8M {_folder.File("a")}\n8M {_folder.File("b")}\n9M {_folder.File("c")}\n", "file size does not match config", "file size does not match config"),
            ($"PMEMPOOLSET\n8M {_folder.File("a")}\n8M {_folder.File("b")}\n8M {_folder.File("none")}\n", "No such file", "there is no file"),
            ($"PMEMPOOLSET\nOPTION SINGLEHDR\n8M {_folder.File("a")}\n8M {_folder.File("b")}\n8M {_folder.File("c")}\n", "wrong part UUID", "pool header part uuid"),
            ($"PMEMPOOLSET\n8M {_folder.File("a")}\n8M {_folder.File("b")}\n8M {_folder.File("c")}\nREPLICA node set\n", "librpmem", "librpmem")])
        {
            string other = _folder.File("other.set");
            File.WriteAllText(other, text);
            string verdict = Peers.Succeed(program, [], other + "\n").TrimEnd();
            Exception problem = Assert.ThrowsAny<Exception>(() => ObjectStore.Open(other));
            Assert.True(verdict.Contains(peer, StringComparison.Ordinal), $"C says '{verdict}' of {text}");
            Assert.Contains(ours, problem.Message, StringComparison.Ordinal);
        }

        using ObjectStore store = ObjectStore.Open(set);
    }

    /// <summary>The same rule; or C sees that the part beside it is linked to something else, where we name the damaged part itself.</summary>
    private static void Judge(string program, string set, string broken, string what)
    {
        string peer = Peers.Succeed(program, [], set + "\n").TrimEnd();
        string ours = "ok";
        try
        {
            ObjectStore.Open(set).Dispose();
        }
        catch (PmemFormatException problem)
        {
            ours = problem.What;
        }

        bool agree = peer == "ok"
            ? ours == "ok"
            : (peer.Contains(" UUID", StringComparison.Ordinal) && ours.Contains($"({broken})", StringComparison.Ordinal)) || Array.Exists(s_rules, rule => peer.Contains(rule.PeerSays, StringComparison.Ordinal) && ours.Contains(rule.WeSay, StringComparison.Ordinal));
        Assert.True(agree, $"{what}: C says '{peer}', we say '{ours}'");
    }

    private static byte[] Head(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[PoolHeader.Size];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static void WriteHead(string path, byte[] bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Write(bytes);
    }

    private static void Seal(byte[] bytes)
    {
        PoolHeader header = PoolHeader.Read(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(PoolHeader.ChecksumPosition), header.ComputeChecksum());
    }
}
