using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>
/// Reading: look the block up in the map, take its version, look again, copy, and see whether the version is still the same: if not, somebody
/// reused the block, and it is read again (<see cref="ReadTracking"/>).
/// </content>
public sealed unsafe partial class BlockTranslationTable
{
    private const int LineSize = 64;

    /// <summary>Beyond so many bytes the processor has noticed by itself that it is a sequence.</summary>
    private const int PrefetchedBytes = 1024;

    /// <summary>How often a reader is overtaken by writers before it keeps them out.</summary>
    private const int Attempts = 32;

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
        ref LaneRotation.Slot slot = ref _lanes.SlotOfThread();
        for (long i = count % _rotation; i > 0; i--)
            LaneRotation.NextTurn(ref slot, _rotation);
    }

    private bool ReadBlock(Arena arena, uint block, Span<byte> destination)
    {
        LaneRotation.NextTurn(ref _lanes.SlotOfThread(), _rotation);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            uint entry = ReadEntry(arena, block);
            if (!Holds(entry))
                return ReadNothing(entry, destination);
            uint holder = MapEntry.BlockOf(entry, block);
            if (holder >= arena.InternalBlocks)
                throw Misnamed(arena, block, holder);
            Prefetch(arena, holder);
            ref int version = ref _readers.VersionOf(arena.Index, holder);
            int before = Volatile.Read(ref version);
            if (ReadEntry(arena, block) != entry)
                continue;
            bool isRead = _map.TryRead(arena.BlockOffset(holder), destination);
            if (!ReadTracking.IsUnchanged(ref version, before, destination.Length))
                continue;
            if (!isRead)
                MarkUnreadable(arena, block, entry);
            return isRead;
        }

        return ReadInGate(arena, block, destination);
    }

    /// <summary>Reads while nobody can change the map: for readers that writers overtook again and again.</summary>
    private bool ReadInGate(Arena arena, uint block, Span<byte> destination)
    {
        uint entry;
        ref Gate gate = ref arena.GateOf(block);
        gate.Enter();
        try
        {
            entry = ReadEntry(arena, block);
            if (!Holds(entry))
                return ReadNothing(entry, destination);
            uint holder = MapEntry.BlockOf(entry, block);
            if (holder >= arena.InternalBlocks)
                throw Misnamed(arena, block, holder);
            if (_map.TryRead(arena.BlockOffset(holder), destination))
                return true;
        }
        finally
        {
            gate.Exit();
        }

        MarkUnreadable(arena, block, entry);
        return false;
    }

    private static bool ReadNothing(uint entry, Span<byte> destination)
    {
        if (MapEntry.IsError(entry))
            return false;
        destination.Clear();
        return true;
    }

    /// <summary>Whether an entry names a block whose content is to be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Holds(uint entry) => (entry & MapEntry.Normal) == MapEntry.Normal || (Format.InitialReadsMedia && MapEntry.IsInitial(entry));

    /// <summary>Asks for the first lines of a long block, which a string instruction copies: it would be slow to begin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(Arena arena, uint holder)
    {
        if (!Sse.IsSupported || BlockSize <= ReadTracking.LongCopy)
            return;
        byte* first = _map.Pointer + arena.BlockOffset(holder);
        for (int i = 0; i < PrefetchedBytes; i += LineSize)
            Sse.Prefetch0(first + i);
    }

    private static PmemFormatException Misnamed(Arena arena, uint block, uint holder) => new(
        $"BTT map entry of block {block} in arena {arena.Index}", arena.EntryOffset(block), $"an internal block below {arena.InternalBlocks}", $"{holder}; 'pmem btt repair' can give it a block, marked as bad");

    /// <summary>As Linux does: what could not be read is marked, so that the next reader does not try again; unless it was written meanwhile.</summary>
    private void MarkUnreadable(Arena arena, uint block, uint entry)
    {
        if (!IsReadOnly && arena.Error is null)
            SetFlag(arena, block, MapEntry.Error, entry);
    }
}
