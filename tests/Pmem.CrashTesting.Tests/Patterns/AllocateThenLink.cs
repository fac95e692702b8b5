namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>18. A block is allocated, then linked; a crash in between leaks it. As in early libpmemobj. The remedy here: recovery keeps only what can be reached.</summary>
internal static class AllocateThenLink
{
    private const int Bitmap = 0;
    private const int Head = 64;
    private const int Blocks = 256;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, map => Recover(map, isBroken), nameof(AllocateThenLink))
        .OnMap(4096, granularity)
        .Step("add", Add)
        .NoLeaks(Allocated, Reachable)
        .CrashRecovery()
        .Explore();

    private static void Add(PersistentMap map)
    {
        map.StoreUInt64(Bitmap, 0b100); // <- done
        map.Persist(Bitmap, 8);
        map.StoreUInt64(Blocks + 128, 42); // <- not done
        map.Persist(Blocks + 128, 8);
        map.StoreUInt64(Head, Blocks + 128);
        map.Persist(Head, 8);
    }

    private static IEnumerable<long> Allocated(PersistentMap map)
    {
        ulong bitmap = map.ReadUInt64(Bitmap);
        return Enumerable.Range(0, 8).Where(i => (bitmap >> i & 1) != 0).Select(i => Blocks + (i * 64L));
    }

    private static IEnumerable<long> Reachable(PersistentMap map) => map.ReadUInt64(Head) is not 0 and var head ? [(long)head] : [];

    private static PersistentMap Recover(PersistentMap map, bool isBroken)
    {
        ulong used = 0;
        foreach (long block in Reachable(map))
            used |= 1UL << (int)((block - Blocks) / 64);
        if (!isBroken && used != map.ReadUInt64(Bitmap))
        {
            map.StoreUInt64(Bitmap, used);
            map.Persist(Bitmap, 8);
        }

        return map;
    }
}
