using Pmem.Objects.Checking;
using Pmem.Objects.Heap;
using Pmem.Objects.Layout;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects;

/// <summary>
/// What an open does for the replicas of a pool. libpmemobj validates each and copies the master's lanes over theirs; whatever else a crash
/// left behind stays behind there until it is written again. Here the rest follows too, once recovery is done, when the pool was not closed.
/// </summary>
internal static class ReplicaRecovery
{
    /// <summary>Validates descriptor, run id, logs and heap of each replica but the master; throws a <see cref="PmemFormatException"/> that names the replica.</summary>
    public static void Validate(PoolFile pool, string? layout)
    {
        for (int r = 1; r < pool.ReplicaMaps.Count; r++)
        {
            try
            {
                PersistentMap map = pool.ReplicaMaps[r];
                PoolBounds bounds = DescriptorReader.Read(map, layout);
                ulong runId = map.ReadUInt64(PoolDescriptor.RunIdField);
                if ((runId & 1) != 0)
                    throw new PmemFormatException("run id", PoolDescriptor.RunIdField, "an even number", $"{runId}");
                if (bounds.HeapSize != 0)
                    new PersistentHeap(map, bounds.HeapOffset, bounds.HeapSize, arenas: 1).Validate();
            }
            catch (PmemFormatException problem)
            {
                throw new PmemFormatException($"inconsistent replica {r} of {pool.Path}: {problem.What}", problem.Offset, problem.Expected, $"{problem.Found}; 'pmem pool sync' rebuilds it from a healthy one when its files are removed");
            }
        }
    }

    /// <summary>Copies the master's lanes over those of the replicas, so that recovery finds the same work everywhere. Durable at return.</summary>
    public static unsafe void CopyLanes(PoolFile pool, PoolBounds bounds)
    {
        for (int r = 1; r < pool.ReplicaMaps.Count; r++)
            pool.ReplicaMaps[r].Copy(bounds.LanesOffset, pool.Map.Pointer + bounds.LanesOffset, bounds.LanesEnd - bounds.LanesOffset);
    }

    /// <summary>Where replicas are not as the master: at most a thousand ranges.</summary>
    public static List<ReplicaDifference> Differences(PoolFile pool)
    {
        const int Most = 1000;
        var found = new List<ReplicaDifference>();
        PoolBounds bounds = DescriptorReader.Read(pool.Map, layout: null);
        for (int r = 1; r < pool.ReplicaMaps.Count; r++)
        {
            var comparison = new ReplicaComparison(pool.Map, pool.ReplicaMaps[r], bounds);
            foreach ((long offset, long length) in comparison.Differences().Take(Most - found.Count))
            {
                (int part, string? path, long at) = pool.Locate(r, offset);
                found.Add(new ReplicaDifference(r, offset, length) { Part = part, Path = path, PartOffset = at, MayBeLock = comparison.MayBeLock(offset, length) });
            }
        }

        return found;
    }

    /// <summary>Copies what differs from the recovered master to the replicas; returns how many bytes. Durable at return.</summary>
    public static unsafe long Repair(PoolFile pool, PoolBounds bounds)
    {
        long repaired = 0;
        for (int r = 1; r < pool.ReplicaMaps.Count; r++)
        {
            PersistentMap replica = pool.ReplicaMaps[r];
            foreach ((long offset, long length) in new ReplicaComparison(pool.Map, replica, bounds).Differences())
            {
                replica.Copy(offset, pool.Map.Pointer + offset, length, CopyHints.NoDrain);
                repaired += length;
            }

            replica.Drain();
        }

        return repaired;
    }
}
