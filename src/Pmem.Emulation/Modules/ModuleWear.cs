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

    /// <summary>Counts a write, and returns how often the block of it that was written most was. The counters are durable when the write is.</summary>
    public ulong Add(long dpa, long length)
    {
        ulong most = 0;
        for (long block = dpa / BlockSize; block * BlockSize < dpa + length; block++)
            most = Math.Max(most, AddTo(block));
        _counters.Drain();
        return most;
    }

    public void Dispose() => _counters.Dispose();

    private ulong AddTo(long block)
    {
        long at = block * sizeof(ulong);
        ulong seen = _counters.ReadUInt64(at);
        for (ulong before = _counters.CompareExchangeUInt64(at, seen + 1, seen); before != seen; before = _counters.CompareExchangeUInt64(at, seen + 1, seen))
            seen = before;
        _counters.Flush(at, sizeof(ulong));
        return seen + 1;
    }
}
