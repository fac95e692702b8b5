namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>6. What is flushed is the pointer, not what it points to: <c>flush(&amp;p)</c> for <c>flush(p)</c>. As in P-HOT.</summary>
internal static class PointerFlushed
{
    private const int Head = 0;
    private const int Node = 512;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(PointerFlushed))
        .OnMap(4096, granularity)
        .Step("link", map => Link(map, isBroken))
        .Check(map =>
        {
            if (map.ReadUInt64(Head) is not 0 and var node && map.ReadUInt64((long)node) != 42)
                throw new InvalidDataException("the head leads to a node that was never written");
        })
        .Explore();

    private static void Link(PersistentMap map, bool isBroken)
    {
        map.StoreUInt64(Node, 42); // <- lost, PMC001
        if (isBroken)
            map.Flush(Head, 8); // <- PMC003
        else
            map.Flush(Node, 8);
        map.Drain();
        map.StoreUInt64(Head, Node); // <- there
        map.Persist(Head, 8);
    }
}
