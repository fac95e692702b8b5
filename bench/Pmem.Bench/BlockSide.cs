using System.Diagnostics;
using Pmem.Blocks;

namespace Pmem.Bench;

/// <summary>Our side of the block cases; the same work as peers/bench_blk.c.</summary>
internal sealed class BlockSide(string folder) : IDisposable
{
    private const long PoolSize = 128L << 20;

    private readonly BlockPool?[] _pools = new BlockPool?[2];

    /// <summary>Managed bytes that the threads of the last run allocated in their loops.</summary>
    public long AllocatedBytes { get; private set; }

    public static void AddCases(List<Case> cases)
    {
        foreach (string threads in (string[])[string.Empty, "-2t"])
        {
            foreach (string order in (string[])[string.Empty, "-random"])
            {
                foreach (long size in (long[])[512, 4096])
                {
                    cases.Add(new Case($"blk-write{order}{threads}", size, 20_000, 0.9, "B"));
                    cases.Add(new Case($"blk-read{order}{threads}", size, 20_000, 1.0, "B"));
                }
            }
        }

        cases.Add(new Case("blk-open", 512, 20, 1.0, "B"));
        cases.Add(new Case("blk-layout", 512, 5, 1.0, "B"));
    }

    /// <summary>Runs one repetition; returns nanoseconds.</summary>
    public double Run(Case item) => item.Name switch
    {
        "blk-open" => Open((int)item.Parameter, item.Count),
        "blk-layout" => LayOut((int)item.Parameter, item.Count),
        _ => Work(item),
    };

    public void Dispose()
    {
        foreach (BlockPool? pool in _pools)
            pool?.Dispose();
    }

    private static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalNanoseconds;

    private static BlockPool Filled(string path, int size)
    {
        BlockPool pool = BlockPool.Create(path, size, PoolSize);
        byte[] data = new byte[size];
        data.AsSpan().Fill(7);
        for (int pass = 0; pass < 2; pass++)
        {
            for (long i = 0; i < pool.BlockCount; i++)
                pool.Write(i, data);
        }

        return pool;
    }

    private double Open(int size, int count)
    {
        string path = Path.Combine(folder, "net.blk-closed");
        if (!File.Exists(path))
            Filled(path, size).Dispose();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            BlockPool.Open(path, size).Dispose();
        return Since(start);
    }

    private double LayOut(int size, int count)
    {
        string path = Path.Combine(folder, "net.blk-new");
        byte[] data = new byte[size];
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            using (BlockPool pool = BlockPool.Create(path, size, BlockPool.MinimumPoolSize))
            {
                long start = Stopwatch.GetTimestamp();
                pool.Write(0, data);
                sum += Since(start);
            }

            File.Delete(path);
        }

        return sum;
    }

    private double Work(Case item)
    {
        int size = (int)item.Parameter;
        BlockPool pool = _pools[size > 512 ? 1 : 0] ??= Filled(Path.Combine(folder, $"net.blk{size}"), size);
        int threads = item.Name.Contains("-2t", StringComparison.Ordinal) ? 2 : 1;
        bool writes = item.Name.Contains("write", StringComparison.Ordinal);
        bool random = item.Name.Contains("random", StringComparison.Ordinal);
        var times = new double[threads];
        var allocated = new long[threads];
        var running = new Thread[threads];
        using var barrier = new Barrier(threads);
        for (int t = 0; t < threads; t++)
        {
            int index = t;
            running[t] = new Thread(() =>
            {
                Span<byte> data = Aligned(size);
                data.Fill(7);
                long blocks = pool.BlockCount / threads;
                long first = blocks * index;
                ulong x = 88172645463325252 + ((ulong)index * 977);
                barrier.SignalAndWait();
                long before = GC.GetAllocatedBytesForCurrentThread();
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < item.Count; i++)
                {
                    long block = i % blocks;
                    if (random)
                    {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                        block = (long)(x % (ulong)blocks);
                    }

                    if (writes)
                        pool.Write(first + block, data);
                    else
                        pool.Read(first + block, data);
                }

                times[index] = Since(start);
                allocated[index] = GC.GetAllocatedBytesForCurrentThread() - before;
            });
            running[t].Start();
        }

        foreach (Thread thread in running)
            thread.Join();
        AllocatedBytes = allocated.Sum();
        return times.Max();
    }

    /// <summary>Memory that begins on a page, as C's does.</summary>
    private static unsafe Span<byte> Aligned(int size)
    {
        byte[] data = GC.AllocateArray<byte>(size + 4096, pinned: true);
        fixed (byte* first = data)
            return data.AsSpan((int)(-(nint)first & 4095), size);
    }
}
