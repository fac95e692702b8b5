using System.Numerics;

namespace Pmem.Objects.Heap;

/// <summary>A run that objects are being taken from, and how many reservations still point into it.</summary>
internal sealed class ActiveRun
{
    /// <summary>Index in the heap's table.</summary>
    public int Slot;

    public int Zone;
    public int Chunk;

    /// <summary>Reservations, and one for the bucket while the run is attached. At zero the run goes back to the heap.</summary>
    public int Reservations;

    public RunBucket? Bucket;
}

/// <summary>
/// The free extents of one run, by size: where objects of one class come from in one arena. Extents lie within a bitmap word, so there are
/// at most 64 sizes; each size is a queue. The smallest extent that fits is used, the oldest first. Used under its gate.
/// </summary>
internal sealed class RunBucket(AllocationClass allocationClass)
{
    private readonly ExtentQueue[] _queues = new ExtentQueue[RunGeometry.BitsPerWord];
    private ulong _filled;

    /// <summary>Protects everything here.</summary>
    public SpinGate Gate;

    /// <summary>The class of the objects.</summary>
    public AllocationClass Class { get; } = allocationClass;

    /// <summary>The run attached, or null.</summary>
    public ActiveRun? Active { get; set; }

    /// <summary>Pool offset of the attached run.</summary>
    public long RunOffset { get; set; }

    /// <summary>Pool offset of its first unit.</summary>
    public long DataOffset { get; set; }

    /// <summary>Takes the smallest extent of at least so many units; the rest of it is kept.</summary>
    public bool TryTake(int units, out int unit)
    {
        ulong candidates = _filled & ~((1UL << (units - 1)) - 1);
        unit = 0;
        if (candidates == 0)
            return false;
        int size = BitOperations.TrailingZeroCount(candidates) + 1;
        ref ExtentQueue queue = ref _queues[size - 1];
        unit = queue.Dequeue();
        if (queue.Count == 0)
            _filled &= ~(1UL << (size - 1));
        if (size > units)
            Insert(unit + units, size - units);
        return true;
    }

    /// <summary>Adds a free extent.</summary>
    public void Insert(int unit, int units)
    {
        _queues[units - 1].Enqueue(unit);
        _filled |= 1UL << (units - 1);
    }

    /// <summary>Adds the clear stretches of a bitmap word, low to high.</summary>
    public void InsertWord(ulong used, int firstUnit)
    {
        int bit = 0;
        while (bit < RunGeometry.BitsPerWord)
        {
            ulong rest = used >> bit;
            if (rest == 0)
            {
                Insert(firstUnit + bit, RunGeometry.BitsPerWord - bit);
                return;
            }

            int free = BitOperations.TrailingZeroCount(rest);
            if (free > 0)
                Insert(firstUnit + bit, free);
            bit += free;
            bit += BitOperations.TrailingZeroCount(~(used >> bit));
        }
    }

    /// <summary>Forgets all extents.</summary>
    public void Clear()
    {
        for (ulong filled = _filled; filled != 0; filled &= filled - 1)
            _queues[BitOperations.TrailingZeroCount(filled)].Clear();
        _filled = 0;
    }

    /// <summary>A ring of unit numbers.</summary>
    private struct ExtentQueue
    {
        private int[]? _items;
        private int _head;

        public int Count { get; private set; }

        public void Enqueue(int unit)
        {
            if (_items is null || Count == _items.Length)
                Grow();
            _items![(_head + Count) & (_items.Length - 1)] = unit;
            Count++;
        }

        public int Dequeue()
        {
            int unit = _items![_head];
            _head = (_head + 1) & (_items.Length - 1);
            Count--;
            return unit;
        }

        public void Clear()
        {
            _head = 0;
            Count = 0;
        }

        private void Grow()
        {
            int[] larger = new int[_items is null ? 8 : _items.Length * 2];
            for (int i = 0; i < Count; i++)
                larger[i] = _items![(_head + i) & (_items.Length - 1)];
            _items = larger;
            _head = 0;
        }
    }
}
