namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>12. A record and its replica are written in one epoch: a crash can spoil both, and nothing is left to recover from. As in NOVA-Fortis.</summary>
internal static class ReplicaWithoutFence
{
    private const int Primary = 0;
    private const int Replica = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, Recover, nameof(ReplicaWithoutFence))
        .OnMap(4096, granularity)
        .Prepare(map => Write(map, 1, isBroken: false))
        .Step("write 2", map => Write(map, 2, isBroken))
        .Observe(map => map.ReadUInt64(Primary))
        .CrashRecovery()
        .Explore();

    private static void Write(PersistentMap map, ulong value, bool isBroken)
    {
        Put(map, Primary, value);
        if (!isBroken)
            map.Drain();
        Put(map, Replica, value);
        map.Drain();
    }

    private static void Put(PersistentMap map, int at, ulong value)
    {
        map.StoreUInt64(at, value); // <- there
        map.StoreUInt64(at + 8, ~value); // <- lost
        map.Flush(at, 16);
    }

    private static bool IsValid(PersistentMap map, int at) => map.ReadUInt64(at) == ~map.ReadUInt64(at + 8);

    private static PersistentMap Recover(PersistentMap map)
    {
        bool primary = IsValid(map, Primary);
        if (!primary && !IsValid(map, Replica))
            throw new InvalidDataException("neither the record nor its replica is valid");
        int good = primary ? Primary : Replica;
        Put(map, primary ? Replica : Primary, map.ReadUInt64(good));
        map.Drain();
        return map;
    }
}
