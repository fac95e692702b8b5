namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>
/// 5. A table grows, and its new capacity counts before the new table can be reached, so that readers run over the end of the old one. As in
/// CCEH and level hashing. The remedy: the capacity lives in the table, so that one word publishes both.
/// </summary>
internal static class CapacityBeforeTable
{
    private const int Capacity = 0;
    private const int Table = 64;
    private const int Old = 256;
    private const int New = 1024;
    private const ulong Foreign = 0xDEAD;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(CapacityBeforeTable))
        .OnMap(4096, granularity)
        .Prepare(map =>
        {
            map.StoreUInt64(Old, 4);
            map.StoreUInt64(Old + 40, Foreign); // what lies behind the old table
            map.StoreUInt64(Capacity, 4);
            map.StoreUInt64(Table, Old);
            map.Persist(0, 512);
        })
        .Step("grow", map => Grow(map, isBroken))
        .Check(map =>
        {
            long table = (long)map.ReadUInt64(Table);
            ulong capacity = map.ReadUInt64(isBroken ? Capacity : table);
            for (int i = 1; i <= (int)capacity; i++)
            {
                if (map.ReadUInt64(table + (i * 8)) == Foreign)
                    throw new InvalidDataException($"slot {i} of {capacity} is not the table's");
            }
        })
        .Explore();

    private static void Grow(PersistentMap map, bool isBroken)
    {
        map.StoreUInt64(New, 8);
        map.Persist(New, 72);
        if (isBroken)
        {
            map.StoreUInt64(Capacity, 8); // <- done
            map.Persist(Capacity, 8);
        }

        map.StoreUInt64(Table, New); // <- not done
        map.Persist(Table, 8);
    }
}
