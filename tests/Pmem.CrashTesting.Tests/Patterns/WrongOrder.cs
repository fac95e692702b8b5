namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>20. Every flush and fence is there, and the order is wrong: no persistence domain helps.</summary>
internal static class WrongOrder
{
    private const int Data = 0;
    private const int Valid = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(WrongOrder))
        .OnMap(4096, granularity)
        .Step("write", map =>
        {
            Set(map, isBroken ? Valid : Data, isBroken ? 1 : 42UL); // <- done
            Set(map, isBroken ? Data : Valid, isBroken ? 42UL : 1); // <- not done
        })
        .Check(map =>
        {
            if (map.ReadUInt64(Valid) == 1 && map.ReadUInt64(Data) != 42)
                throw new InvalidDataException("valid, and empty");
        })
        .Explore();

    private static void Set(PersistentMap map, int at, ulong value)
    {
        map.StoreUInt64(at, value);
        map.Persist(at, 8);
    }
}
