using System.Buffers.Binary;
using System.Globalization;
using Pmem.Logs;

namespace Interop;

/// <summary>Log pools, both ways with libpmemlog.</summary>
public sealed class LogTests : IDisposable
{
    private const int Killed = 77;

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 100, 2L << 20)]
    [InlineData(2, 400, 4L << 20)]
    [InlineData(3, 600, (16L << 20) + 12288)]
    public void The_same_script_leaves_the_same_bytes(int seed, int operations, long size)
    {
        List<string> script = LogScript.Random(seed, operations, size);
        string theirs = Path.Combine(_folder, "c.log");
        string ours = Path.Combine(_folder, "net.log");
        Assert.Equal(Peers.Succeed(Peers.Program("log_script"), [theirs], string.Join('\n', script) + "\n"), LogScript.Run(ours, script));
        byte[] left = Masked(theirs);
        byte[] right = Masked(ours);
        int at = left.AsSpan().CommonPrefixLength(right);
        Assert.True(at == left.Length && at == right.Length, $"seed {seed}: first difference at 0x{at:x}");
    }

    [Fact]
    public void Both_append_in_turn_and_read_what_the_other_wrote()
    {
        string program = Peers.Program("log_script");
        string pool = Path.Combine(_folder, "turns.log");
        LogScript.Run(pool, ["create 4194304", "append 1000 1", "close"]);
        for (int i = 0; i < 10; i++)
        {
            string[] turn = ["open", $"append {i * 100} {i}", $"appendv {(i * 64) + 3} {i}", "dump", "close"];
            string said = i % 2 == 0 ? Peers.Succeed(program, [pool], string.Join('\n', turn) + "\n") : LogScript.Run(pool, turn);
            string[] look = ["open", "dump", "close"];
            Assert.Equal(said, LogScript.Run(pool, look));
            Assert.Equal(said, Peers.Succeed(program, [pool], string.Join('\n', look) + "\n"));
        }

        Assert.True(PersistentLog.Check(pool).IsConsistent);
    }

    [Fact]
    public void Pmempool_accepts_our_logs_and_counts_as_we_do()
    {
        string pmempool = Peers.Tool("pmempool");
        string pool = Path.Combine(_folder, "ours.log");
        using (PersistentLog log = PersistentLog.Create(pool, 4 << 20))
        {
            log.Append(new byte[12345]);
            log.Append("the last words"u8);
        }

        Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", pool]), StringComparison.Ordinal);
        string info = Peers.Succeed(pmempool, ["info", "-s", pool]);
        Assert.Matches(@"Write offset\s*:\s*0x5047", info); // 8192 + 12345 + 14
        string dumped = Path.Combine(_folder, "dumped");
        Peers.Succeed(pmempool, ["dump", "-b", "-o", dumped, pool]);
        using PersistentLog again = PersistentLog.Open(pool);
        using var copy = new MemoryStream();
        again.OpenRead().CopyTo(copy);
        Assert.Equal(File.ReadAllBytes(dumped), copy.ToArray());
    }

    [Fact]
    public void A_pool_made_by_pmempool_is_an_empty_log()
    {
        string pool = Path.Combine(_folder, "theirs.log");
        Peers.Succeed(Peers.Tool("pmempool"), ["create", "-s", "5M", "log", pool]);
        using PersistentLog log = PersistentLog.Open(pool);
        Assert.Equal(0, log.Length);
        Assert.Equal((5 << 20) - 8192, log.Capacity);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_C_was_killed_in_we_find_as_C_does(bool before)
    {
        string program = Peers.Program("log_script");
        Dictionary<string, string> environment = PoolPeer.Traced(_folder);
        if (before)
            environment["PMCRASH_BEFORE"] = "1";
        string prepared = Path.Combine(_folder, "prepared.log");
        string pool = Path.Combine(_folder, "killed.log");
        string theirs = Path.Combine(_folder, "theirs.log");
        Peers.Succeed(program, [prepared], "create 2097152\nappend 100 1\nclose\n");
        const string Body = "append 1000 2\nappendv 300 3\nappend 64 4\nrewind\nappend 5000 5\n";
        File.Copy(prepared, pool);
        int points = int.Parse(Peers.Succeed(program, [pool], $"open\narm 0\n{Body}count\nclose\n", environment), CultureInfo.InvariantCulture);
        Assert.True(points > 10, $"{points} durability points");
        var states = new HashSet<string>(StringComparer.Ordinal);
        for (int at = 1; at <= points; at++)
        {
            File.Copy(prepared, pool, overwrite: true);
            Assert.Equal(Killed, Peers.Run(program, [pool], $"open\narm {at}\n{Body}close\n", environment).ExitCode);
            File.Copy(pool, theirs, overwrite: true);
            string expected = Peers.Succeed(program, [theirs], "open\ndump\nclose\n");
            Assert.True(PersistentLog.Check(pool).IsConsistent, $"killed at {at}");
            Assert.True(expected == LogScript.Run(pool, ["open", "dump", "close"]), $"killed at {at} of {points}");
            states.Add(expected);
        }

        Assert.InRange(states.Count, 5, 6); // before, and after each operation
    }

    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(4104, 8192)]
    [InlineData(4112, 8191)]
    [InlineData(4112, 1L << 40)]
    public void Both_refuse_the_same_descriptors(long field, long value)
    {
        string pool = Path.Combine(_folder, "broken.log");
        LogScript.Run(pool, ["create 2097152", "append 100 1", "close"]);
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        using (FileStream file = File.OpenWrite(pool))
        {
            file.Position = field;
            file.Write(bytes);
        }

        Assert.NotEqual(0, Peers.Run(Peers.Program("log_script"), [pool], "open\n").ExitCode);
        Assert.NotEqual(0, Peers.Run(Peers.Tool("pmempool"), ["check", pool]).ExitCode);
        Assert.Throws<Pmem.PmemFormatException>(() => PersistentLog.Open(pool));
        Assert.False(PersistentLog.Check(pool).IsConsistent);
    }

    /// <summary>A pool without what differs between two runs: uuids, time, shutdown state and checksum, C's run-time pointers.</summary>
    private static byte[] Masked(string path)
    {
        byte[] pool = File.ReadAllBytes(path);
        pool.AsSpan(0x18, 0x80 - 0x18).Clear();
        pool.AsSpan(0xFB8, 0x1000 - 0xFB8).Clear();
        pool.AsSpan(0x1018, 0x2000 - 0x1018).Clear();
        return pool;
    }
}
