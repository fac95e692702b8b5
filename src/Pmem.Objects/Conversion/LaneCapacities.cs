using Pmem.Objects.Layout;

namespace Pmem.Objects.Conversion;

/// <summary>
/// Lanes whose logs say that they have no capacity: those that a conversion, ours or pmdk-convert's, left as zeros. libpmemobj 1.12 opens such a pool,
/// and its first transaction ends in a segmentation fault. Whatever was saved in such a lane counts as if the capacity were there.
/// </summary>
internal static class LaneCapacities
{
    /// <summary>Writes the capacities that are missing; false when none is. Durable at return, and harmless to repeat.</summary>
    public static bool Complete(PersistentMap map, PoolBounds bounds)
    {
        bool missing = false;
        for (int i = 0; i < bounds.LaneCount; i++)
        {
            long field = bounds.LaneOffset(i) + LaneLayout.UndoPosition + UlogHeader.CapacityPosition;
            if (map.ReadUInt64(field) != 0)
                continue;
            missing = true;
            Put(LaneLayout.InternalPosition, LaneLayout.InternalCapacity);
            Put(LaneLayout.ExternalPosition, LaneLayout.ExternalCapacity);
            Put(LaneLayout.UndoPosition, LaneLayout.UndoCapacity);

            void Put(int log, ulong capacity)
            {
                long at = bounds.LaneOffset(i) + log + UlogHeader.CapacityPosition;
                if (map.ReadUInt64(at) != 0)
                    return;
                map.StoreUInt64(at, capacity);
                map.Flush(at, sizeof(ulong));
            }
        }

        if (missing)
            map.Drain();
        return missing;
    }
}
