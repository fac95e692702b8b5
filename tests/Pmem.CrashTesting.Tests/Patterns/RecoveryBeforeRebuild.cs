namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>13. Recovery uses an index in ordinary memory that has not been rebuilt yet. As in PMFS.</summary>
internal sealed class RecoveryBeforeRebuild
{
    private const int Log = 0; // key, value, 1 when it counts
    private const int Entries = 256; // key and value of four entries
    private readonly PersistentMap _map;
    private readonly Dictionary<ulong, long> _index = [];

    private RecoveryBeforeRebuild(PersistentMap map, bool isBroken)
    {
        _map = map;
        if (isBroken)
        {
            Replay();
            Rebuild();
        }
        else
        {
            Rebuild();
            Replay();
        }
    }

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => new RecoveryBeforeRebuild(map, isBroken), nameof(RecoveryBeforeRebuild))
        .OnMap(4096, granularity)
        .Step("set", table => table.Set(key: 3, value: 9))
        .Observe(table => table._map.ReadUInt64(table._index[3] + 8))
        .CrashRecovery()
        .Explore();

    private void Set(ulong key, ulong value)
    {
        _map.StoreUInt64(Log, key);
        _map.StoreUInt64(Log + 8, value);
        _map.Persist(Log, 16);
        _map.StoreUInt64(Log + 16, 1); // <- done
        _map.Persist(Log + 16, 8);
        Apply();
    }

    private void Replay()
    {
        if (_map.ReadUInt64(Log + 16) == 1)
            Apply();
    }

    private void Apply()
    {
        long entry = _index[_map.ReadUInt64(Log)]; // <- thrown
        _map.StoreUInt64(entry + 8, _map.ReadUInt64(Log + 8)); // <- not done
        _map.Persist(entry + 8, 8);
        _map.StoreUInt64(Log + 16, 0);
        _map.Persist(Log + 16, 8);
    }

    private void Rebuild()
    {
        for (ulong key = 0; key < 4; key++)
            _index[key] = Entries + ((long)key * 16);
    }
}
