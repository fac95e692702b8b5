using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Objects.Logs;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Checking;

/// <summary>
/// Examines everything in an object pool and lists what is wrong, where libpmemobj's own check stops at the header: descriptor, lanes, logs
/// and their chains, zones, every chunk header, every bitmap against the objects in it.
/// </summary>
/// <remarks>Reads only, and trusts nothing: each structure is examined only as far as those it depends on are sound.</remarks>
internal sealed partial class StoreChecker(PersistentMap map)
{
    /// <summary>A broken pool can have millions of problems; nobody reads more.</summary>
    private const int MaximumProblems = 1000;

    private readonly List<PoolProblem> _problems = [];

    /// <summary>Examines the pool as it is; a pool that only needs recovery has no problem here.</summary>
    public List<PoolProblem> Run()
    {
        CheckHeader();
        return RunContent().Count == 0 ? RunLogLinks() : _problems;
    }

    /// <summary>The same without the pool header, which in a set is judged with its neighbours.</summary>
    public List<PoolProblem> RunContent()
    {
        if (!TryReadBounds(out PoolBounds bounds))
            return _problems;

        ulong runId = map.ReadUInt64(PoolDescriptor.RunIdField);
        if ((runId & 1) != 0)
            Add(PoolDescriptor.RunIdField, "run id", "an even number", $"{runId}");
        if (bounds.HeapSize == 0)
            return _problems; // interrupted creation: the open takes the whole file

        CheckLanes(bounds);
        CheckHeap(bounds);
        return _problems;
    }

    /// <summary>Whose the logs are, in a pool in which nothing else is wrong. Finishes redo logs first, so that it is certain what is allocated.</summary>
    public List<PoolProblem> RunLogLinks()
    {
        Try(() =>
        {
            PoolBounds bounds = DescriptorReader.Read(map, layout: null);
            if (bounds.HeapSize == 0)
                return;
            var space = new LogSpace(map, bounds);
            space.FinishRedo();
            _problems.AddRange(space.FindWrongLinks().Select(fault => fault.Problem).Take(MaximumProblems));
        });
        return _problems;
    }

    /// <summary>
    /// Examines the objects of a recovered pool: bitmaps against headers, the root, footers, whose the logs are; then, when all of it is sound and the
    /// program's types are described, every link.
    /// </summary>
    public List<PoolProblem> RunRecovered(ObjectStore store, ObjectTypes? types)
    {
        if (RunObjects(store.Bounds).Count == 0)
            _problems.AddRange(new LogSpace(map, store.Bounds).FindLost(store).Select(lost => lost.Problem).Take(MaximumProblems));
        if (_problems.Count == 0 && types is not null)
            CheckLinks(store, types);
        return _problems;
    }

    /// <summary>Only the objects and the root of a recovered pool.</summary>
    public List<PoolProblem> RunObjects(PoolBounds bounds)
    {
        CheckObjects(bounds);
        CheckRoot(bounds);
        return _problems;
    }

    private void CheckLinks(ObjectStore store, ObjectTypes types)
    {
        IEnumerable<StoreObject> unreachable = LinkSurvey.Run(store, types, fault => Add(fault.Problem));
        _problems.AddRange(unreachable.Select(LinkSurvey.Unreachable).Take(MaximumProblems - _problems.Count));
    }

    private void Add(PoolProblem problem)
    {
        if (_problems.Count < MaximumProblems)
            _problems.Add(problem);
    }

    private void Add(long offset, string what, string expected, string found) => Add(new PoolProblem(offset, what, expected, found));

    private void Add(PmemFormatException problem) => Add(PoolProblem.Of(problem));

    private bool Try(Action check)
    {
        try
        {
            check();
            return true;
        }
        catch (PmemFormatException problem)
        {
            Add(problem);
            return false;
        }
    }

    private void CheckHeader()
    {
        PoolHeader header = map.Read<PoolHeader>(0);
        if (PoolValidation.FindProblem(in header, PoolKind.Object) is { } problem)
            Add(problem);
        if (header.ReadOnlyCompat != ReadOnlyCompatFeatures.None)
            Add(20, "pool header ro_compat features", "known features", $"unknown bits 0x{(uint)header.ReadOnlyCompat:x}");
    }

    private bool TryReadBounds(out PoolBounds bounds)
    {
        PoolBounds read = default;
        bool valid = Try(() => read = DescriptorReader.Read(map, layout: null));
        bounds = read;
        return valid;
    }

    private void CheckLanes(PoolBounds bounds)
    {
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            long lane = bounds.LaneOffset(i);
            Try(() => CheckRedo(lane + LaneLayout.InternalPosition, LaneLayout.InternalCapacity, bounds));
            Try(() => CheckRedo(lane + LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity, bounds));
            long capacity = lane + LaneLayout.UndoPosition + UlogHeader.CapacityPosition;
            if (map.ReadUInt64(capacity) == 0)
                Add(capacity, "undo log capacity", $"{LaneLayout.UndoCapacity}", "0: a transaction of libpmemobj would end in a segmentation fault, as after pmdk-convert");
            Try(() =>
            {
                foreach (UndoEntryView _ in new UndoReader(map, lane + LaneLayout.UndoPosition, bounds))
                {
                    // Reading is the check.
                }

                CheckChain(lane + LaneLayout.UndoPosition, bounds);
            });
        }
    }

    private void CheckRedo(long log, int capacity, PoolBounds bounds)
    {
        if (RedoRecovery.IsPending(map, log, capacity))
        {
            foreach (RedoEntry _ in RedoRecovery.Entries(map, log, capacity, bounds))
            {
                // Reading is the check.
            }
        }

        CheckChain(log, bounds);
    }

    private void CheckChain(long log, PoolBounds bounds)
    {
        foreach (UlogLink _ in new UlogChain(map, log, bounds))
        {
            // Reading is the check.
        }
    }

    private void CheckHeap(PoolBounds bounds)
    {
        if (!Try(() => HeapChecks.DemandHeader(map, bounds.HeapOffset)))
            return;
        var heap = new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1);
        Try(heap.Validate);
    }
}
