using System.Numerics;

namespace Pmem.CrashTesting.Tests.Patterns;

/// <summary>13. Recovery does again what was done before the crash: a block is freed twice. As in NOVA-Fortis.</summary>
internal static class RecoveryFreesAgain
{
    private const int Journal = 0;
    private const int Bitmap = 64;
    private const int FreeBlocks = 128;

    public static CrashReport Run(bool isBroken, StoreGranularity granularity) => CrashTest
        .For(map => map, map => Recover(map, isBroken), nameof(RecoveryFreesAgain))
        .OnMap(4096, granularity)
        .Prepare(map =>
        {
            map.StoreUInt64(Bitmap, 0b111);
            map.StoreUInt64(FreeBlocks, 61);
            map.Persist(0, 192);
        })
        .Step("free block 1", Free)
        .Check(map =>
        {
            ulong free = 64 - (ulong)BitOperations.PopCount(map.ReadUInt64(Bitmap));
            if (map.ReadUInt64(FreeBlocks) != free)
                throw new InvalidDataException($"{free} blocks are free, {map.ReadUInt64(FreeBlocks)} are counted");
        })
        .CrashRecovery(imagesPerPoint: isBroken ? 0 : 16)
        .Explore();

    private static void Free(PersistentMap map)
    {
        Set(map, Journal, 1);
        Set(map, Bitmap, 0b101);
        Set(map, FreeBlocks, 62); // <- done
        Set(map, Journal, 0); // <- not done
    }

    private static PersistentMap Recover(PersistentMap map, bool isBroken)
    {
        if (map.ReadUInt64(Journal) is not 0 and var block)
        {
            Set(map, Bitmap, map.ReadUInt64(Bitmap) & ~(1UL << (int)block));
            Set(map, FreeBlocks, isBroken ? map.ReadUInt64(FreeBlocks) + 1 : 64 - (ulong)BitOperations.PopCount(map.ReadUInt64(Bitmap)));
            Set(map, Journal, 0);
        }

        return map;
    }

    private static void Set(PersistentMap map, int at, ulong value)
    {
        map.StoreUInt64(at, value);
        map.Persist(at, 8);
    }
}
