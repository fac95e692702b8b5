using System.Buffers;
using System.Runtime.CompilerServices;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks;

/// <content>Writing, setting to zero, marking as bad.</content>
public sealed unsafe partial class BlockTranslationTable
{
    /// <inheritdoc/>
    public void Write(long block, ReadOnlySpan<byte> source)
    {
        DemandWritable();
        long count = source.Length == BlockSize ? 1 : CountOf(source.Length);
        DemandRange(block, count);
        if (count == 0)
            return;
        Arena[] arenas = LaidOut();
        fixed (byte* first = source)
        {
            for (long i = 0; i < count; i++)
            {
                Arena arena = Locate(arenas, block + i, out uint inArena);
                WriteBlock(arena, inArena, first + (i * BlockSize));
            }
        }
    }

    /// <inheritdoc/>
    public void Write(long block, ReadOnlySequence<byte> source)
    {
        if (source.IsSingleSegment)
            Write(block, source.FirstSpan);
        else
            PieceCopier.Write(this, block, source);
    }

    /// <inheritdoc/>
    public void Zero(long block, long count = 1)
    {
        DemandWritable();
        DemandRange(block, count);
        if (!IsLaidOut)
        {
            CountOperations(count);
            return;
        }

        Arena[] arenas = LaidOut();
        for (long i = 0; i < count; i++)
        {
            Arena arena = Locate(arenas, block + i, out uint inArena);
            DemandNoError(arena);
            uint entry = ReadEntry(arena, inArena);
            if (MapEntry.IsError(entry) && !IsReadable(arena, MapEntry.BlockOf(entry, inArena)))
            {
                // Only the error flag remembers that the media is bad: zeros are written elsewhere, so that it is kept.
                fixed (byte* zeros = new byte[BlockSize])
                    WriteBlock(arena, inArena, zeros);
                continue;
            }

            LaneRotation.NextTurn(ref _lanes.SlotOfThread(), _rotation);
            SetFlag(arena, inArena, MapEntry.Zero);
        }
    }

    /// <inheritdoc/>
    public void SetError(long block)
    {
        DemandWritable();
        DemandRange(block, 1);
        Arena arena = Locate(LaidOut(), block, out uint inArena);
        DemandNoError(arena);
        LaneRotation.NextTurn(ref _lanes.SlotOfThread(), _rotation);
        SetFlag(arena, inArena, MapEntry.Error);
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long block, ReadOnlyMemory<byte> source, CancellationToken cancellation = default)
    {
        DemandWritable();
        DemandRange(block, CountOf(source.Length));
        if (_map.Granularity == StoreGranularity.Page)
            return new ValueTask(Task.Run(() => WriteCancellably(block, source.Span, cancellation), cancellation));
        WriteCancellably(block, source.Span, cancellation);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask FlushAsync(CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        Flush();
        return ValueTask.CompletedTask;
    }

    private void WriteCancellably(long block, ReadOnlySpan<byte> source, CancellationToken cancellation)
    {
        for (; source.Length > 0; source = source[BlockSize..])
        {
            cancellation.ThrowIfCancellationRequested();
            Write(block++, source[..BlockSize]);
        }
    }

    private static void DemandNoError(Arena arena)
    {
        if (arena.Error is { } reason)
            throw new ArenaErrorException(arena.Index, reason);
    }

    private void WriteBlock(Arena arena, uint block, byte* source)
    {
        DemandNoError(arena);
        int number = TakeLane(arena);
        ref LaneState lane = ref arena.Lanes[number];
        ref Gate gate = ref arena.GateOf(block);
        bool inGate = false;
        bool committing = false;
        bool isUsable = true;
        try
        {
            // 1. The content, into the free block; who still reads what was in it finds out. Not waited for yet.
            uint free = lane.FreeBlock;
            _readers.BeginStores(arena.Index, free);
            _map.Copy(arena.BlockOffset(free), source, BlockSize, CopyHints.WriteCombining | CopyHints.NoDrain);

            // 2. Which entry will change, into the half that is not current: it means nothing before its sequence number does.
            gate.Enter();
            inGate = true;
            long entryAt = arena.EntryOffset(block);
            uint old = OldEntry(arena, block);
            long half = arena.HalfOffset(number, lane.NextHalf);
            _map.StoreUInt64NonTemporal(half, block | ((ulong)(Format.FlogHasFlags ? old : PlainEntry(old)) << 32));

            // Invariant 3: the entry that this lane's current half speaks of, and the one that another lane may have set last.
            if (_mapIsLazy)
            {
                if (lane.PendingEntry != 0)
                    _map.Flush(lane.PendingEntry, BttLayout.MapEntrySize);
                _map.Flush(entryAt, BttLayout.MapEntrySize);
            }

            _map.Drain();

            // 3. The commit: the new block and the sequence number, in one word.
            committing = true;
            uint sequence = FlogHalf.Next(lane.Sequence);
            uint entry = free | MapEntry.Normal;
            _map.StoreUInt64NonTemporal(half + sizeof(ulong), (Format.FlogHasFlags ? entry : free) | ((ulong)sequence << 32));
            _map.Drain();

            // 4. The map, which recovery would change from here on.
            _map.Store(entryAt, entry);
            if (!_mapIsLazy)
                _map.Persist(entryAt, BttLayout.MapEntrySize);
            lane.FreeBlock = old & MapEntry.BlockMask;
            lane.Sequence = sequence;
            lane.NextHalf = 1 - lane.NextHalf;
            lane.PendingEntry = entryAt;
            if (MapEntry.IsError(old))
                isUsable = IsReadable(arena, lane.FreeBlock);
        }
        catch (Exception e)
        {
            if (committing)
                FailArena(arena, $"a write of block {block} failed half way: {e.Message}");
            throw;
        }
        finally
        {
            if (inGate)
                gate.Exit();
            if (isUsable)
                Volatile.Write(ref lane.Taken, 0);
            else
                RetireLane(arena);
        }
    }

    /// <summary>
    /// A lane whose free block lies on bad media is never given back: a store there could kill the process. The flog remembers the error flag of
    /// the block, so that the next open leaves the lane out too.
    /// </summary>
    private static void RetireLane(Arena arena)
    {
        if (Interlocked.Increment(ref arena.RetiredLanes) == arena.Lanes.Length)
            arena.Error ??= "the free blocks of all its flog entries are on bad media";
    }

    private bool IsReadable(Arena arena, uint block)
    {
        const int Slice = 64 << 10;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(Slice, (int)arena.InternalBlockSize));
        bool isReadable = block < arena.InternalBlocks;
        for (long done = 0; done < BlockSize && isReadable; done += buffer.Length)
            isReadable = _map.TryRead(arena.BlockOffset(block) + done, buffer.AsSpan(0, (int)Math.Min(buffer.Length, BlockSize - done)));
        ArrayPool<byte>.Shared.Return(buffer);
        return isReadable;
    }

    /// <summary>The entry that a write replaces, as it is recorded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint OldEntry(Arena arena, uint block)
    {
        uint entry = ReadEntry(arena, block);
        if (MapEntry.IsInitial(entry))
            entry = block | MapEntry.Normal;
        if ((entry & MapEntry.BlockMask) >= arena.InternalBlocks)
            throw Misnamed(arena, block, entry & MapEntry.BlockMask);
        return entry;
    }

    /// <summary>An entry as Linux records it: the block's number, with the error flag if it was marked as bad.</summary>
    private static uint PlainEntry(uint entry) => MapEntry.IsError(entry) ? entry : entry & MapEntry.BlockMask;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int TakeLane(Arena arena)
    {
        LaneState[] lanes = arena.Lanes;
        ref LaneRotation.Slot slot = ref _lanes.SlotOfThread();
        uint number = _lanes.LaneOf(ref slot, LaneRotation.NextTurn(ref slot, _rotation), _rotation, (uint)lanes.Length);
        if (Interlocked.CompareExchange(ref lanes[number].Taken, 1, 0) == 0)
            return (int)number;
        return TakeOtherLane(arena, number);
    }

    private static int TakeOtherLane(Arena arena, uint number)
    {
        LaneState[] lanes = arena.Lanes;
        var spin = default(SpinWait);
        while (true)
        {
            if (++number >= (uint)lanes.Length)
            {
                DemandNoError(arena);
                number = 0;
                spin.SpinOnce();
            }

            ref LaneState lane = ref lanes[number];
            if (Volatile.Read(ref lane.Taken) == 0 && Interlocked.CompareExchange(ref lane.Taken, 1, 0) == 0)
                return (int)number;
        }
    }

    /// <summary>Replaces the flags of a map entry: one store, durable at return. With <paramref name="only"/> nothing happens if the entry is another one by now.</summary>
    private void SetFlag(Arena arena, uint block, uint flag, uint? only = null)
    {
        ref Gate gate = ref arena.GateOf(block);
        gate.Enter();
        try
        {
            uint raw = ReadEntry(arena, block);
            if (only is { } expected && raw != expected)
                return;
            if (flag == MapEntry.Zero && (MapEntry.IsZero(raw) || (MapEntry.IsInitial(raw) && !Format.InitialReadsMedia)))
                return;
            uint old = OldEntry(arena, block);
            _map.Store(arena.EntryOffset(block), (old & MapEntry.BlockMask) | flag);
            _map.Persist(arena.EntryOffset(block), BttLayout.MapEntrySize);
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>Nobody knows what is on media: the arena may only be read, also after it is opened again.</summary>
    private void FailArena(Arena arena, string reason)
    {
        lock (_layoutLock)
        {
            if (arena.Error is not null)
                return;
            arena.Error = reason;
            BttInfo info = BttDetection.ReadInfo(_map, arena.Start);
            info.Flags |= BttInfo.ErrorFlag;
            info.Checksum = info.ComputeChecksum();
            try
            {
                StoreInfo(arena.InfoOffset, in info);
                StoreInfo(arena.Start, in info);
            }
            catch (PmemException)
            {
                // The media refuses even this; the state lasts as long as the process.
            }
        }
    }
}
