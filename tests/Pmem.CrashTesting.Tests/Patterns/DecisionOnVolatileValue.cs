namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>15. One thread reads what another stored and did not persist yet, and persists what follows from it. The remedy: the reader persists what it read first.</summary>
internal static class DecisionOnVolatileValue
{
    private const int Request = 0;
    private const int Answer = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(DecisionOnVolatileValue))
        .OnMap(4096, granularity)
        .Step("ask and answer", map => Turns.Interrupt(map, Ask, other => Reply(other, isBroken)))
        .Check(map =>
        {
            if (map.ReadUInt64(Answer) != 0 && map.ReadUInt64(Request) == 0)
                throw new InvalidDataException("answered, and never asked");
        })
        .Explore();

    private static void Ask(PersistentMap map, Action interrupt)
    {
        map.StoreUInt64(Request, 1); // <- lost
        interrupt();
        map.Persist(Request, 8);
    }

    private static void Reply(PersistentMap map, bool isBroken)
    {
        if (map.ReadUInt64(Request) != 1)
            return;
        if (!isBroken)
            map.Persist(Request, 8);
        map.StoreUInt64(Answer, 1); // <- there
        map.Persist(Answer, 8);
    }
}
