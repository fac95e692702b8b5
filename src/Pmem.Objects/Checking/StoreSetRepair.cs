using Pmem.Objects.Layout;
using Pmem.Objects.Types;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Checking;

/// <summary>
/// Mends an object pool in a set: its headers together; the master from a replica that is sound, or else by itself; then the other replicas follow.
/// </summary>
/// <remarks>
/// A replica that is overwritten comes nearer to a sound one with every byte. What a crash leaves is either found damaged again, or differs from
/// the master, which the end of every repair mends too.
/// </remarks>
internal sealed unsafe class StoreSetRepair(RepairSet set, PoolRepairOptions options, LinkRepair? links)
{
    private const int Slice = 1 << 20;

    private readonly List<PoolMend> _mends = [];

    public PoolRepairResult Run()
    {
        PersistentMap master = set.Maps[0];
        if (!set.MendHeaders(() => new StoreRepair(master, options, links).HasHeapAtDefault(), _mends))
            return new PoolRepairResult(_mends, [.. _mends.Where(mend => !mend.IsMended).Select(mend => mend.Problem)]);
        bool isClosed = set.Maps.All(map => map.Read<ShutdownState>(PoolHeader.ShutdownStatePosition).Dirty == 0);
        List<PoolProblem>[] problems = [.. set.Maps.Select(map => Examine(map, isClosed))];
        int sound = Array.FindIndex(problems, found => found.Count == 0);
        if (problems[0].Count > 0 && sound > 0)
        {
            Overwrite(0, sound);
            AddMended(problems[0], 0, $"copied from replica {sound}, which is sound");
        }

        // Before the master is opened, which changes it. A pool that was not closed has replicas that are behind, and recovery brings them in step.
        for (int r = 1; r < problems.Length && isClosed && (problems[0].Count == 0 || sound > 0); r++)
        {
            if (problems[r].Count == 0)
                AddDifference(r);
        }

        if (problems[0].Count == 0 || sound <= 0 || links is not null)
        {
            _mends.AddRange(new StoreRepair(master, options, links) { OpenStore = () => ObjectStore.OpenForRepair(set.AttachMaster()) }.RunContent());
        }

        // A replica gets the master's bytes only when those are better.
        bool masterIsSound = Examine(master, deeply: false).Count == 0;
        for (int r = 1; r < problems.Length && masterIsSound; r++)
        {
            if (problems[r].Count == 0)
                continue;
            Overwrite(r, 0);
            AddMended(problems[r], r, "copied from the master");
        }

        return new PoolRepairResult(_mends, Finish());
    }

    private static List<PoolProblem> Examine(PersistentMap map, bool deeply)
    {
        List<PoolProblem> problems = new StoreChecker(map).RunContent();
        if (problems.Count > 0 || !deeply)
            return problems;
        PoolBounds bounds = DescriptorReader.Read(map, layout: null);
        return bounds.HeapSize == 0 ? [] : new StoreChecker(map).RunObjects(bounds);
    }

    private List<PoolProblem> Finish()
    {
        try
        {
            PoolFile pool = set.Attach();
            PoolCheckResult result = ObjectStore.FinishRepair(pool, links?.Types);
            if (result.Problems.Count == 0)
                pool.Dispose();
            else
                pool.Abandon();
            return [.. result.Problems];
        }
        catch (PmemFormatException problem)
        {
            return [PoolProblem.Of(problem)];
        }
    }

    /// <summary>Names a replica that is sound and not equal; the end of the repair copies the master over what differs.</summary>
    private void AddDifference(int replica)
    {
        PersistentMap master = set.Maps[0];
        PoolBounds bounds = DescriptorReader.Read(master, layout: null);
        var comparison = new ReplicaComparison(master, set.Maps[replica], bounds);
        (long First, long Bytes, int Ranges) found = (-1, 0, 0);
        foreach ((long offset, long length) in comparison.Differences())
        {
            options.Cancellation.ThrowIfCancellationRequested();
            if (!comparison.MayBeLock(offset, length))
                found = (found.Ranges == 0 ? offset : found.First, found.Bytes + length, found.Ranges + 1);
        }

        if (found.Ranges == 0)
            return;
        var problem = new PoolProblem(found.First, $"{set.NameOf(replica, found.First)}: content", "that of the master, replica 0", $"{found.Bytes} other byte(s) in {found.Ranges} range(s)");
        _mends.Add(PoolMend.Mended(problem, "copied from the master"));
    }

    private void AddMended(List<PoolProblem> problems, int replica, string remedy)
    {
        foreach (PoolProblem problem in problems)
            _mends.Add(PoolMend.Mended(problem with { What = $"replica {replica}: {problem.What}" }, remedy));
    }

    /// <summary>Makes the bytes of a replica, but for its first page, those of another, as far as they differ. Durable at return.</summary>
    private void Overwrite(int replica, int source)
    {
        PersistentMap to = set.Maps[replica];
        PersistentMap from = set.Maps[source];
        long length = Math.Min(to.Length, from.Length);
        for (long at = PoolHeader.Size; at < length; at += Slice)
        {
            int piece = (int)Math.Min(Slice, length - at);
            options.Cancellation.ThrowIfCancellationRequested();
            options.Progress?.Report(new PoolProgress("copying from a sound replica", at, length));
            if (!from.GetSpan(at, piece).SequenceEqual(to.GetSpan(at, piece)))
                to.Copy(at, from.Pointer + at, piece);
        }
    }
}
