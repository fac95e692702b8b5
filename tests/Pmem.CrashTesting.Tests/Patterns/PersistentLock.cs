namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>
/// 14. A lock word is in persistent memory, and a crash leaves it locked: another thread that persists a neighbour of the word is enough. The
/// remedy: recovery unlocks, because nobody holds a lock then.
/// </summary>
internal static class PersistentLock
{
    private const int LockWord = 0;
    private const int Visits = 8; // on the same line
    private const int Data = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, map => Recover(map, isBroken), nameof(PersistentLock))
        .OnMap(4096, granularity)
        .Step("change while another counts", map => Turns.Interrupt(map, Change, Count))
        .Then(map =>
        {
            if (!TryEnter(map))
                throw new InvalidOperationException("locked, and nobody is there to unlock"); // <- thrown
            Exit(map);
        })
        .Explore(CrashTest<PersistentMap>.DefaultOptions with { ProcessKills = false });

    private static void Change(PersistentMap map, Action interrupt)
    {
        TryEnter(map);
        interrupt();
        map.StoreUInt64(Data, 1);
        map.Persist(Data, 8);
        Exit(map);
    }

    private static void Count(PersistentMap map)
    {
        map.StoreUInt64(Visits, 1);
        map.Persist(Visits, 8);
    }

    private static bool TryEnter(PersistentMap map) => map.CompareExchangeUInt64(LockWord, 1, 0) == 0; // <- there

    private static void Exit(PersistentMap map)
    {
        map.StoreUInt64(LockWord, 0);
        map.Persist(LockWord, 8);
    }

    private static PersistentMap Recover(PersistentMap map, bool isBroken)
    {
        if (!isBroken && map.ReadUInt64(LockWord) != 0)
            Exit(map);
        return map;
    }
}
