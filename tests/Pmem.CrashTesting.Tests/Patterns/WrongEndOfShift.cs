namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>
/// 3. A sorted array is shifted by one, from the end; each line must be durable before the one below it changes. The condition looks at where a
/// record comes from instead of where it goes, and flushes one record too early. As in FAST&amp;FAIR.
/// </summary>
internal static class WrongEndOfShift
{
    private const int PerLine = 8;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(WrongEndOfShift))
        .OnMap(4096, granularity)
        .Prepare(map =>
        {
            for (int i = 0; i < 10; i++)
                map.StoreUInt64(i * 8, (ulong)i + 2);
            map.Persist(0, 80);
        })
        .Step("insert 1", map => InsertFirst(map, 1, isBroken))
        .Check(map =>
        {
            for (ulong key = 2; key < 12; key++)
            {
                if (!Enumerable.Range(0, 11).Any(i => map.ReadUInt64(i * 8) == key))
                    throw new InvalidDataException($"key {key} is lost");
            }
        })
        .Explore();

    private static void InsertFirst(PersistentMap map, ulong key, bool isBroken)
    {
        for (int to = 10; to > 0; to--)
        {
            map.StoreUInt64(to * 8, map.ReadUInt64((to - 1) * 8)); // <- lost, there
            bool lineIsDone = isBroken ? (to - 1) % PerLine == 0 : to % PerLine == 0;
            if (lineIsDone)
                map.Persist(to * 8, 8);
        }

        map.StoreUInt64(0, key);
        map.Persist(0, 88);
    }
}
