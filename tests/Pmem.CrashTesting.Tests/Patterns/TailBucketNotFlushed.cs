namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>7. The loop that flushes a chain of buckets ends one bucket too early. As in P-CLHT.</summary>
internal static class TailBucketNotFlushed
{
    private const int Root = 0;
    private const int First = 256;
    private const int Buckets = 3;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(TailBucketNotFlushed))
        .OnMap(4096, granularity)
        .Step("resize", map => Resize(map, isBroken))
        .Check(map =>
        {
            int count = 0;
            for (long at = (long)map.ReadUInt64(Root); at != 0; at = (long)map.ReadUInt64(at + 8))
                count += map.ReadUInt64(at) != 0 ? 1 : 0;
            if (map.ReadUInt64(Root) != 0 && count != Buckets)
                throw new InvalidDataException($"{count} of {Buckets} buckets have their key");
        })
        .Explore();

    private static void Resize(PersistentMap map, bool isBroken)
    {
        for (int i = 0; i < Buckets; i++)
        {
            map.StoreUInt64(First + (i * 64), (ulong)i + 100); // <- lost, PMC001
            if (i + 1 < Buckets)
                map.StoreUInt64(First + (i * 64) + 8, (ulong)(First + ((i + 1) * 64)));
        }

        for (long at = First; isBroken ? map.ReadUInt64(at + 8) != 0 : at != 0; at = (long)map.ReadUInt64(at + 8))
            map.Flush(at, 16);
        map.Drain();
        map.StoreUInt64(Root, First); // <- there
        map.Persist(Root, 8);
    }
}
