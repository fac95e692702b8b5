using System.Buffers.Binary;
using Pmem.Blocks.Layout;

namespace Pmem.Blocks.Tests;

/// <summary>Small pools in memory, and blocks with recognisable content.</summary>
internal static class TestPools
{
    public const long Size = BlockPool.MinimumPoolSize;

    /// <summary>A pool of the smallest size, in memory that behaves like persistent memory.</summary>
    public static BlockPool New(int blockSize = 4096, StoreGranularity granularity = StoreGranularity.CacheLine) =>
        BlockPool.Create(PersistentMap.CreateAnonymous(Size, granularity), blockSize, isZeroed: true);

    /// <summary>Opens the pool's bytes again, in a map of their own, as after the death of the process.</summary>
    public static BlockPool Reopen(BlockPool pool, BlockDeviceOptions? options = null) => BlockPool.Open(CopyOf(pool.Map), options: options);

    public static PersistentMap CopyOf(PersistentMap map)
    {
        var copy = PersistentMap.CreateAnonymous(map.Length);
        copy.Copy(0, map.GetSpan(0, (int)map.Length), CopyHints.NoFlush);
        return copy;
    }

    /// <summary>Content that says which block and which version it is, in every word.</summary>
    public static byte[] Content(int blockSize, long block, uint version)
    {
        byte[] bytes = new byte[blockSize];
        for (int i = 0; i < blockSize; i++)
            bytes[i] = (byte)((block * 31) + (version * 7) + (i * 13) + (i >> 8) + 1);
        if (blockSize >= 16)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, block);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(blockSize - 4), version);
        }

        return bytes;
    }

    public static byte[] Read(IBlockDevice device, long block)
    {
        byte[] bytes = new byte[device.BlockSize];
        device.Read(block, bytes);
        return bytes;
    }

    /// <summary>Where things are in arena 0 of a pool.</summary>
    public static BttInfo Info(BlockPool pool) => pool.Map.Read<BttInfo>(BlockPool.DataPosition);

    public static long FlogAt(BlockPool pool, int lane) => BlockPool.DataPosition + (long)Info(pool).FlogOffset + (lane * (long)BttLayout.FlogEntrySize);

    public static long MapAt(BlockPool pool, uint block) => BlockPool.DataPosition + (long)Info(pool).MapOffset + (block * (long)BttLayout.MapEntrySize);

    public static long CopyAt(BlockPool pool) => BlockPool.DataPosition + (long)Info(pool).InfoOffset;

    public static void Patch(PersistentMap map, long at, params ReadOnlySpan<byte> bytes) => map.Copy(at, bytes);
}
