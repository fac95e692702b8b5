using System.Runtime.CompilerServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <summary>
/// A block translation table (BTT) in a window of a map: blocks that are written all or nothing, whatever the media below can do. Layout and
/// algorithms are those of PMDK 1.12, Linux and UEFI 2.7 chapter 6; <see cref="BttFormat"/> says which.
/// </summary>
/// <remarks>
/// <para>A write stores the new content in a free block, then records in the flog which block replaces which, then changes the map. The record's
/// last 8 bytes are the commit: until they are durable the old content is there, from then on recovery completes the map from the flog.</para>
/// <para>Invariants: (1) every internal block is named exactly once, by a map entry or as the free block of a flog entry; (2) a reader whose
/// block was written while it copied copies again; (3) when a flog half becomes current, the map entries that it and the half before it speak of are durable
/// up to then. By (3) at most one flog entry is unfinished for a block, so recovery may look at them in any order.</para>
/// <para>PMDK waits for media four times a write. Here it is twice: the first half of the record waits together with the data, and the map entry is
/// left to the next write through the same lane or of the same block, because recovery would restore it. Readers of the format see no difference.</para>
/// </remarks>
public sealed unsafe partial class BlockTranslationTable : IBlockDevice
{
    private readonly PersistentMap _map;
    private readonly long _offset;
    private readonly long _length;
    private readonly UInt128? _parentUuid;
    private readonly bool _knownZero;
    private readonly bool _mapIsLazy;
    private readonly uint _rotation;
    private readonly ReadTracking _readers = new();
    private readonly LaneRotation _lanes = new();
    private readonly Lock _layoutLock = new();
    private volatile Arena[]? _arenas;
    private Dictionary<(int Arena, uint Block), uint>? _completed;
    private bool _disposed;

    private BlockTranslationTable(PersistentMap map, long offset, long length, BttFormat format, int blockSize, UInt128? parentUuid, bool knownZero, BlockDeviceOptions options)
    {
        _map = map;
        _offset = offset + format.InitialOffset;
        _length = length - format.InitialOffset;
        _parentUuid = parentUuid;
        _knownZero = knownZero;
        Format = format;
        BlockSize = blockSize;
        IsReadOnly = options.ReadOnly || map.IsReadOnly;

        // With page granularity a flush is a system call: one for each entry, at once, is what costs least.
        _mapIsLazy = map.Granularity != StoreGranularity.Page;
        _rotation = (uint)Math.Clamp(options.Lanes > 0 ? options.Lanes : Environment.ProcessorCount * 2, 1, MaximumLanes);
    }

    /// <summary>Flog entries that are used at most; a table may have more.</summary>
    private const int MaximumLanes = 256;

    /// <summary>Which program's rules the table follows.</summary>
    public BttFormat Format { get; }

    /// <inheritdoc/>
    public int BlockSize { get; }

    /// <inheritdoc/>
    public long BlockCount { get; private set; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <summary>Whether the layout is on media. Until the first write of a new PMDK pool it is not, and all blocks are zero.</summary>
    public bool IsLaidOut => _arenas is not null;

    /// <summary>Writes that a crash interrupted and that opening completed.</summary>
    public int RecoveredWrites { get; private set; }

    /// <summary>Info blocks that opening restored from their copy, or copies from their original.</summary>
    public int RestoredInfoBlocks { get; private set; }

    /// <summary>Number of arenas.</summary>
    public int ArenaCount => _arenas?.Length ?? BttLayout.ArenaCount(_length);

    /// <summary>Why arenas are in the error state, in which their blocks can be read but not written; empty when none is.</summary>
    public IReadOnlyList<string> ArenaErrors
    {
        get
        {
            var errors = new List<string>();
            foreach (Arena arena in _arenas ?? [])
            {
                if (arena.Error is { } error)
                    errors.Add($"arena {arena.Index}: {error}");
            }

            return errors;
        }
    }

    /// <summary>Makes the map entries of past writes durable, which recovery would otherwise restore from the flog, and gives the window up. The map stays open.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        FlushMap();
    }

    /// <inheritdoc/>
    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        FlushMap();
    }

    /// <summary>Finds the arena of a block, and the block's number in it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Arena Locate(Arena[] arenas, long block, out uint inArena)
    {
        int i = 0;
        while (block >= arenas[i].ExternalBlocks)
            block -= arenas[i++].ExternalBlocks;
        inArena = (uint)block;
        return arenas[i];
    }

    private void FlushMap()
    {
        if (IsReadOnly || !_mapIsLazy || _map.Length == 0)
            return;
        foreach (Arena arena in _arenas ?? [])
        {
            foreach (ref LaneState lane in arena.Lanes.AsSpan())
            {
                long pending = Volatile.Read(ref lane.PendingEntry);
                if (pending != 0)
                    _map.Flush(pending, BttLayout.MapEntrySize);
            }
        }

        _map.Drain();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DemandBlock(long block)
    {
        if ((ulong)block >= (ulong)BlockCount || _disposed)
            DemandRange(block, 1);
    }

    private void DemandRange(long block, long count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (block < 0 || count < 0 || block > BlockCount - count)
            throw new ArgumentOutOfRangeException(nameof(block), $"blocks {block} to {block + count - 1} are not among the {BlockCount} blocks of the device");
    }

    private void DemandWritable()
    {
        if (IsReadOnly)
            throw new InvalidOperationException("the device was opened to be read only");
    }

    /// <summary>Number of blocks that a buffer holds.</summary>
    private long CountOf(long bytes)
    {
        long count = Math.DivRem(bytes, BlockSize, out long rest);
        if (rest != 0)
            throw new ArgumentOutOfRangeException(nameof(bytes), $"a buffer of {bytes} bytes is not a whole number of blocks of {BlockSize} bytes");
        return count;
    }
}
