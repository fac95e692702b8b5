using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;

namespace Pmem.Objects.Tests.Heap;

/// <summary>A heap in anonymous memory, without a store around it.</summary>
internal sealed class HeapUnderTest : IDisposable
{
    public const long HeapOffset = PoolDescriptor.DefaultHeapOffset;
    private const long RedoOffset = PoolDescriptor.DefaultLanesOffset;
    private readonly bool _ownsMap;

    public HeapUnderTest(long heapSize, int arenas = 1)
        : this(PersistentMap.CreateAnonymous(HeapOffset + heapSize, StoreGranularity.Byte), heapSize, arenas)
    {
        _ownsMap = true;
    }

    public HeapUnderTest(PersistentMap map, long heapSize, int arenas = 1)
    {
        Map = map;
        HeapSize = heapSize;
        PersistentHeap.Format(map, HeapOffset, heapSize);
        Heap = new PersistentHeap(map, HeapOffset, heapSize, arenas);
        Heap.Validate();
        Heap.Boot();
        Redo = NewRedo(0);
    }

    public PersistentMap Map { get; }

    public long HeapSize { get; }

    public PersistentHeap Heap { get; private set; }

    public RedoLog Redo { get; }

    /// <summary>Heap size of a heap of one zone with so many chunks.</summary>
    public static long SizeOf(int chunks) => HeapLayout.HeaderSize + HeapLayout.ZoneMetadataSize + (chunks * HeapLayout.ChunkSize);

    public static long ChunkOffset(int chunk) => HeapOffset + HeapLayout.HeaderSize + HeapLayout.ZoneMetadataSize + (chunk * HeapLayout.ChunkSize);

    public static long HeaderOffset(int chunk) => HeapOffset + HeapLayout.HeaderSize + HeapLayout.ZoneHeaderSize + (chunk * ChunkHeader.Size);

    public ChunkHeader Header(int chunk) => new(Map.ReadUInt64(HeaderOffset(chunk)));

    public RedoLog NewRedo(int index) => new(Map, RedoOffset + (index * LaneLayout.Size), LaneLayout.ExternalCapacity, extensions: null);

    /// <summary>Allocates, or returns 0.</summary>
    public long Allocate(long size, ulong type = 0)
    {
        if (!Heap.TryReserve(size, type, 0, zero: false, out PersistentAction action))
            return 0;
        Heap.Publish(Redo, ref action);
        return action.UserOffset;
    }

    public void Free(long user)
    {
        Heap.DeferFree(user, out PersistentAction action);
        Heap.Publish(Redo, ref action);
    }

    /// <summary>Forgets everything volatile, as the end of the process does.</summary>
    public void Reopen(int arenas = 1)
    {
        Heap = new PersistentHeap(Map, HeapOffset, HeapSize, arenas);
        Heap.Validate();
        Heap.Boot();
    }

    public List<long> Objects()
    {
        var objects = new List<long>();
        for (long user = Heap.FirstObject(); user != 0; user = Heap.NextObject(user))
            objects.Add(user);
        return objects;
    }

    public void Dispose()
    {
        if (_ownsMap)
            Map.Dispose();
    }
}
