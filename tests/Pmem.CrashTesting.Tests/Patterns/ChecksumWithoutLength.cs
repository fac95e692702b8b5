namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>17. A checksum makes one fence enough for a whole record, but it does not cover the length, which lies on another line: an old length is accepted.</summary>
internal static class ChecksumWithoutLength
{
    private const int Length = 56;
    private const int Sum = 64;
    private const int Payload = 72;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, nameof(ChecksumWithoutLength))
        .OnMap(4096, granularity)
        .Step("append", map => Append(map, length: 16, isBroken))
        .Check(map =>
        {
            bool isRecord = map.ReadUInt64(Sum) == Checksum(map, isBroken);
            if (isRecord && map.ReadUInt64(Length) != 16)
                throw new InvalidDataException($"a record of 16 bytes came back with {map.ReadUInt64(Length)}");
        })
        .Explore();

    private static void Append(PersistentMap map, ulong length, bool isBroken)
    {
        map.StoreUInt64(Length, length); // <- lost
        map.StoreUInt64(Payload, 0x1111);
        map.StoreUInt64(Payload + 8, 0x2222);
        map.StoreUInt64(Sum, Checksum(map, isBroken)); // <- there
        map.Persist(Length, 32);
    }

    private static ulong Checksum(PersistentMap map, bool isBroken)
    {
        ulong sum = (0x9E3779B97F4A7C15 ^ map.ReadUInt64(Payload)) * 31;
        sum = (sum ^ map.ReadUInt64(Payload + 8)) * 31;
        return isBroken ? sum : (sum ^ map.ReadUInt64(Length)) * 31;
    }
}
