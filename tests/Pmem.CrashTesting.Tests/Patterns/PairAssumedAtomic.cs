using System.Runtime.Intrinsics;
using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>16. A pointer and its version are stored with one instruction of 16 bytes, which a crash tears. The remedy: two places, and a word that chooses.</summary>
internal static class PairAssumedAtomic
{
    private const int Chosen = 0;
    private const int Pairs = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(PairAssumedAtomic))
        .OnMap(4096, granularity)
        .Step("set", map => Set(map, pointer: 0x1000, isBroken))
        .Check(map =>
        {
            long pair = Pairs + ((long)map.ReadUInt64(Chosen) * 64);
            if (map.ReadUInt64(pair) >> 12 != map.ReadUInt64(pair + 8))
                throw new InvalidDataException("pointer and version are of different pairs");
        })
        .Explore();

    private static void Set(PersistentMap map, ulong pointer, bool isBroken)
    {
        Vector128<ulong> pair = Vector128.Create(pointer, pointer >> 12);
        if (isBroken)
        {
            PersistenceTrace.Note(map, TraceNote.CommitWord, Pairs, 16);
            map.Store(Pairs, pair); // <- torn, PMC008
            map.Persist(Pairs, 16);
            return;
        }

        PersistenceTrace.Note(map, TraceNote.CommitWord, Chosen, 8);
        ulong other = map.ReadUInt64(Chosen) ^ 1;
        map.Store(Pairs + ((long)other * 64), pair);
        map.Persist(Pairs + ((long)other * 64), 16);
        map.StoreUInt64(Chosen, other);
        map.Persist(Chosen, 8);
    }
}
