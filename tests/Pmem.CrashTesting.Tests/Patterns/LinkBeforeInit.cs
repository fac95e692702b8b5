namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>18. A node is linked before it is written: a crash in between leaves a link to garbage.</summary>
internal static class LinkBeforeInit
{
    private const int Head = 0;
    private const int Node = 256;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(LinkBeforeInit))
        .OnMap(4096, granularity)
        .Prepare(map => map.Fill(Node, 0xEE, 64))
        .Step("add", map => Add(map, isBroken))
        .Check(map =>
        {
            if (map.ReadUInt64(Head) is not 0 and var node && map.ReadUInt64((long)node) != 42)
                throw new InvalidDataException($"the list leads to garbage: 0x{map.ReadUInt64((long)node):x}");
        })
        .Explore();

    private static void Add(PersistentMap map, bool isBroken)
    {
        if (isBroken)
        {
            map.StoreUInt64(Head, Node); // <- done
            map.Persist(Head, 8);
        }

        map.StoreUInt64(Node, 42); // <- not done
        map.Persist(Node, 8);
        if (!isBroken)
        {
            map.StoreUInt64(Head, Node);
            map.Persist(Head, 8);
        }
    }
}
