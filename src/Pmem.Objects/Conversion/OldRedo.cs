using Pmem.Objects.Layout;

namespace Pmem.Objects.Conversion;

/// <summary>
/// Redo logs of layouts 1 to 4: entries of a destination and a value, 16 bytes each. The log counts when one entry, its last, has the finish flag; that
/// flag is stored after everything else is durable. Carrying it out again gives the same, until the flag is cleared.
/// </summary>
internal static class OldRedo
{
    /// <summary>Finishes the operation that waits in a log; false when none does. Throws <see cref="PmemFormatException"/> on a log that cannot be, before anything is changed.</summary>
    public static bool Finish(PersistentMap map, long log, PoolBounds bounds)
    {
        int last = -1;
        for (int i = 0; i < OldLane.RedoEntries; i++)
        {
            if ((map.ReadUInt64(At(log, i)) & OldLane.Finish) == 0)
                continue;
            if (last >= 0)
                throw new PmemFormatException("redo log", At(log, i), "one finish flag", "a second one");
            last = i;
        }

        if (last < 0)
            return false;
        for (int i = 0; i <= last; i++)
        {
            ulong offset = Destination(map, log, i);
            if (offset > long.MaxValue || !bounds.IsRedoDestination((long)offset))
                throw new PmemFormatException("redo entry destination", At(log, i), "an aligned word of the heap, the lanes or the root fields", $"0x{offset:x}");
        }

        for (int i = 0; i <= last; i++)
        {
            long offset = (long)Destination(map, log, i);
            map.StoreUInt64(offset, map.ReadUInt64(At(log, i) + sizeof(ulong)));
            map.Flush(offset, sizeof(ulong));
        }

        map.Drain();
        map.StoreUInt64(At(log, last), 0);
        map.Persist(At(log, last), sizeof(ulong));
        return true;
    }

    private static ulong Destination(PersistentMap map, long log, int index) => map.ReadUInt64(At(log, index)) & ~OldLane.Finish;

    private static long At(long log, int index) => log + (index * 2L * sizeof(ulong));
}
