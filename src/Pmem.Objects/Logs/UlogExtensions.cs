using Pmem.Objects.Heap;
using Pmem.Objects.Layout;

namespace Pmem.Objects.Logs;

/// <summary>
/// The logs chained behind a lane's own log: internal objects of the heap, linked through each header's next field.
///
/// Linking and allocating are one redo operation (link word and bitmap bit become durable together), and so are unlinking and freeing; a
/// crash between two of them leaves a shorter, whole chain. A log that the program owns is unlinked but never freed: freeing it, as
/// libpmemobj 1.12 does in recovery, would take the program's object away.
/// </summary>
internal sealed unsafe class UlogExtensions(PersistentMap map, long firstLog, int requestSize)
{
    private struct Extension
    {
        public long ObjectOffset;
        public long LogOffset;
        public long Capacity;
        public bool UserOwned;
    }

    private readonly PersistentMap _map = map;
    private readonly long _firstLog = firstLog;
    private readonly int _requestSize = requestSize;
    private Extension[] _items = [];
    private PersistentHeap? _heap;
    private RedoLog? _internal;

    /// <summary>Number of logs in the chain.</summary>
    public int Count { get; private set; }

    /// <summary>Sum of the data bytes of the chain.</summary>
    public long Capacity { get; private set; }

    /// <summary>The first link as stored on media, or 0.</summary>
    public long First => Count == 0 ? 0 : _items[0].ObjectOffset;

    /// <summary>Data bytes of one log.</summary>
    public long CapacityOf(int index) => _items[index].Capacity;

    /// <summary>Pool offset of the data of one log.</summary>
    public long DataOf(int index) => _items[index].LogOffset + UlogHeader.Size;

    /// <summary>Gives the chain what it needs to allocate: the heap, and the internal redo log of the same lane.</summary>
    public void Bind(PersistentHeap heap, RedoLog internalLog)
    {
        _heap = heap;
        _internal = internalLog;
    }

    /// <summary>Reads the chain from media. Throws <see cref="PmemFormatException"/> when a link is impossible or the chain is a circle.</summary>
    public void Load(PoolBounds bounds)
    {
        Count = 0;
        Capacity = 0;
        foreach (UlogLink link in new UlogChain(_map, _firstLog, bounds))
            Push(new Extension { ObjectOffset = link.ObjectOffset, LogOffset = link.LogOffset, Capacity = link.Capacity, UserOwned = link.UserOwned });
    }

    /// <summary>Allocates one more log and links it; durable at return. Returns its data bytes.</summary>
    public long Extend(ulong generation)
    {
        if (!_heap!.TryReserve(_requestSize, typeNumber: 0, ObjectFlags.Internal, zero: false, out PersistentAction action))
            throw new OutOfSpaceException($"no space for a log extension of {_requestSize} bytes: the pool is full; free objects or make transactions smaller");

        long objectOffset = action.UserOffset;
        long logOffset = AlignUp(objectOffset);
        long skew = logOffset - objectOffset;
        long capacity = (action.UsableSize - UlogHeader.Size) & -UlogHeader.Size;
        if (skew != 0)
            capacity = (capacity - skew) & -UlogHeader.Size;

        ulong* lines = stackalloc ulong[2 * UlogHeader.Size / sizeof(ulong)];
        new Span<ulong>(lines, 2 * UlogHeader.Size / sizeof(ulong)).Clear();
        ((UlogHeader*)lines)->Capacity = (ulong)capacity;
        ((UlogHeader*)lines)->Generation = generation;
        _map.Copy(logOffset, (byte*)lines, 2 * UlogHeader.Size, CopyHints.WriteCombining | CopyHints.NoDrain);

        _internal!.Set(LinkField(Count), (ulong)objectOffset);
        _heap.Publish(_internal, ref action);
        Push(new Extension { ObjectOffset = objectOffset, LogOffset = logOffset, Capacity = capacity });
        return capacity;
    }

    /// <summary>Unlinks and frees the logs from <paramref name="index"/> on, last first; each step is durable and leaves a whole chain.</summary>
    public void FreeFrom(int index)
    {
        while (Count > index)
        {
            ref Extension last = ref _items[Count - 1];
            if (last.UserOwned)
            {
                RedoLog.CommitWord(_map, LinkField(Count - 1), 0);
            }
            else
            {
                _heap!.DeferFree(last.ObjectOffset, out PersistentAction action);
                _internal!.Set(LinkField(Count - 1), 0);
                _heap.Publish(_internal, ref action);
            }

            Capacity -= last.Capacity;
            Count--;
        }
    }

    private static long AlignUp(long value) => (value + UlogHeader.Size - 1) & -UlogHeader.Size;

    private long LinkField(int index) => (index == 0 ? _firstLog : _items[index - 1].LogOffset) + UlogHeader.NextPosition;

    private void Push(in Extension extension)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(4, Count * 2));
        _items[Count++] = extension;
        Capacity += extension.Capacity;
    }
}
