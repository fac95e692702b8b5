using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>
/// Reading: look the block up in the map, say in the read tracking table what is about to be read, look again, copy. If the map is the same
/// after the announcement, a writer that frees the block later sees the announcement before it reuses the block.
/// </content>
public sealed unsafe partial class BlockTranslationTable
{
    private const int LineSize = 64;

    /// <summary>Beyond so many bytes the processor has noticed by itself that it is a sequence.</summary>
    private const int PrefetchedBytes = 1024;

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
        Arena[]? arenas = _arenas;
        if (destination.Length == BlockSize && arenas is not null)
        {
            DemandBlock(block);
            Arena only = Locate(arenas, block, out uint number);
            return ReadBlock(only, number, destination) ? -1 : block;
        }

        long count = CountOf(destination.Length);
        DemandRange(block, count);
        if (arenas is null)
        {
            CountOperations(count);
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

    /// <summary>Counts operations that need no lane, so that later ones get the lanes that PMDK would choose.</summary>
    private void CountOperations(long count)
    {
        ref ReadTracking.Slot slot = ref _readers.SlotOfThread();
        for (long i = count % _rotation; i > 0; i--)
            ReadTracking.NextTurn(ref slot, _rotation);
    }

    private bool ReadBlock(Arena arena, uint block, Span<byte> destination)
    {
        ref ReadTracking.Slot own = ref _readers.SlotOfThread();
        ReadTracking.NextTurn(ref own, _rotation);
        uint entry = ReadEntry(arena, block);
        if (!Holds(entry))
        {
            if (MapEntry.IsError(entry))
                return false;
            destination.Clear();
            return true;
        }

        Prefetch(arena, MapEntry.BlockOf(entry, block));
        ref ReadTracking.Slot slot = ref _readers.Enter(ref own, TokenOf(arena, block, entry));
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

    /// <summary>Asks for the block's lines before the fence of the read tracking table, behind which loads would wait for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(Arena arena, uint holder)
    {
        if (!Sse.IsSupported || holder >= arena.InternalBlocks)
            return;
        byte* first = _map.Pointer + arena.BlockOffset(holder);
        int length = Math.Min(BlockSize, PrefetchedBytes);
        for (int i = 0; i < length; i += LineSize)
            Sse.Prefetch0(first + i);
    }

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
