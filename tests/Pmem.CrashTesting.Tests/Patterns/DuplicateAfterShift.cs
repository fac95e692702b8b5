namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>
/// 4. A crash in a shift leaves a key twice. Search tolerates it; delete takes away only one of the two, and the key comes back. As in
/// FAST&amp;FAIR. Only life after recovery shows it.
/// </summary>
internal static class DuplicateAfterShift
{
    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(DuplicateAfterShift))
        .OnMap(4096, granularity)
        .Prepare(map =>
        {
            map.StoreUInt64(0, 5);
            map.StoreUInt64(8, 7);
            map.Persist(0, 16);
        })
        .Step("insert 3", map => InsertFirst(map, 3))
        .Then(map =>
        {
            Delete(map, 5, isBroken);
            if (Find(map, 5) >= 0)
                throw new InvalidDataException("5 was deleted, and is found"); // <- thrown
        })
        .Explore();

    private static void InsertFirst(PersistentMap map, ulong key)
    {
        for (int to = 2; to > 0; to--)
            map.StoreUInt64(to * 8, map.ReadUInt64((to - 1) * 8)); // <- done
        map.StoreUInt64(0, key); // <- not done
        map.Persist(0, 24);
    }

    private static void Delete(PersistentMap map, ulong key, bool isBroken)
    {
        for (int at = Find(map, key); at >= 0; at = isBroken ? -1 : Find(map, key))
        {
            for (; map.ReadUInt64(at * 8) != 0; at++)
                map.StoreUInt64(at * 8, map.ReadUInt64((at + 1) * 8));
            map.Persist(0, 32);
        }
    }

    private static int Find(PersistentMap map, ulong key)
    {
        for (int i = 0; map.ReadUInt64(i * 8) is not 0 and var found; i++)
        {
            if (found == key)
                return i;
        }

        return -1;
    }
}
