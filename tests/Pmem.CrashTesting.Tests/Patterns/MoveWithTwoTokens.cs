using System.Numerics;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>9. An entry moves by setting one token and clearing another: in between it is there twice, or not at all. As in level hashing. The remedy: both tokens are bits of one word.</summary>
internal static class MoveWithTwoTokens
{
    private const int Tokens = 0; // one word a slot in the broken version, one bit a slot in the other
    private const int Slots = 256;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(MoveWithTwoTokens))
        .OnMap(4096, granularity)
        .Prepare(map =>
        {
            map.StoreUInt64(Slots, 42);
            map.StoreUInt64(Tokens, 1);
            map.Persist(0, 512);
        })
        .Step("move", map => Move(map, isBroken))
        .Check(map =>
        {
            ulong count = isBroken ? map.ReadUInt64(Tokens) + map.ReadUInt64(Tokens + 64) : (ulong)BitOperations.PopCount(map.ReadUInt64(Tokens));
            if (count != 1)
                throw new InvalidDataException($"the entry is there {count} times");
        })
        .Explore();

    private static void Move(PersistentMap map, bool isBroken)
    {
        map.StoreUInt64(Slots + 64, map.ReadUInt64(Slots));
        map.Persist(Slots + 64, 8);
        if (isBroken)
        {
            map.StoreUInt64(Tokens + 64, 1); // <- done
            map.Persist(Tokens + 64, 8);
            map.StoreUInt64(Tokens, 0); // <- not done
        }
        else
        {
            map.StoreUInt64(Tokens, 0b10);
        }

        map.Persist(Tokens, 8);
    }
}
