namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>2. Two words that belong together are changed one after the other. The remedy here: they share one word of 8 bytes.</summary>
internal static class TwoWordsWithoutLog
{
    private const int Used = 0;
    private const int Free = 8;
    private const int Both = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(TwoWordsWithoutLog))
        .OnMap(4096, granularity)
        .Prepare(map => Set(map, isBroken, used: 5, free: 3))
        .Step("take one", map => Set(map, isBroken, used: 6, free: 2))
        .Check(map =>
        {
            ulong sum = isBroken ? map.ReadUInt64(Used) + map.ReadUInt64(Free) : (map.ReadUInt64(Both) >> 32) + (map.ReadUInt64(Both) & uint.MaxValue);
            if (sum != 8)
                throw new InvalidDataException($"{sum} slots instead of 8");
        })
        .Explore();

    private static void Set(PersistentMap map, bool isBroken, ulong used, ulong free)
    {
        if (isBroken)
        {
            map.StoreUInt64(Used, used); // <- done
            map.StoreUInt64(Free, free); // <- not done
            map.Persist(Used, 16);
        }
        else
        {
            map.StoreUInt64(Both, (used << 32) | free);
            map.Persist(Both, 8);
        }
    }
}
