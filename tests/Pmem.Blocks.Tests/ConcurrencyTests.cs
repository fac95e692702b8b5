using System.Diagnostics;

namespace Pmem.Blocks.Tests;

/// <summary>
/// Readers, writers, zeroing and marking at once. Each block has one version counter; a read must give one whole version that is not older than
/// the last one completed before the read began, and not newer than the last one begun before it ended.
/// </summary>
public sealed class ConcurrencyTests
{
    private const int Blocks = 8;
    private const int BlockSize = 1024;

    [Fact]
    public void Readers_see_whole_blocks_of_legal_versions() => Run(writers: 2, readers: 2, TimeSpan.FromSeconds(2));

    [Fact]
    public void Many_more_threads_than_lanes_get_through() => Run(writers: 12, readers: 12, TimeSpan.FromSeconds(2));

    [Fact]
    public void The_same_holds_without_tracing()
    {
        // Tracing takes a lock around every store; a process of its own runs the real code.
        if (Environment.GetEnvironmentVariable("PMEM_UNTRACED_CHILD") == "1")
            return;
        string program = typeof(ConcurrencyTests).Assembly.Location;
        string config = Path.Combine(Path.GetTempPath(), $"pmem-untraced-{Guid.NewGuid():n}.runtimeconfig.json");
        File.WriteAllText(config, File.ReadAllText(Path.ChangeExtension(program, ".runtimeconfig.json")).Replace("\"Pmem.Tracing\": true", "\"Pmem.Tracing\": false", StringComparison.Ordinal));
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!)
            {
                ArgumentList = { "exec", "--runtimeconfig", config, "--depsfile", Path.ChangeExtension(program, ".deps.json"), program, "-noLogo", "-noColor", "-class", typeof(ConcurrencyTests).FullName! },
                Environment = { ["PMEM_UNTRACED_CHILD"] = "1" },
                RedirectStandardOutput = true,
                UseShellExecute = false,
            };
            using Process child = Process.Start(start)!;
            string output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.True(child.ExitCode == 0 && output.Contains("Failed: 0", StringComparison.Ordinal), output);
        }
        finally
        {
            File.Delete(config);
        }
    }

    private static void Run(int writers, int readers, TimeSpan time)
    {
        using BlockPool pool = TestPools.New(BlockSize);
        var state = new Versions();
        using var stop = new CancellationTokenSource(time);
        Exception? failure = null;
        var threads = new List<Thread>();
        for (int i = 0; i < writers + readers; i++)
        {
            int seed = i;
            bool writes = i < writers;
            var thread = new Thread(() =>
            {
                try
                {
                    var random = new Random(seed);
                    while (!stop.IsCancellationRequested && Volatile.Read(ref failure) is null)
                    {
                        if (writes)
                            state.Write(pool, random);
                        else
                            state.Read(pool, random);
                    }
                }
                catch (Exception e)
                {
                    Volatile.Write(ref failure, e);
                }
            });
            threads.Add(thread);
            thread.Start();
        }

        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(failure);
        TableInvariants.Demand(pool);
        Assert.True(state.Reads > 100 && state.Writes > 100, $"{state.Reads} reads, {state.Writes} writes");
        using BlockPool again = TestPools.Reopen(pool);
        for (int block = 0; block < Blocks; block++)
        {
            byte[] now = new byte[BlockSize];
            byte[] then = new byte[BlockSize];
            Assert.Equal(pool.TryRead(block, now), again.TryRead(block, then));
            Assert.Equal(now, then);
        }
    }

    /// <summary>Writers of one block take turns, so that its versions are a sequence; readers never wait.</summary>
    private sealed class Versions
    {
        private const int ZeroEvery = 16;
        private const int BadEvery = 128;

        private readonly Lock[] _turns = [.. Enumerable.Range(0, Blocks).Select(_ => new Lock())];
        private readonly long[] _begun = new long[Blocks];
        private readonly long[] _done = new long[Blocks];
        private long _reads;
        private long _writes;

        public long Reads => Interlocked.Read(ref _reads);

        public long Writes => Interlocked.Read(ref _writes);

        public void Write(BlockPool pool, Random random)
        {
            int block = random.Next(Blocks);
            lock (_turns[block])
            {
                long version = _begun[block] + 1;
                Volatile.Write(ref _begun[block], version);
                if (version % BadEvery == 0)
                    pool.SetError(block);
                else if (version % ZeroEvery == 0)
                    pool.Zero(block);
                else
                    pool.Write(block, Fill(block, version));
                Volatile.Write(ref _done[block], version);
            }

            Interlocked.Increment(ref _writes);
        }

        public void Read(BlockPool pool, Random random)
        {
            int block = random.Next(Blocks);
            byte[] bytes = new byte[BlockSize];
            long from = Volatile.Read(ref _done[block]);
            bool isGood = pool.TryRead(block, bytes);
            long to = Volatile.Read(ref _begun[block]);
            for (long version = from; version <= to; version++)
            {
                bool bad = version > 0 && version % BadEvery == 0;
                bool zero = version % ZeroEvery == 0;
                if (bad ? !isGood : isGood && bytes.AsSpan().SequenceEqual(zero ? new byte[BlockSize] : Fill(block, version)))
                {
                    Interlocked.Increment(ref _reads);
                    return;
                }
            }

            Assert.Fail($"block {block} is none of the versions {from} to {to}: good {isGood}, begins {Convert.ToHexString(bytes.AsSpan(0, 16))}, ends {Convert.ToHexString(bytes.AsSpan(BlockSize - 16))}");
        }

        private static byte[] Fill(int block, long version)
        {
            byte[] bytes = new byte[BlockSize];
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(bytes.AsSpan()).Fill((version << 8) | (uint)block);
            return bytes;
        }
    }
}
