using System.Globalization;
using Pmem;
using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.CrashTesting;
using Pmem.Pools.Checking;

namespace Interop;

/// <summary>Block pools, both ways with libpmemblk.</summary>
public sealed class BlockTests : IDisposable
{
    private const int Killed = 77;
    private const long Size = BlockPool.MinimumPoolSize;

    private readonly string _folder = Peers.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 17)]
    [InlineData(3, 512)]
    [InlineData(4, 520)]
    [InlineData(5, 4096)]
    [InlineData(6, 4224)]
    [InlineData(7, 32512)]
    public void The_same_script_leaves_the_same_bytes(int seed, int blockSize)
    {
        List<string> script = BlockScript.Random(seed, 400, blockSize, Size + (seed * 12288));
        string theirs = Path.Combine(_folder, "c.blk");
        string ours = Path.Combine(_folder, "net.blk");
        Assert.Equal(Theirs(theirs, script), BlockScript.Run(ours, script));
        byte[] left = Masked(theirs);
        byte[] right = Masked(ours);
        int at = left.AsSpan().CommonPrefixLength(right);
        Assert.True(at == left.Length && at == right.Length, $"seed {seed}: first difference at 0x{at:x}");
    }

    [Fact]
    public void Both_write_in_turn_and_read_what_the_other_wrote()
    {
        string pool = Path.Combine(_folder, "turns.blk");
        BlockScript.Run(pool, [$"create 512 {Size}", "write 1 1", "close"]);
        for (int i = 0; i < 10; i++)
        {
            string[] turn = ["open 512", $"write {i} {i}", $"write 0 {i + 100}", $"error {i + 20}", $"zero {i + 19}", "dump", "close"];
            string said = i % 2 == 0 ? Theirs(pool, turn) : BlockScript.Run(pool, turn);
            string[] look = ["open 0", "dump", "close"];
            Assert.Equal(said, BlockScript.Run(pool, look));
            Assert.Equal(said, Theirs(pool, look));
        }

        Assert.Equal("check 1\n", Theirs(pool, ["check 512"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_C_was_killed_in_we_find_as_C_does(bool before)
    {
        string program = Peers.Program("blk_script");
        Dictionary<string, string> environment = PoolPeer.Traced(_folder);
        if (before)
            environment["PMCRASH_BEFORE"] = "1";
        string prepared = Path.Combine(_folder, "prepared.blk");
        string pool = Path.Combine(_folder, "killed.blk");
        string theirs = Path.Combine(_folder, "theirs.blk");
        Peers.Succeed(program, [prepared], $"create 512 {Size}\nwrite 1 1\nwrite 2 2\nwrite 3 3\nclose\n");
        const string Body = "write 1 11\nwrite 1 12\nwrite 5 13\nzero 2\nwrite 2 14\nerror 3\nwrite 3 15\nwrite 1 16\nwrite 1 17\n";
        File.Copy(prepared, pool);
        int points = int.Parse(Peers.Succeed(program, [pool], $"open 512\narm 0\n{Body}count\nclose\n", environment), CultureInfo.InvariantCulture);
        Assert.True(points > 40, $"{points} durability points");
        var states = new HashSet<string>(StringComparer.Ordinal);
        for (int at = 1; at <= points; at++)
        {
            File.Copy(prepared, pool, overwrite: true);
            Assert.Equal(Killed, Peers.Run(program, [pool], $"open 512\narm {at}\n{Body}close\n", environment).ExitCode);
            File.Copy(pool, theirs, overwrite: true);
            string expected = Theirs(theirs, ["open 512", "dump", "close"]);
            Assert.True(expected == BlockScript.Run(pool, ["open 512", "dump", "close"]), $"killed at {at} of {points}");
            Assert.Equal(Masked(theirs), Masked(pool));
            states.Add(expected);
        }

        Assert.InRange(states.Count, 9, 10); // before, and after each operation
    }

    [Fact]
    public void What_C_was_killed_in_while_it_laid_out_is_an_empty_pool_to_both()
    {
        string program = Peers.Program("blk_script");
        Dictionary<string, string> environment = PoolPeer.Traced(_folder);
        string prepared = Path.Combine(_folder, "prepared.blk");
        string pool = Path.Combine(_folder, "killed.blk");
        Peers.Succeed(program, [prepared], $"create 512 {Size}\nclose\n");
        File.Copy(prepared, pool);
        int points = int.Parse(Peers.Succeed(program, [pool], "open 512\narm 0\nwrite 7 7\ncount\nclose\n", environment), CultureInfo.InvariantCulture);
        Assert.True(points > 500, $"{points} durability points");
        for (int at = 1; at <= points; at += at < points - 12 ? 37 : 1)
        {
            File.Copy(prepared, pool, overwrite: true);
            Assert.Equal(Killed, Peers.Run(program, [pool], $"open 512\narm {at}\nwrite 7 7\nclose\n", environment).ExitCode);
            string found = BlockScript.Run(pool, ["open 512", "read 7", "write 8 8", "read 8", "close"]);
            Assert.Equal(found, Theirs(pool, ["open 512", "read 7", "write 8 8", "read 8", "close"]));
            Assert.Equal("check 1\n", Theirs(pool, ["check 512"]));
        }
    }

    [Fact]
    public void What_we_were_crashed_in_C_recovers_as_we_do()
    {
        string program = Peers.Program("blk_script");
        string ours = Path.Combine(_folder, "ours.blk");
        string copy = Path.Combine(_folder, "copy.blk");
        Trace trace;
        using (BlockPool pool = BlockPool.Create(PersistentMap.CreateAnonymous(Size), 64, isZeroed: true, new BlockDeviceOptions { Lanes = 2 }))
        {
            for (uint i = 0; i < 5; i++)
                pool.Write(i * 20, Content(i));
            using var recorder = new TraceRecorder(pool.Map);
            for (uint i = 0; i < 8; i++)
                pool.Write(i * i % 5 * 20, Content(100 + i));
            pool.Zero(20);
            pool.Write(20, Content(200));
            pool.SetError(40);
            pool.Write(40, Content(201));
            trace = recorder.Stop();
        }

        int tried = 0;
        var random = new Random(5);
        CrashExplorer.Explore(
            trace,
            (image, crash) =>
            {
                // Each image costs two processes; a seeded part of them has to do.
                if (random.Next(2) != 0)
                    return;
                using (FileStream file = File.Create(ours))
                    file.Write(image);
                File.Copy(ours, copy, overwrite: true);
                string[] look = ["open 64", "dump", "close"];
                Assert.Equal(Peers.Succeed(program, [copy], string.Join('\n', look) + "\n"), BlockScript.Run(ours, look));
                Assert.Equal("check 1\n", Theirs(copy, ["check 64"]));
                tried++;
            },
            new ExplorationOptions { ImagesPerPoint = 24 },
            TestContext.Current.CancellationToken).ThrowIfFailed();
        Assert.True(tried > 80, $"{tried} images");
    }

    [Fact]
    public void A_lost_info_block_loses_all_blocks_in_C_and_none_here()
    {
        string pool = Path.Combine(_folder, "lost.blk");
        string theirs = Path.Combine(_folder, "theirs.blk");
        BlockScript.Run(pool, [$"create 512 {Size}", "write 1 1", "write 2 2", "close"]);
        using (FileStream file = File.OpenWrite(pool))
        {
            file.Position = 8192;
            file.Write(new byte[4096]);
        }

        File.Copy(pool, theirs);
        Assert.Equal("blocks 32202 of 512\n", Theirs(theirs, ["open 512", "dump", "close"]));
        Assert.Equal("check 1\n", Theirs(theirs, ["check 512"]));
        Assert.Equal(3, BlockScript.Run(pool, ["open 512", "dump", "close"]).Count(c => c == '\n'));

        // What we restored, C reads again.
        Assert.Equal(3, Theirs(pool, ["open 512", "dump", "close"]).Count(c => c == '\n'));
    }

    [Fact]
    public void Pmempool_accepts_our_pools_and_describes_them_as_they_are()
    {
        string pmempool = Peers.Tool("pmempool");
        string pool = Path.Combine(_folder, "ours.blk");
        BlockScript.Run(pool, [$"create 4096 {32 << 20}", "write 1 1", "write 1 2", "zero 9", "error 10", "close"]);
        Assert.Contains("consistent", Peers.Succeed(pmempool, ["check", "-v", pool]), StringComparison.Ordinal);
        var geometry = ArenaGeometry.Compute(BttFormat.Pmdk, (32 << 20) - 8192, 4096);
        string info = Peers.Succeed(pmempool, ["info", pool]);
        Assert.Matches($@"External LBA count\s*:\s*{geometry.ExternalBlocks}\n", info);
        Assert.Matches($@"Area map offset\s*:\s*0x{geometry.MapOffset:x}\n", info);
        Assert.Matches($@"Area flog offset\s*:\s*0x{geometry.FlogOffset:x}\n", info);
    }

    [Fact]
    public void A_pool_made_by_pmempool_is_laid_out_and_empty()
    {
        string pool = Path.Combine(_folder, "theirs.blk");
        Peers.Succeed(Peers.Tool("pmempool"), ["create", "-w", "blk", "520", pool]);
        using BlockPool open = BlockPool.Open(pool);
        Assert.True(open.Table.IsLaidOut);
        Assert.Equal(520, open.BlockSize);
        Assert.True(open.IsZero(0) && open.IsZero(open.BlockCount - 1));
    }

    [Fact]
    public void Block_sizes_that_C_refuses_are_refused()
    {
        foreach (int blockSize in (int[])[32512, 32513, 40000])
        {
            string theirs = Path.Combine(_folder, $"c{blockSize}");
            string ours = Path.Combine(_folder, $"net{blockSize}");
            bool isMade = Peers.Run(Peers.Program("blk_script"), [theirs], $"create {blockSize} {Size}\nclose\n").ExitCode == 0;
            if (isMade)
                BlockPool.Create(ours, blockSize, Size).Dispose();
            else
                Assert.Throws<ArgumentOutOfRangeException>(() => BlockPool.Create(ours, blockSize, Size));
            Assert.Equal(blockSize == 32512, isMade);
        }
    }

    [Theory]
    [InlineData("info", 8192 + 60, 0x1234u, true)]
    [InlineData("copy of the info", -1, 0x1234u, true)]
    [InlineData("map, outside", 7, 0xF0000000u, false)]
    [InlineData("map, taken", 7, 0xC0000003u, false)]
    [InlineData("flog, both sequences", 1000 + 28, 2u, false)]
    [InlineData("flog, block outside", 1000 + 4, 0xFFFFFFFFu, false)]
    public void Pmempool_and_we_agree_on_damaged_pools(string what, int place, uint value, bool isSafe)
    {
        string pmempool = Peers.Tool("pmempool");
        string ours = Path.Combine(_folder, "ours.blk");
        string theirs = Path.Combine(_folder, "theirs.blk");
        BlockScript.Run(ours, [$"create 512 {Size}", .. Enumerable.Range(0, 40).Select(i => $"write {i % 10} {i}"), "close"]);
        BttInfo info = BttInfo.Read(File.ReadAllBytes(ours).AsSpan(8192, 4096));
        long at = place switch
        {
            -1 => 8192 + (long)info.InfoOffset + 60,
            < 1000 => 8192 + (long)info.MapOffset + (place * 4),
            < 8192 => 8192 + (long)info.FlogOffset + (place - 1000),
            _ => place,
        };
        if (what == "map, taken")
            value = BitConverter.ToUInt32(ReadAt(ours, 8192 + (long)info.MapOffset + 12));
        using (FileStream file = File.OpenWrite(ours))
        {
            file.Position = at;
            file.Write(BitConverter.GetBytes(value));
        }

        File.Copy(ours, theirs);
        Assert.NotEqual(0, Peers.Run(pmempool, ["check", theirs]).ExitCode);
        Assert.False(BlockPool.Check(ours).IsConsistent, what);

        // Both repairs end in a pool that both call consistent, and without leave to lose anything both refuse the same.
        Assert.Equal(isSafe, BlockPool.Repair(ours).IsConsistent);
        Assert.Equal(isSafe, Peers.Run(pmempool, ["check", "-r", "-y", theirs]).ExitCode == 0);
        Assert.True(BlockPool.Repair(ours, new PoolRepairOptions { AcceptLoss = true }).IsConsistent, what);
        Peers.Succeed(pmempool, ["check", "-r", "-a", "-y", theirs]);
        foreach (string pool in (string[])[ours, theirs])
        {
            Peers.Succeed(pmempool, ["check", pool]);
            Assert.True(BlockPool.Check(pool).IsConsistent, $"{what}: {string.Join('\n', BlockPool.Check(pool).Problems)}");
            Assert.Equal("check 1\n", Theirs(pool, ["check 512"]));
        }

        if (isSafe)
            Assert.Equal(Theirs(theirs, ["open 512", "dump", "close"]), BlockScript.Run(ours, ["open 512", "dump", "close"]));
    }

    [Fact]
    public void A_sequence_number_above_three_passes_for_another_in_C_and_is_found_here()
    {
        string pool = Path.Combine(_folder, "sequence.blk");
        BlockScript.Run(pool, [$"create 512 {Size}", "write 1 1", "close"]);
        BttInfo info = BttInfo.Read(File.ReadAllBytes(pool).AsSpan(8192, 4096));
        using (FileStream file = File.OpenWrite(pool))
        {
            file.Position = 8192 + (long)info.FlogOffset + 12;
            file.Write(BitConverter.GetBytes(9));
        }

        Peers.Succeed(Peers.Tool("pmempool"), ["check", pool]);
        Assert.False(BlockPool.Check(pool).IsConsistent);
    }

    private static byte[] ReadAt(string path, long at)
    {
        byte[] bytes = new byte[4];
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Position = at;
        file.ReadExactly(bytes);
        return bytes;
    }

    [Fact]
    public void Pools_in_sets_of_several_parts_are_used_by_both()
    {
        string set = Path.Combine(_folder, "blocks.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n10M {_folder}/part0\n5M {_folder}/part1\n7M {_folder}/part2\n");
        BlockScript.Run(set, ["create 4096 0", "write 1 1", "write 3000 2", "write 5000 3", "close"]);
        string said = Theirs(set, ["open 4096", "write 4000 4", "dump", "close"]);
        Assert.Equal(said, BlockScript.Run(set, ["open 4096", "dump", "close"]));
        Assert.Equal(5, said.Count(c => c == '\n'));
    }

    private static byte[] Content(uint seed) => [.. Enumerable.Range(0, 64).Select(i => (byte)(seed + (i * 3)))];

    private static string Theirs(string pool, IEnumerable<string> script) => Peers.Succeed(Peers.Program("blk_script"), [pool], string.Join('\n', script) + "\n");

    /// <summary>A pool without what differs between two runs: uuids, time, shutdown state and checksums, C's run-time pointers.</summary>
    private static byte[] Masked(string path)
    {
        byte[] pool = File.ReadAllBytes(path);
        pool.AsSpan(0x18, 0x80 - 0x18).Clear();
        pool.AsSpan(0xFB8, 0x1000 - 0xFB8).Clear();
        pool.AsSpan(0x1008, 0x2000 - 0x1008).Clear();
        BttInfo info = BttInfo.Read(pool.AsSpan(8192));
        foreach (long at in (long[])[8192, 8192 + (long)info.InfoOffset])
        {
            pool.AsSpan((int)at + 16, 32).Clear();
            pool.AsSpan((int)at + BttInfo.ChecksumPosition, 8).Clear();
        }

        return pool;
    }
}
