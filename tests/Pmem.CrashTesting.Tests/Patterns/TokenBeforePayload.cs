namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>1. The token that makes a slot count, and what is in the slot, become durable by one fence: in any order. As in level hashing.</summary>
internal static class TokenBeforePayload
{
    private const int Value = 0;
    private const int Token = 64;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(TokenBeforePayload))
        .OnMap(4096, granularity)
        .Step("insert", map => Insert(map, isBroken))
        .Check(map =>
        {
            if (map.ReadUInt64(Token) == 1 && map.ReadUInt64(Value) != 42)
                throw new InvalidDataException("the slot counts, and holds nothing");
        })
        .Explore();

    private static void Insert(PersistentMap map, bool isBroken)
    {
        map.StoreUInt64(Value, 42); // <- lost
        map.Flush(Value, 8);
        if (!isBroken)
            map.Drain();
        map.StoreUInt64(Token, 1); // <- there
        map.Flush(Token, 8);
        map.Drain();
    }
}
