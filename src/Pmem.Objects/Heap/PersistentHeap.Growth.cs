using Pmem.Objects.Layout;

namespace Pmem.Objects.Heap;

/// <content>
/// A heap that becomes larger while it is in use. The new size is durable before a chunk header says anything about the new space: a crash in
/// between leaves a last zone that is smaller than the heap, which <see cref="Boot"/> extends.
/// </content>
internal sealed unsafe partial class PersistentHeap
{
    private Func<long>? _growth;

    /// <summary>Lets the heap ask for more: the function adds space to the pool, stores the new heap size and returns it; 0 when there is no more.</summary>
    /// <param name="growth">Called under the chunk gate.</param>
    /// <param name="maximumSize">Largest size of the heap.</param>
    public void AllowGrowth(Func<long> growth, long maximumSize)
    {
        // Sized once, so that readers never see an array that is being replaced.
        int zones = Math.Max(_zoneCount, HeapLayout.ZoneCount(maximumSize));
        Array.Resize(ref _populated, zones);
        Array.Resize(ref _classOfChunk, zones);
        _growth = growth;
    }

    /// <summary>Runs a growth on behalf of the program, while nobody allocates whole chunks.</summary>
    public bool Grow(Func<long> growth)
    {
        lock (_chunkGate)
            return Take(growth());
    }

    private bool Grow() => _growth is not null && Take(_growth());

    private bool Take(long heapSize)
    {
        if (heapSize <= _heapSize)
            return false;
        int lastZone = Math.Max(0, _zoneCount - 1);
        Volatile.Write(ref _heapSize, heapSize);
        Volatile.Write(ref _zoneCount, HeapLayout.ZoneCount(heapSize));
        if (lastZone >= _zoneCount || !IsInitialized(lastZone))
            return true; // a zone that nobody used yet is written when it is

        int chunks = ZoneChunks(lastZone);
        if (chunks >= HeapLayout.ZoneChunks(heapSize, lastZone))
            return true;
        InitializeZone(lastZone, chunks);
        if (_populated[lastZone])
            ReturnChunks(lastZone, chunks, (uint)(ZoneChunks(lastZone) - chunks));
        return true;
    }
}
