namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>20. The right order and no flush: correct where caches survive (eADR), wrong where they do not (ADR).</summary>
internal static class NoFlushAtAll
{
    private const int Data = 0;
    private const int Valid = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(NoFlushAtAll))
        .OnMap(4096, granularity)
        .Step("write", map => Write(map, isBroken))
        .Check(map =>
        {
            if (map.ReadUInt64(Valid) == 1 && map.ReadUInt64(Data) != 42)
                throw new InvalidDataException("valid, and empty");
        })
        .Explore();

    private static void Write(PersistentMap map, bool isBroken)
    {
        map.StoreUInt64(Data, 42); // <- lost, PMC001
        if (!isBroken)
            map.Flush(Data, 8);
        map.Drain();
        map.StoreUInt64(Valid, 1); // <- there, PMC001
        if (!isBroken)
            map.Flush(Valid, 8);
        map.Drain();
    }
}
