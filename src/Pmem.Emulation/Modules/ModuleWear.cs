namespace Pmem.Emulation.Modules;

/// <summary>
/// How often each block of a module's media was written: one counter of 64 bits for each 64 KiB, in a sparse file beside the module's. A counter is changed by one atomic
/// store, so that a crash leaves it as it was or one higher. Members may be called from many threads.
/// </summary>
internal sealed class ModuleWear : IDisposable
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 64 << 10;

    private readonly PersistentMap _counters;

    public ModuleWear(string path, long capacity)
    {
        Blocks = (capacity + BlockSize - 1) / BlockSize;
        if (!File.Exists(path) || new FileInfo(path).Length < Blocks * sizeof(ulong))
        {
            File.Delete(path);
            PersistentMap.Create(path, Blocks * sizeof(ulong), new PersistentMapOptions { Sparse = true }).Dispose();
        }

        _counters = PersistentMap.Open(path);
    }

    /// <summary>Blocks of the module.</summary>
    public long Blocks { get; }

    /// <summary>How often a block was written.</summary>
    public ulong this[long block] => _counters.ReadUInt64(block * sizeof(ulong));

    /// <summary>How often the block that was written most was.</summary>
    public ulong Maximum
    {
        get
        {
            ulong most = 0;
            for (long block = 0; block < Blocks; block++)
                most = Math.Max(most, this[block]);
            return most;
        }
    }

    /// <summary>Counts a write. The counters are durable when the write is.</summary>
    public void Add(long dpa, long length)
    {
        for (long block = dpa / BlockSize; block * BlockSize < dpa + length; block++)
            AddTo(block, 1);
        _counters.Drain();
    }

    /// <summary>Counts writes of a block, and returns how often it was written then; durable at return.</summary>
    public ulong AddWrites(long block, ulong writes)
    {
        ulong sum = AddTo(block, writes);
        _counters.Drain();
        return sum;
    }

    public void Dispose() => _counters.Dispose();

    private ulong AddTo(long block, ulong writes)
    {
        long at = block * sizeof(ulong);
        ulong seen = _counters.ReadUInt64(at);
        for (ulong before = _counters.CompareExchangeUInt64(at, seen + writes, seen); before != seen; before = _counters.CompareExchangeUInt64(at, seen + writes, seen))
            seen = before;
        _counters.Flush(at, sizeof(ulong));
        return seen + writes;
    }
}
