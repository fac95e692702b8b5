using System.Diagnostics;
using Pmem.Objects;

namespace Pmem.Bench;

/// <summary>Our side of each case; the same work as peers/bench.c.</summary>
internal sealed unsafe class OurSide(string folder) : IDisposable
{
    private const long MapSize = 512L << 20;
    private const long PoolSize = 1L << 30;
    private const int Slots = 20_000;
    private const int Words = 8192;
    private const long DataOffset = Slots * 16L;
    private const long RootSize = DataOffset + (Words * 64L);

    private readonly ObjectId[] _ids = new ObjectId[Slots];
    private readonly byte[] _source = GC.AllocateArray<byte>((32 << 20) + 4096, pinned: true);
    private readonly LogSide _logs = new(folder);
    private readonly BlockSide _blocks = new(folder);
    private PersistentMap? _map;
    private ObjectStore? _store;
    private long _root;
    private ulong _random = 88172645463325252;

    /// <summary>Managed bytes that the last run allocated on this thread.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Runs one repetition; returns nanoseconds.</summary>
    public double Run(Case item)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        double result = item.Name switch
        {
            "persist" => Persist(item.Parameter, item.Count),
            "persist-bare" => PersistBare(item.Parameter, item.Count),
            "copy" => Copy(item.Parameter, item.Count),
            "open-empty" => Open(item.Count, full: false),
            "open-full" => Open(item.Count, full: true),
            _ when item.Name.StartsWith("log-", StringComparison.Ordinal) => _logs.Run(item),
            _ when item.Name.StartsWith("blk-", StringComparison.Ordinal) => _blocks.Run(item),
            _ => RunInPool(item),
        };
        AllocatedBytes = item.Name.StartsWith("blk-", StringComparison.Ordinal) ? _blocks.AllocatedBytes : GC.GetAllocatedBytesForCurrentThread() - before;
        return result;
    }

    public void Dispose()
    {
        _logs.Dispose();
        _blocks.Dispose();
        _map?.Dispose();
        _store?.Dispose();
    }

    private static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalNanoseconds;

    private PersistentMap Map()
    {
        if (_map is null)
        {
            _map = PersistentMap.Create(Path.Combine(folder, "net.map"), MapSize);
            _map.Fill(0, 1, MapSize);
            Array.Fill(_source, (byte)7);
        }

        return _map;
    }

    private ObjectStore Store()
    {
        if (_store is null)
        {
            _store = ObjectStore.Create(Path.Combine(folder, "net.pool"), "bench", PoolSize);
            _root = (long)_store.GetRoot(RootSize).Offset;
        }

        return _store;
    }

    private double Persist(long size, int count)
    {
        PersistentMap map = Map();
        byte* memory = map.Pointer;
        long at = 0;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            for (long j = 0; j < size; j += 64)
                Volatile.Write(ref *(ulong*)(memory + at + j), (ulong)i);
            map.Persist(at, size);
            at += size;
            if (at + size > MapSize)
                at = 0;
        }

        return Since(start);
    }

    /// <summary>The same work without the map: what the flush and the fence cost alone.</summary>
    private double PersistBare(long size, int count)
    {
        byte* memory = Map().Pointer;
        long at = 0;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            for (long j = 0; j < size; j += 64)
                Volatile.Write(ref *(ulong*)(memory + at + j), (ulong)i);
            Native.CpuCache.Flush(memory + at, size);
            Native.CpuCache.Fence();
            at += size;
            if (at + size > MapSize)
                at = 0;
        }

        return Since(start);
    }

    private double Copy(long size, int count)
    {
        PersistentMap map = Map();
        fixed (byte* first = _source)
        {
            byte* source = (byte*)(((nint)first + 4095) & -4096); // aligned, as C's is
            long at = 0;
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                map.Copy(at, source, size);
                at += size;
                if (at + size > MapSize)
                    at = 0;
            }

            return Since(start);
        }
    }

    private double Open(int count, bool full)
    {
        string path = Path.Combine(folder, full ? "net.full" : "net.empty");
        if (!File.Exists(path))
        {
            using ObjectStore made = ObjectStore.Create(path, "bench", PoolSize);
            for (int i = 0; full && i < 500_000; i++)
                made.Allocate(1000, 1);
        }

        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            ObjectStore store = ObjectStore.Open(path, "bench");
            sum += Since(start);
            store.Dispose();
        }

        return sum;
    }

    private double RunInPool(Case item)
    {
        ObjectStore store = Store();
        int n = item.Count;
        long size = item.Parameter;
        long start = Stopwatch.GetTimestamp();
        double time;
        switch (item.Name)
        {
            case "alloc":
                AllocateAll(store, size, n);
                time = Since(start);
                FreeAll(store, n);
                return time;
            case "free":
                AllocateAll(store, size, n);
                start = Stopwatch.GetTimestamp();
                FreeAll(store, n);
                return Since(start);
            case "alloc-to-pool":
                for (int i = 0; i < n; i++)
                    store.Allocate(ref store.Map.GetRef<ObjectId>(_root + (i * 16)), size, 1);
                time = Since(start);
                for (int i = 0; i < n; i++)
                    store.Free(ref store.Map.GetRef<ObjectId>(_root + (i * 16)));
                return time;
            case "reserve-publish":
                for (int i = 0; i < n; i++)
                {
                    _ids[i] = store.Reserve(size, 1, AllocationOptions.None, out PersistentAction action);
                    store.Publish(new Span<PersistentAction>(ref action));
                }

                time = Since(start);
                FreeAll(store, n);
                return time;
            case "tx-free":
                AllocateAll(store, size, n);
                start = Stopwatch.GetTimestamp();
                for (int i = 0; i < n; i++)
                {
                    using Transaction tx = store.BeginTransaction();
                    tx.Free(_ids[i]);
                    tx.Commit();
                }

                return Since(start);
            case "threads-alloc-free" or "threads-tx":
                return Threads(store, item.Name == "threads-tx", (int)size, n);
            default:
                return RunTransactions(store, item);
        }
    }

    private double RunTransactions(ObjectStore store, Case item)
    {
        PersistentMap map = store.Map;
        long data = _root + DataOffset;
        long a = item.Parameter;
        ulong x = 0;
        bool random = item.Name is "tx-snapshots-random" or "tx-abort";
        Span<PoolRange> ranges = stackalloc PoolRange[(int)Math.Min(64, a)];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < item.Count;)
        {
            using Transaction tx = store.BeginTransaction();
            switch (item.Name)
            {
                case "tx-snapshots-batched":
                    for (int j = 0; j < ranges.Length; j++)
                        ranges[j] = new PoolRange(data + ((long)(x++ % Words) * 64), 64);
                    tx.Snapshot(ranges);
                    foreach (PoolRange range in ranges)
                        map.GetRef<ulong>(range.Offset) = (ulong)i;
                    i++;
                    break;
                case "tx-range":
                    long at = data + ((i & 1) * 262144);
                    tx.Snapshot(at, a);
                    map.GetRef<byte>(at) = (byte)i;
                    i++;
                    break;
                case "tx-alloc":
                    for (int j = 0; j < a; j++)
                        _ids[i++] = tx.Allocate(64, 1);
                    break;
                default:
                    for (int j = 0; j < a; j++)
                    {
                        long slot = data + ((long)((random ? Next() : x++) % Words) * 64);
                        tx.Snapshot(slot, 64);
                        map.GetRef<ulong>(slot) = (ulong)i;
                    }

                    i++;
                    break;
            }

            if (item.Name != "tx-abort")
                tx.Commit();
        }

        double time = Since(start);
        if (item.Name == "tx-alloc")
            FreeAll(store, item.Count);
        return time;
    }

    private double Threads(ObjectStore store, bool transactions, int threads, int count)
    {
        var times = new double[threads];
        var running = new Thread[threads];
        using var barrier = new Barrier(threads);
        for (int i = 0; i < threads; i++)
        {
            int index = i;
            running[i] = new Thread(() =>
            {
                var mine = new ObjectId[count];
                long data = _root + DataOffset + (index * (Words * 32L));
                barrier.SignalAndWait();
                long start = Stopwatch.GetTimestamp();
                if (transactions)
                {
                    for (int k = 0; k < count; k++)
                    {
                        using Transaction tx = store.BeginTransaction();
                        long slot = data + (k % 4096 * 64L);
                        tx.Snapshot(slot, 64);
                        store.Map.GetRef<ulong>(slot) = (ulong)k;
                        tx.Commit();
                    }
                }
                else
                {
                    for (int k = 0; k < count; k++)
                        mine[k] = store.Allocate(64, 1);
                    for (int k = 0; k < count; k++)
                        store.Free(mine[k]);
                }

                times[index] = Since(start);
            });
            running[i].Start();
        }

        foreach (Thread thread in running)
            thread.Join();
        return times.Max();
    }

    private void AllocateAll(ObjectStore store, long size, int n)
    {
        for (int i = 0; i < n; i++)
            _ids[i] = store.Allocate(size, 1);
    }

    private void FreeAll(ObjectStore store, int n)
    {
        for (int i = 0; i < n; i++)
            store.Free(_ids[i]);
    }

    private ulong Next()
    {
        _random ^= _random << 13;
        _random ^= _random >> 7;
        _random ^= _random << 17;
        return _random;
    }
}
