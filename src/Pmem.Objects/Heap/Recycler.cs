using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <summary>A run as the recycler scores it: by its largest free extent, then by its free units, then by place.</summary>
/// <param name="Key">The score; the order of keys is the order of runs.</param>
internal readonly record struct RunScore(ulong Key)
{
    private const int ZoneShift = 16;
    private const int FreeShift = 32;
    private const int LargestShift = 57;
    private const ulong FreeMask = (1UL << (LargestShift - FreeShift)) - 1;

    public RunScore(int largest, long free, int zone, int chunk)
        : this(((ulong)largest << LargestShift) | (Math.Min((ulong)free, FreeMask) << FreeShift) | ((ulong)zone << ZoneShift) | (uint)chunk)
    {
    }

    public int Chunk => (ushort)Key;

    public int Zone => (ushort)(Key >> ZoneShift);

    public long Free => (long)((Key >> FreeShift) & FreeMask);

    /// <summary>The lowest key of runs whose largest extent has so many units.</summary>
    public static ulong AtLeast(int largest) => (ulong)largest << LargestShift;
}

/// <summary>
/// The runs of one class that are neither full nor attached. Frees are only counted; when enough have come together the scores of the runs
/// they hit are computed anew, and runs that became empty are handed back. The thresholds are libpmemobj's, because they decide where
/// objects go.
/// </summary>
internal sealed class Recycler(PersistentHeap heap, AllocationClass allocationClass)
{
    private const int ThresholdFactor = 4;
    private const int CountersPerBlock = 1024;

    private readonly SortedKeys _runs = new();
    private readonly List<RunScore> _rescored = [];
    private readonly long[]?[] _unaccounted = new long[]?[(HeapLayout.ChunksPerZone + CountersPerBlock - 1) / CountersPerBlock];
    private readonly Lock _gate = new();
    private long _unaccountedTotal;

    /// <summary>Adds a run.</summary>
    public void Put(RunScore score)
    {
        lock (_gate)
            _runs.Add(score.Key);
    }

    /// <summary>Takes the run with the smallest score whose largest extent has so many units.</summary>
    public bool TryGet(int units, out RunScore score)
    {
        lock (_gate)
        {
            score = default;
            if (!_runs.TryFindAtLeast(RunScore.AtLeast(units), out ulong key))
                return false;
            _runs.Remove(key);
            score = new RunScore(key);
            return true;
        }
    }

    /// <summary>Counts freed units of a run.</summary>
    public void CountFreed(int chunk, int units)
    {
        Interlocked.Add(ref _unaccountedTotal, units);
        Interlocked.Add(ref Unaccounted(chunk), units);
    }

    /// <summary>Units freed since the runs at this chunk (of whatever zone, as in C) were scored.</summary>
    private ref long Unaccounted(int chunk)
    {
        ref long[]? block = ref _unaccounted[chunk / CountersPerBlock];
        long[] counters = Volatile.Read(ref block) ?? Interlocked.CompareExchange(ref block, new long[CountersPerBlock], null) ?? block!;
        return ref counters[chunk % CountersPerBlock];
    }

    /// <summary>Computes scores anew when enough units were freed, or always with <paramref name="force"/>; empty runs are removed and added to the list.</summary>
    public void Recalculate(bool force, List<RunScore> empty)
    {
        long units = Volatile.Read(ref _unaccountedTotal);
        if (!force && units < (long)ThresholdFactor * heap.ArenasInUse * allocationClass.Geometry.Units)
            return;
        if (!_gate.TryEnter())
            return;
        try
        {
            Rescore(force, force ? long.MaxValue : units, empty);
        }
        finally
        {
            _gate.Exit();
        }

        Interlocked.Add(ref _unaccountedTotal, -units);
    }

    private void Rescore(bool force, long limit, List<RunScore> empty)
    {
        long found = 0;
        ulong next = 0;
        while (found < limit && _runs.TryFindAtLeast(next, out ulong key))
        {
            next = key + 1;
            var old = new RunScore(key);
            ref long counter = ref Unaccounted(old.Chunk);
            long chunkUnits = Volatile.Read(ref counter);
            if (!force && chunkUnits == 0)
                continue;

            RunScore score = heap.Score(old.Zone, old.Chunk);
            long freed = score.Free - old.Free;
            if (freed <= 0)
                continue;
            found += freed;
            Interlocked.Add(ref counter, -Math.Min(chunkUnits, freed + allocationClass.Geometry.Units));
            _runs.Remove(key);
            if (score.Free == allocationClass.Geometry.Units)
                empty.Add(score);
            else
                _rescored.Add(score);
        }

        foreach (RunScore score in _rescored)
            _runs.Add(score.Key);
        _rescored.Clear();
    }
}
