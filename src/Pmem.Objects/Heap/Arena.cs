namespace Pmem.Objects.Heap;

/// <summary>One set of buckets, one for each class; threads are spread over arenas so that they seldom meet.</summary>
internal sealed class Arena
{
    private readonly RunBucket?[] _buckets = new RunBucket?[AllocationClasses.All.Length];

    /// <summary>Threads bound to the arena.</summary>
    public int Threads;

    /// <summary>The bucket of a class.</summary>
    public RunBucket Bucket(AllocationClass allocationClass)
    {
        ref RunBucket? bucket = ref _buckets[allocationClass.Id];
        return Volatile.Read(ref bucket) ?? Interlocked.CompareExchange(ref bucket, new RunBucket(allocationClass), null) ?? bucket!;
    }

    /// <summary>The buckets in use.</summary>
    public IEnumerable<RunBucket> Buckets()
    {
        foreach (RunBucket? bucket in _buckets)
        {
            if (bucket is not null)
                yield return bucket;
        }
    }
}

/// <content>Which arena a thread uses.</content>
internal sealed unsafe partial class PersistentHeap
{
    [ThreadStatic]
    private static ArenaBinding? t_binding;

    /// <summary>Binds a thread to an arena, until the thread ends or uses another heap.</summary>
    private sealed class ArenaBinding(PersistentHeap heap, Arena arena)
    {
        private readonly WeakReference<PersistentHeap> _heap = new(heap);

        public Arena Arena { get; } = arena;

        public ArenaBinding? Next { get; set; }

        // A thread says nothing when it ends; its thread-static binding becomes garbage, and the arena has one thread less.
#pragma warning disable MA0055
        ~ArenaBinding() => Release();
#pragma warning restore MA0055

        public bool IsFor(PersistentHeap heap) => _heap.TryGetTarget(out PersistentHeap? mine) && ReferenceEquals(mine, heap);

        public bool IsDead => !_heap.TryGetTarget(out _);

        private void Release()
        {
            if (Interlocked.Decrement(ref Arena.Threads) == 0 && _heap.TryGetTarget(out PersistentHeap? mine))
                Interlocked.Decrement(ref mine._arenasInUse);
        }
    }

    private Arena ThreadArena()
    {
        ArenaBinding? binding = t_binding;
        return binding is not null && binding.IsFor(this) ? binding.Arena : BindArena();
    }

    private Arena BindArena()
    {
        ArenaBinding? previous = null;
        for (ArenaBinding? binding = t_binding; binding is not null; binding = binding.Next)
        {
            if (binding.IsFor(this))
            {
                // Move to front, so that the usual case is one comparison.
                previous!.Next = binding.Next;
                binding.Next = t_binding;
                t_binding = binding;
                return binding.Arena;
            }

            if (binding.IsDead && previous is not null)
                previous.Next = binding.Next;
            else
                previous = binding;
        }

        Arena least = _arenas[0];
        lock (_arenas)
        {
            foreach (Arena arena in _arenas)
            {
                if (arena.Threads < least.Threads)
                    least = arena;
            }

            if (Interlocked.Increment(ref least.Threads) == 1)
                Interlocked.Increment(ref _arenasInUse);
        }

        t_binding = new ArenaBinding(this, least) { Next = t_binding };
        return least;
    }
}
