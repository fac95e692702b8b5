using Pmem.Blocks;
using Pmem.Blocks.Checking;
using Pmem.Logs;
using Pmem.Objects;
using Pmem.Pools;
using Pmem.Tool.Platforms;

namespace Pmem.Tool.Pool;

/// <summary>What <c>info</c> tells about a pool: the header always, the content as far as it can be opened.</summary>
internal sealed record PoolSummary
{
    public required string Path { get; init; }

    public required long Size { get; init; }

    public required PoolHeader Header { get; init; }

    /// <summary>The pool set file, or null for a single file.</summary>
    public PoolSetFile? Set { get; init; }

    /// <summary>Why the header is not valid, or null.</summary>
    public string? HeaderProblem { get; init; }

    /// <summary>Whether a process did not close the file (or has it open now), or a log in it has work for recovery.</summary>
    public bool NeedsRecovery { get; init; }

    /// <summary>In which units stores to it become durable; null when nobody can tell.</summary>
    public StoreGranularity? Granularity { get; init; }

    /// <summary>Whether it lies on persistent memory, as the kernel says: device DAX, or a file that is mapped with MAP_SYNC.</summary>
    public bool IsPmem { get; init; }

    /// <summary>Why the content could not be read, or null.</summary>
    public string? ContentProblem { get; init; }

    public string? Layout { get; init; }

    public ulong RunId { get; init; }

    public long HeapOffset { get; init; }

    public long HeapSize { get; init; }

    public HeapStatistics Heap { get; init; }

    public long RootOffset { get; init; }

    public long RootSize { get; init; }

    /// <summary>Bytes that a log can hold; null when it is none.</summary>
    public long? LogCapacity { get; init; }

    /// <summary>Bytes that a log holds.</summary>
    public long LogLength { get; init; }

    /// <summary>Bytes of a block; null when it is no block pool.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Number of blocks.</summary>
    public long BlockCount { get; init; }

    /// <summary>The arenas of a block pool in numbers; empty before the first write.</summary>
    public IReadOnlyList<BttArenaSummary> Arenas { get; init; } = [];

    public bool HasContent => Layout is not null;

    /// <summary>Looks at a file without changing a byte of it; what needs recovery is recovered on a private copy.</summary>
    public static PoolSummary Of(string path)
    {
        if (NamespacePath.Parse(path) is { } space)
            return space.Summarize();
        PoolHeader? read = PoolFile.ReadHeader(path);
        PoolSetFile? set = PoolSetFile.IsPoolSet(path) ? PoolSetFile.Read(path) : null;
        long size = set is null ? PersistentMap.LengthOf(path) : set.SizeOfPool();
        if (read is not { } header)
            throw new PmemException($"{path} is not a pool: it has {size} bytes, less than a header");

        var summary = new PoolSummary { Path = path, Size = size, Header = header, Set = set, NeedsRecovery = IsDirty(in header) };

        // What the content is read from is a private copy, which is durable nowhere.
        if ((set is null ? path : set.PartFiles()[0].FirstOrDefault(File.Exists)) is { } part)
        {
            using PersistentMap file = PersistentMap.Open(part, new PersistentMapOptions { Access = MapAccess.ReadOnly });
            summary = summary with { Granularity = file.Granularity, IsPmem = file.IsPmem };
        }

        // The headers of a set are judged together, by opening it.
        if (set is null && PoolValidation.FindProblem(in header, kind: null) is { } problem)
            return summary with { HeaderProblem = problem.Message };
        try
        {
            if (header.Kind == PoolKind.Log)
            {
                using PersistentLog log = PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true });
                return Fill(summary, log);
            }

            if (header.Kind == PoolKind.Block)
            {
                using BlockPool pool = BlockPool.Open(path, options: new BlockDeviceOptions { CopyOnWrite = true });
                return Fill(summary, pool) with { NeedsRecovery = pool.Table.RecoveredWrites + pool.Table.RestoredInfoBlocks > 0 };
            }

            if (header.Kind != PoolKind.Object)
                return summary;
            using ObjectStore store = ObjectStore.Open(path, options: new ObjectStoreOptions { CopyOnWrite = true, Arenas = 1 });
            bool pending = store.RecoveredOperations > 0 || store.RecoveredTransactions > 0;
            return Fill(summary, store) with { NeedsRecovery = IsDirty(in header) || pending, RunId = store.RunId - 2 };
        }
        catch (PmemException e)
        {
            return summary with { ContentProblem = e.Message };
        }
        catch (FileNotFoundException e) when (set is not null)
        {
            return summary with { ContentProblem = e.Message };
        }
    }

    /// <summary>Of an open store.</summary>
    public static PoolSummary Of(ObjectStore store, string path) =>
        Fill(new PoolSummary { Path = path, Size = store.Map.Length, Header = store.Header, Set = SetOf(path), Granularity = store.Map.Granularity, IsPmem = store.Map.IsPmem }, store) with { RunId = store.RunId };

    /// <summary>Of an open log.</summary>
    public static PoolSummary Of(PersistentLog log, string path) =>
        Fill(new PoolSummary { Path = path, Size = log.Map.Length, Header = log.Header, Set = SetOf(path), Granularity = log.Map.Granularity, IsPmem = log.Map.IsPmem }, log);

    private static PoolSetFile? SetOf(string path) => PoolSetFile.IsPoolSet(path) ? PoolSetFile.Read(path) : null;

    /// <summary>Of an open block pool.</summary>
    public static PoolSummary Of(BlockPool pool, string path) =>
        Fill(new PoolSummary { Path = path, Size = pool.Map.Length, Header = pool.Header, Granularity = pool.Map.Granularity, IsPmem = pool.Map.IsPmem }, pool);

    /// <summary>Whether the header says that the pool was not closed, or is open now.</summary>
    public static bool IsDirty(in PoolHeader header) => header.ShutdownState.Dirty != 0;

    private static PoolSummary Fill(PoolSummary summary, PersistentLog log) => summary with { LogCapacity = log.Capacity, LogLength = log.Length };

    private static PoolSummary Fill(PoolSummary summary, BlockPool pool) =>
        summary with { BlockSize = pool.BlockSize, BlockCount = pool.BlockCount, Arenas = pool.Table.IsLaidOut ? BlockPool.CheckTable(pool.Map).Arenas : [] };

    private static PoolSummary Fill(PoolSummary summary, ObjectStore store) => summary with
    {
        Layout = store.Layout,
        HeapOffset = store.HeapOffset,
        HeapSize = store.HeapSize,
        Heap = store.GetHeapStatistics(),
        RootOffset = store.RootOffset,
        RootSize = store.RootSize,
    };
}
