using System.Numerics;
using System.Runtime.InteropServices;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <content>Runs: making, attaching to buckets, detaching, scoring.</content>
internal sealed unsafe partial class PersistentHeap
{
    private ActiveRun[] _activeRuns = [];
    private readonly Stack<int> _idleRuns = [];
    private readonly Lock _activeGate = new();

    [ThreadStatic]
    private static List<RunScore>? t_empty;

    /// <summary>Free units and largest extent of a run, as of now.</summary>
    internal RunScore Score(int zone, int chunk)
    {
        RunGeometry geometry = GeometryOf(zone, chunk);
        int gate = GateOf(chunk);
        EnterGate(gate);
        long bitmap = ChunkOffset(zone, chunk) + RunGeometry.RunHeaderSize;
        long free = 0;
        int largest = 0;
        for (int i = 0; i < geometry.Words; i++)
        {
            ulong clear = ~_map.ReadUInt64(bitmap + (i * sizeof(ulong)));
            int count = BitOperations.PopCount(clear);
            free += count;
            if (count < largest || largest == RunGeometry.BitsPerWord || count == 0)
                continue;
            if (count == RunGeometry.BitsPerWord)
            {
                largest = count;
                continue;
            }

            int length = 0;
            for (; clear != 0; clear &= clear << 1)
                length++;
            largest = Math.Max(largest, length);
        }

        ExitGate(gate);
        return new RunScore(largest, free, zone, chunk);
    }

    /// <summary>Gives a run that no bucket uses to its class's recycler; false when it is empty and should become a free block.</summary>
    private bool TryRecycle(int zone, int chunk)
    {
        RunScore score = Score(zone, chunk);
        if (ClassOf(zone, chunk) is not { } allocationClass)
            return score.Free != GeometryOf(zone, chunk).Units;
        if (score.Free == allocationClass.Geometry.Units)
            return false;
        RecyclerOf(allocationClass).Put(score);
        return true;
    }

    /// <summary>Gets a bucket a run with an extent of so many units. The bucket's gate is held.</summary>
    private bool TryRefill(RunBucket bucket, int units)
    {
        Detach(bucket);
        if (TryReuse(bucket, units))
            return true;

        // Another zone may have a run before a new one is made.
        lock (_chunkGate)
            PopulateNextZone();
        if (TryReuse(bucket, units))
            return true;

        bool taken;
        int zone;
        int chunk;
        lock (_chunkGate)
        {
            taken = TryTakeChunks(bucket.Class.Chunks, out zone, out chunk);
            if (taken)
                CreateRun(bucket.Class, zone, chunk);
        }

        if (!taken)
            return TryReuse(bucket, units);
        Attach(bucket, zone, chunk);
        return true;
    }

    private bool TryReuse(RunBucket bucket, int units)
    {
        Recycler recycler = RecyclerOf(bucket.Class);
        if (!recycler.TryGet(units, out RunScore run))
        {
            List<RunScore> empty = t_empty ??= [];
            empty.Clear();
            recycler.Recalculate(force: false, empty);
            if (empty.Count > 0)
            {
                lock (_chunkGate)
                {
                    foreach (RunScore score in empty)
                        FreeRun(score.Zone, score.Chunk);
                }
            }

            if (!recycler.TryGet(units, out run))
                return false;
        }

        Attach(bucket, run.Zone, run.Chunk);
        return true;
    }

    /// <summary>Makes a run of a free block: bitmap, then data headers, then the header that turns it into a run. A crash before the last leaves a free block.</summary>
    private void CreateRun(AllocationClass allocationClass, int zone, int chunk)
    {
        RunGeometry geometry = allocationClass.Geometry;
        long run = ChunkOffset(zone, chunk);
        int size = RunGeometry.RunHeaderSize + geometry.BitmapSize;
        Span<byte> head = size <= 1024 ? stackalloc byte[size] : new byte[size];
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(head);
        words[0] = (ulong)geometry.UnitSize;
        words[1] = (ulong)geometry.Alignment;
        Span<ulong> bitmap = words[2..];
        bitmap.Fill(ulong.MaxValue);
        bitmap[..(geometry.Words - 1)].Clear();
        bitmap[geometry.Words - 1] = geometry.LastWord;
        _map.Copy(run, head, CopyHints.NoDrain | CopyHints.Temporal);

        long headers = HeaderOffset(zone, chunk + 1);
        for (uint i = 1; i < allocationClass.Chunks; i++)
            _map.StoreUInt64(headers + ((i - 1) * ChunkHeader.Size), new ChunkHeader(ChunkType.RunData, ChunkFlags.None, i).Word);
        _map.Persist(headers, (allocationClass.Chunks - 1) * ChunkHeader.Size);
        PersistHeader(zone, chunk, new ChunkHeader(ChunkType.Run, allocationClass.Flags, allocationClass.Chunks));
        ForgetClass(zone, chunk);
    }

    private void Attach(RunBucket bucket, int zone, int chunk)
    {
        ActiveRun active = TakeActive();
        active.Zone = zone;
        active.Chunk = chunk;
        active.Bucket = bucket;
        active.Reservations = 1;

        RunGeometry geometry = bucket.Class.Geometry;
        long run = ChunkOffset(zone, chunk);
        long bitmap = run + RunGeometry.RunHeaderSize;
        int gate = GateOf(chunk);
        EnterGate(gate);
        for (int i = 0; i < geometry.Words; i++)
            bucket.InsertWord(_map.ReadUInt64(bitmap + (i * sizeof(ulong))), i * RunGeometry.BitsPerWord);
        ExitGate(gate);
        bucket.RunOffset = run;
        bucket.DataOffset = geometry.DataOffset(run);
        bucket.Active = active;
    }

    /// <summary>Takes the run off a bucket. When reservations are left the last of them gives it back.</summary>
    private void Detach(RunBucket bucket)
    {
        if (bucket.Active is not { } active)
            return;
        bucket.Clear();
        bucket.Active = null;
        ReleaseActive(active);
    }

    /// <summary>Takes empty runs off the buckets that nobody is using this moment; false when there was none.</summary>
    private bool DetachEmpty()
    {
        bool any = false;
        foreach (Arena arena in _arenas)
        {
            foreach (RunBucket bucket in arena.Buckets())
            {
                if (!bucket.Gate.TryEnter())
                    continue;
                try
                {
                    if (bucket.Active is { Reservations: 1 } active && Score(active.Zone, active.Chunk).Free == bucket.Class.Geometry.Units)
                    {
                        Detach(bucket);
                        any = true;
                    }
                }
                finally
                {
                    bucket.Gate.Exit();
                }
            }
        }

        return any;
    }

    /// <summary>Gives up one hold of a run; the last one returns it to the heap.</summary>
    private void ReleaseActive(ActiveRun active)
    {
        if (Interlocked.Decrement(ref active.Reservations) > 0)
            return;
        int zone = active.Zone;
        int chunk = active.Chunk;
        active.Bucket = null;
        lock (_activeGate)
            _idleRuns.Push(active.Slot);
        if (TryRecycle(zone, chunk))
            return;
        lock (_chunkGate)
            FreeRun(zone, chunk);
    }

    private ActiveRun TakeActive()
    {
        lock (_activeGate)
        {
            if (_idleRuns.TryPop(out int slot))
                return _activeRuns[slot];

            // A new table each time, so that readers need no lock; there are few runs.
            var active = new ActiveRun { Slot = _activeRuns.Length };
            Volatile.Write(ref _activeRuns, [.. _activeRuns, active]);
            return active;
        }
    }

    private ActiveRun ActiveAt(int slot) => Volatile.Read(ref _activeRuns)[slot];
}
