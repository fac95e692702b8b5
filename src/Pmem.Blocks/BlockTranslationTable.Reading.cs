using System.Runtime.CompilerServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>
/// Reading: look the block up in the map, say in the read tracking table what is about to be read, look again, copy. If the map is the same
/// after the announcement, a writer that frees the block later sees the announcement before it reuses the block.
/// </content>
public sealed unsafe partial class BlockTranslationTable
{
    /// <inheritdoc/>
    public void Read(long block, Span<byte> destination)
    {
        long bad = ReadBlocks(block, destination);
        if (bad >= 0)
            throw new BlockErrorException(bad);
    }

    /// <inheritdoc/>
    public bool TryRead(long block, Span<byte> destination) => ReadBlocks(block, destination) < 0;

    /// <inheritdoc/>
    public void Read(long block, IReadOnlyList<Memory<byte>> destinations)
    {
        ArgumentNullException.ThrowIfNull(destinations);
        PieceCopier.Read(this, block, destinations);
    }

    /// <inheritdoc/>
    public bool IsZero(long block)
    {
        DemandRange(block, 1);
        if (_arenas is not { } arenas)
            return true;
        Arena arena = Locate(arenas, block, out uint inArena);
        uint entry = ReadEntry(arena, inArena);
        return MapEntry.IsZero(entry) || (MapEntry.IsInitial(entry) && !Format.InitialReadsMedia);
    }

    /// <inheritdoc/>
    public ValueTask ReadAsync(long block, Memory<byte> destination, CancellationToken cancellation = default)
    {
        DemandRange(block, CountOf(destination.Length));
        if (_map.Granularity == StoreGranularity.Page)
            return new ValueTask(Task.Run(() => ReadCancellably(block, destination.Span, cancellation), cancellation));
        ReadCancellably(block, destination.Span, cancellation);
        return ValueTask.CompletedTask;
    }

    private void ReadCancellably(long block, Span<byte> destination, CancellationToken cancellation)
    {
        for (; destination.Length > 0; destination = destination[BlockSize..])
        {
            cancellation.ThrowIfCancellationRequested();
            Read(block++, destination[..BlockSize]);
        }
    }

    /// <summary>Reads blocks; returns the first bad one, or -1.</summary>
    private long ReadBlocks(long block, Span<byte> destination)
    {
        long count = destination.Length == BlockSize ? 1 : CountOf(destination.Length);
        DemandRange(block, count);
        if (_arenas is not { } arenas)
        {
            // Counted as an operation, so that lanes are chosen as PMDK chooses them.
            for (long i = 0; i < count; i++)
                _readers.NextLane(_rotation, MaximumLanes);
            destination.Clear();
            return -1;
        }

        for (long i = 0; i < count; i++)
        {
            Arena arena = Locate(arenas, block + i, out uint inArena);
            if (!ReadBlock(arena, inArena, destination.Slice((int)(i * BlockSize), BlockSize)))
                return block + i;
        }

        return -1;
    }

    private bool ReadBlock(Arena arena, uint block, Span<byte> destination)
    {
        _readers.NextLane(_rotation, (uint)arena.Lanes.Length);
        uint entry = ReadEntry(arena, block);
        if (!Holds(entry))
        {
            if (MapEntry.IsError(entry))
                return false;
            destination.Clear();
            return true;
        }

        ref ReadTracking.Slot slot = ref _readers.Enter(TokenOf(arena, block, entry));
        while (true)
        {
            uint latest = ReadEntry(arena, block);
            if (latest == entry)
                break;
            entry = latest;
            if (!Holds(entry))
            {
                ReadTracking.Leave(ref slot);
                if (MapEntry.IsError(entry))
                    return false;
                destination.Clear();
                return true;
            }

            ReadTracking.Change(ref slot, TokenOf(arena, block, entry));
        }

        uint holder = MapEntry.BlockOf(entry, block);
        bool isRead = holder < arena.InternalBlocks && _map.TryRead(arena.BlockOffset(holder), destination);
        ReadTracking.Leave(ref slot);
        if (!isRead)
            ReadFailed(arena, block, holder);
        return isRead;
    }

    /// <summary>Whether an entry names a block whose content is to be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Holds(uint entry) => (entry & MapEntry.Normal) == MapEntry.Normal || (Format.InitialReadsMedia && MapEntry.IsInitial(entry));

    /// <summary>What the read tracking table says of a block: never 0, and the same for all ways to name it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long TokenOf(Arena arena, uint block, uint entry) => ((long)arena.Index << 32) | MapEntry.BlockOf(entry, block) | MapEntry.Normal;

    private void ReadFailed(Arena arena, uint block, uint holder)
    {
        if (holder >= arena.InternalBlocks)
        {
            throw new PmemFormatException(
                $"BTT map entry of block {block} in arena {arena.Index}", arena.EntryOffset(block), $"an internal block below {arena.InternalBlocks}", $"{holder}; 'pmem btt repair' can give it a block, marked as bad");
        }

        // As Linux does: what could not be read is marked, so that the next reader does not try again.
        if (!IsReadOnly && arena.Error is null)
            SetFlag(arena, block, MapEntry.Error);
    }
}
