namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>
/// 8. A compare-and-swap publishes a node that is not durable; another thread builds on it, and its work is durable first. As in P-HOT and the
/// persistent Bw-tree. A locked instruction is a fence, but no flush.
/// </summary>
internal static class CasBeforePersist
{
    private const int Head = 0;
    private const int NodeOfA = 256;
    private const int NodeOfB = 512;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(CasBeforePersist))
        .OnMap(4096, granularity)
        .Step("two pushes", map =>
        {
            Turns.Interrupt(
                map,
                (_, interrupt) => Push(map, NodeOfA, 1, isBroken, interrupt),
                _ => Push(map, NodeOfB, 2, isBroken, () => { }));
        })
        .Check(map =>
        {
            for (long node = (long)map.ReadUInt64(Head); node != 0; node = (long)map.ReadUInt64(node + 8))
            {
                if (map.ReadUInt64(node) == 0)
                    throw new InvalidDataException($"the node at 0x{node:x} is on the stack, and empty");
            }
        })
        .Explore();

    private static void Push(PersistentMap map, ulong node, ulong value, bool isBroken, Action published)
    {
        ulong head;
        map.StoreUInt64((long)node, value); // <- lost
        do
        {
            head = map.ReadUInt64(Head);
            map.StoreUInt64((long)node + 8, head);
            if (!isBroken)
                map.Persist((long)node, 16);
        }
        while (map.CompareExchangeUInt64(Head, node, head) != head); // <- there
        published();
        if (isBroken)
            map.Flush((long)node, 16);
        map.Persist(Head, 8);
    }
}
