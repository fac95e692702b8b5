using System.Buffers;
using System.Runtime.CompilerServices;
using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Blocks;

/// <summary>
/// A pool of blocks of one size, each written all or nothing: the pools of libpmemblk, layout version 1.
/// </summary>
/// <remarks>
/// As in C, the block translation table is laid out by the first write; until then all blocks read as zeros. All members may be used from many
/// threads, except <see cref="Dispose"/>. A pool file is locked while it is open.
/// </remarks>
public sealed partial class BlockPool : IBlockDevice
{
    /// <summary>Smallest pool in bytes (<c>PMEMBLK_MIN_POOL</c>).</summary>
    public const long MinimumPoolSize = (16L << 20) + (8L << 10);

    /// <summary>Where the block size is.</summary>
    internal const int BlockSizePosition = 4096;

    /// <summary>Where it says whether the pool was zero when it was made.</summary>
    internal const int IsZeroedPosition = 4100;

    /// <summary>Where C keeps a pointer to the table; one to the pool, which is left 0, is at 4104.</summary>
    internal const int DataPointerPosition = 4128;

    /// <summary>Where the block translation table starts.</summary>
    internal const int DataPosition = 8192;

    private readonly PoolFile _pool;
    private bool _disposed;

    private BlockPool(PoolFile pool, BlockTranslationTable table)
    {
        _pool = pool;
        Table = table;
    }

    /// <summary>The table below: its state, its arenas, what opening recovered.</summary>
    public BlockTranslationTable Table { get; }

    /// <summary>The pool's header.</summary>
    public PoolHeader Header => _pool.Header;

    /// <summary>The memory; offsets in it are pool offsets.</summary>
    public PersistentMap Map => _pool.Map;

    /// <summary>Whether the pool was not closed by its last user.</summary>
    public bool WasDirty => _pool.WasDirty;

    /// <inheritdoc/>
    public int BlockSize => Table.BlockSize;

    /// <inheritdoc/>
    public long BlockCount => Table.BlockCount;

    /// <inheritdoc/>
    public bool IsReadOnly => Table.IsReadOnly;

    /// <summary>Creates a pool file and opens it (<c>pmemblk_create</c>). Durable at return.</summary>
    /// <param name="path">The file, which must not exist; or, with <paramref name="size"/> 0, a pool set file, or a file whose first 4096 bytes are zero.</param>
    /// <param name="blockSize">Bytes of a block, from 1 up; the pool must hold 512 of them. Smaller ones than 512 take as much space as 512.</param>
    /// <param name="size">Bytes of the file, at least <see cref="MinimumPoolSize"/>; 0 takes what is there.</param>
    /// <param name="options">How to create and open.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is too small, or the blocks are too large for it.</exception>
    /// <exception cref="IOException">The file exists.</exception>
    /// <exception cref="PmemException">The file cannot be created; the message says why.</exception>
    public static BlockPool Create(string path, int blockSize, long size, BlockDeviceOptions? options = null)
    {
        options ??= BlockDeviceOptions.Default;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        if (size != 0)
            DemandGeometry(size, blockSize);
        PoolFile pool = PoolFile.Create(path, PoolKind.Block, size, new PoolCreateOptions { Mode = options.Mode, Sparse = options.Sparse, ForceGranularity = options.ForceGranularity });
        try
        {
            BlockPool result = Format(pool, blockSize, pool.IsNew, options);
            pool.CompleteCreation();
            return result;
        }
        catch
        {
            pool.CancelCreation();
            throw;
        }
    }

    /// <summary>Makes a pool in a map of at least <see cref="MinimumPoolSize"/> bytes, without a file; the pool owns the map.</summary>
    /// <param name="map">The memory.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    /// <param name="isZeroed">Whether the map is known to be zero, so that the first layout need not clear the table's map.</param>
    /// <param name="options">How to open.</param>
    public static BlockPool Create(PersistentMap map, int blockSize, bool isZeroed = false, BlockDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockSize);
        DemandGeometry(map.Length, blockSize);
        return Format(PoolFile.Format(map, PoolKind.Block), blockSize, isZeroed, options ?? BlockDeviceOptions.Default);
    }

    /// <summary>Opens a pool file (<c>pmemblk_open</c>), completing what a crash interrupted.</summary>
    /// <param name="path">The file, or a pool set file.</param>
    /// <param name="blockSize">The block size that the pool must have; 0 accepts any.</param>
    /// <param name="options">How to open.</param>
    /// <exception cref="PmemFormatException">The pool is not valid, or has another block size: says where, what was expected and what is there.</exception>
    /// <exception cref="PmemException">The file is in use or cannot be accessed.</exception>
    public static BlockPool Open(string path, int blockSize = 0, BlockDeviceOptions? options = null)
    {
        options ??= BlockDeviceOptions.Default;
        PoolFile pool = PoolFile.Open(path, PoolKind.Block, new PoolOpenOptions { CopyOnWrite = options.CopyOnWrite, ForceGranularity = options.ForceGranularity });
        try
        {
            return Start(pool, blockSize, options);
        }
        catch
        {
            // Closed, not abandoned: a failed open must not leave the pool marked as in use.
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Opens the pool in a map, which the pool then owns (on failure the caller keeps it).</summary>
    /// <param name="map">The memory.</param>
    /// <param name="blockSize">The block size that the pool must have; 0 accepts any.</param>
    /// <param name="options">How to open.</param>
    /// <exception cref="PmemFormatException">The pool is not valid, or has another block size.</exception>
    public static BlockPool Open(PersistentMap map, int blockSize = 0, BlockDeviceOptions? options = null) =>
        Start(PoolFile.Attach(map, PoolKind.Block), blockSize, options ?? BlockDeviceOptions.Default);

    /// <inheritdoc/>
    public void Read(long block, Span<byte> destination) => Table.Read(block, destination);

    /// <inheritdoc/>
    public bool TryRead(long block, Span<byte> destination) => Table.TryRead(block, destination);

    /// <inheritdoc/>
    public void Read(long block, IReadOnlyList<Memory<byte>> destinations) => Table.Read(block, destinations);

    /// <inheritdoc/>
    public void Write(long block, ReadOnlySpan<byte> source) => Table.Write(block, source);

    /// <inheritdoc/>
    public void Write(long block, ReadOnlySequence<byte> source) => Table.Write(block, source);

    /// <inheritdoc/>
    public void Zero(long block, long count = 1) => Table.Zero(block, count);

    /// <inheritdoc/>
    public void SetError(long block) => Table.SetError(block);

    /// <inheritdoc/>
    public bool IsZero(long block) => Table.IsZero(block);

    /// <inheritdoc/>
    public void Flush() => Table.Flush();

    /// <inheritdoc/>
    public ValueTask ReadAsync(long block, Memory<byte> destination, CancellationToken cancellation = default) => Table.ReadAsync(block, destination, cancellation);

    /// <inheritdoc/>
    public ValueTask WriteAsync(long block, ReadOnlyMemory<byte> source, CancellationToken cancellation = default) => Table.WriteAsync(block, source, cancellation);

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellation = default) => Table.FlushAsync(cancellation);

    /// <summary>Closes the pool: everything durable, the shutdown state clean, the file unmapped and unlocked.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Table.Dispose();
        _pool.Dispose();
    }

    /// <summary>Gives the pool up without closing it, as a process does that dies.</summary>
    internal void Abandon()
    {
        _disposed = true;
        _pool.Abandon();
    }

    private static BlockPool Format(PoolFile pool, int blockSize, bool isZeroed, BlockDeviceOptions options)
    {
        DemandGeometry(pool.Size, blockSize);
        pool.Map.Store(BlockSizePosition, (uint)blockSize);
        pool.Map.Store(IsZeroedPosition, isZeroed ? 1u : 0u);

        // The descriptor holds pointers of the process that uses the pool, and pmempool info takes the table's place from the difference of two.
        pool.Map.StoreUInt64(DataPointerPosition, DataPosition);
        pool.Map.Persist(BlockSizePosition, DataPointerPosition + sizeof(ulong) - BlockSizePosition);
        return Start(pool, blockSize, options);
    }

    private static BlockPool Start(PoolFile pool, int blockSize, BlockDeviceOptions options)
    {
        PersistentMap map = pool.Map;
        uint found = map.Read<uint>(BlockSizePosition);
        if (found is 0 or > BttLayout.MaximumBlockSize || (blockSize != 0 && found != blockSize))
            throw new PmemFormatException("block size of the pool", BlockSizePosition, blockSize != 0 ? $"{blockSize}" : $"1 to {BttLayout.MaximumBlockSize}", $"{found}");
        if (FindSizeProblem(pool.Size, (int)found) is { } problem)
            throw new PmemFormatException("block size of the pool", BlockSizePosition, "one with which the pool holds 512 blocks", $"{found}: {problem}");
        bool isZeroed = map.Read<uint>(IsZeroedPosition) != 0;
        UInt128 parent = Unsafe.BitCast<Guid, UInt128>(pool.Header.PoolSetUuid);
        var table = BlockTranslationTable.OpenOrCreate(map, DataPosition, pool.Size - DataPosition, (int)found, parent, isZeroed, options with { ReadOnly = options.ReadOnly || pool.IsReadOnly });
        return new BlockPool(pool, table);
    }

    private static void DemandGeometry(long size, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinimumPoolSize);
        if (FindSizeProblem(size, blockSize) is { } problem)
            throw new ArgumentOutOfRangeException(nameof(blockSize), problem);
    }

    /// <summary>Why a pool of a size cannot have blocks of a size, or null.</summary>
    /// <param name="size">Bytes of the pool.</param>
    /// <param name="blockSize">Bytes of a block.</param>
    public static string? FindSizeProblem(long size, int blockSize)
    {
        // Every arena needs room for its free blocks, the last and smallest too.
        long length = (size & -PoolFile.PageSize) - DataPosition;
        long last = length % BttLayout.MaximumArena;
        long smallest = last >= BttLayout.MinimumArena ? last : BttLayout.MaximumArena;
        return ArenaGeometry.FindProblem(BttFormat.Pmdk, smallest, blockSize);
    }
}
