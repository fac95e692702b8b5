namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>19. A worker flushes, and the thread that gave it the work fences: a fence waits only for the flushes of its own thread.</summary>
internal static class FenceOnOtherThread
{
    private const int Data = 0;
    private const int Valid = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(FenceOnOtherThread))
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
        map.StoreUInt64(Data, 42); // <- lost, PMC002
        Turns.OnThread(() =>
        {
            map.Flush(Data, 8);
            if (!isBroken)
                map.Drain();
        });
        if (isBroken)
            map.Drain(); // <- PMC005
        map.StoreUInt64(Valid, 1); // <- there
        map.Persist(Valid, 8);
    }
}
