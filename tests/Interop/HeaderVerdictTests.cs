using System.Buffers.Binary;
using Pmem;
using Pmem.Objects;
using Pmem.Pools;

namespace Interop;

/// <summary>libpmemobj and we judge the same broken headers and shutdown states, and must name the same thing.</summary>
public sealed class HeaderVerdictTests : IDisposable
{
    // How to break a rule, what libpmemobj then says, and where our verdict points.
    private static readonly (string Name, Action<byte[]> Break, string PeerSays, long Offset)[] s_rules =
    [
        ("major 0", b => b.AsSpan(8, 4).Clear(), "invalid major version (0)", 8),
        ("signature", b => b[6] = (byte)'X', "wrong pool type", 0),
        ("older major", b => b[8] = 5, "Please run the pmdk-convert utility", 8),
        ("newer major", b => b[8] = 7, "pool version 7 (library expects 6)", 8),
        ("incompat", b => b[18] |= 1, "unsafe to continue due to unknown incompat features", 16),
        ("checksum", _ => { }, "invalid checksum of pool header", 4088),
        ("architecture", b => b[142] ^= 1, "wrong architecture flags", 128),
        ("alignment", b => b[129] ^= 1, "wrong architecture flags", 128),
        ("previous part", b => b[56] ^= 1, "wrong part UUID", 56),
        ("next part", b => b[72] ^= 1, "wrong part UUID", 56),
        ("single header", b => b[16] |= 1, "do not match incompat feature flags", 16),
        ("previous replica", b => b[88] ^= 1, "wrong replica UUID", 88),
        ("next replica", b => b[104] ^= 1, "wrong replica UUID", 88),
    ];

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_broken_rule_and_every_two_get_the_same_verdict()
    {
        string program = Peers.Program("open_verdict");
        string path = NewPool();
        byte[] valid = Head(path);
        for (int first = 0; first < s_rules.Length; first++)
        {
            for (int second = first; second < s_rules.Length; second++)
            {
                byte[] bytes = (byte[])valid.Clone();
                s_rules[first].Break(bytes);
                if (second != first)
                    s_rules[second].Break(bytes);
                Seal(bytes);
                if (s_rules[first].Name == "checksum" || s_rules[second].Name == "checksum")
                    bytes[4088] ^= 1;
                WriteHead(path, bytes);

                string peer = Peers.Succeed(program, [], path + "\n").TrimEnd();
                PmemFormatException ours = Assert.Throws<PmemFormatException>(() => ObjectStore.Open(path));
                string what = $"{s_rules[first].Name} + {s_rules[second].Name}: C says '{peer}', we say '{ours.Message}'";
                Assert.True(Array.Exists(s_rules, rule => peer.Contains(rule.PeerSays, StringComparison.Ordinal) && rule.Offset == ours.Offset), what);
                if (first == second)
                    Assert.True(peer.Contains(s_rules[first].PeerSays, StringComparison.Ordinal), what);
                Assert.Equal(bytes, Head(path));
            }
        }
    }

    [Fact]
    public void What_one_accepts_the_other_accepts()
    {
        string program = Peers.Program("open_verdict");
        string path = NewPool();
        byte[] valid = Head(path);
        Action<byte[]>[] harmless =
        [
            _ => { },
            b => b[14] = 0xFF,
            b => b.AsSpan(144, 1904).Fill(0x55),
            b => b.AsSpan(2048, 1976).Fill(0xAA),
            b => b[120] ^= 0xFF,
            b => b[12] = 0,
            b => b[16] = 2,
            b => b[16] = 0,
        ];
        foreach (Action<byte[]> change in harmless)
        {
            byte[] bytes = (byte[])valid.Clone();
            change(bytes);
            Seal(bytes);
            WriteHead(path, bytes);
            Assert.Equal("ok", Peers.Succeed(program, [], path + "\n").TrimEnd());
            ObjectStore.Open(path).Dispose();
            Assert.Equal(bytes, Head(path));
        }
    }

    [Fact]
    public void An_unknown_ro_compat_feature_keeps_both_out()
    {
        string program = Peers.Program("open_verdict");
        string path = NewPool();
        byte[] bytes = Head(path);
        bytes[20] = 1;
        Seal(bytes);
        WriteHead(path, bytes);
        Assert.Contains("read-only mode is not supported", Peers.Succeed(program, [], path + "\n"), StringComparison.Ordinal);
        Assert.Contains("can only be read", Assert.Throws<PmemException>(() => ObjectStore.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    // count, id, dirty, checksum right: on this machine's ordinary files the modules are none
    [InlineData(0, 0, 0, true)]
    [InlineData(0, 0, 1, true)]
    [InlineData(0, 0, 1, false)]
    [InlineData(3, 9, 0, true)]
    [InlineData(3, 9, 1, true)]
    [InlineData(3, 0, 1, true)]
    [InlineData(0, 9, 1, true)]
    [InlineData(3, 9, 0, false)]
    [InlineData(3, 9, 1, false)]
    public void Every_shutdown_state_gets_the_same_verdict_and_is_left_the_same(ulong count, ulong id, byte dirty, bool intact)
    {
        string program = Peers.Program("open_verdict");
        string path = NewPool();
        var state = new ShutdownState { UnsafeShutdownCount = count, DeviceId = id, Dirty = dirty };
        state.Checksum = state.ComputeChecksum() + (intact ? 0UL : 1UL);
        byte[] bytes = Head(path);
        System.Runtime.InteropServices.MemoryMarshal.Write(bytes.AsSpan(4024), in state);

        WriteHead(path, bytes);
        string peer = Peers.Succeed(program, [], path + "\n").TrimEnd();
        byte[] afterPeer = Head(path);

        WriteHead(path, bytes);
        string ours = "ok";
        try
        {
            ObjectStore.Open(path).Dispose();
        }
        catch (PmemException e)
        {
            ours = e.Message;
        }

        Assert.Equal(peer == "ok", ours == "ok");
        if (peer != "ok")
        {
            Assert.Contains("an ADR failure was detected", peer, StringComparison.Ordinal);
            Assert.Contains("an ADR failure was detected", ours, StringComparison.Ordinal);
        }

        Assert.Equal(Convert.ToHexString(afterPeer.AsSpan(4024, 64)), Convert.ToHexString(Head(path).AsSpan(4024, 64)));
    }

    [Fact]
    public void A_refused_descriptor_leaves_the_same_shutdown_state()
    {
        string program = Peers.Program("open_verdict");
        string path = NewPool();
        Patch(path, 0x1408, [1, 2, 3]);
        Assert.NotEqual("ok", Peers.Succeed(program, [], path + "\n").TrimEnd());
        byte[] afterPeer = Head(path);
        Assert.Throws<PmemFormatException>(() => ObjectStore.Open(path));
        Assert.Equal(afterPeer, Head(path));
    }

    private string NewPool()
    {
        string path = Path.Combine(_folder, $"{Guid.NewGuid():n}.pool");
        ObjectStore.Create(path, "verdict", ObjectStore.MinimumPoolSize).Dispose();
        return path;
    }

    private static void Seal(byte[] bytes) =>
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(4088), Fletcher64.ComputeSkipping(bytes, (bytes[16] & 2) != 0 ? 2048 : 4088));

    private static byte[] Head(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read);
        byte[] bytes = new byte[PoolHeader.Size];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static void WriteHead(string path, byte[] bytes) => Patch(path, 0, bytes);

    private static void Patch(string path, long offset, byte[] bytes)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write);
        file.Position = offset;
        file.Write(bytes);
    }
}
