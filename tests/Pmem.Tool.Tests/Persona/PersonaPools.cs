using Pmem.Blocks;
using Pmem.Blocks.Layout;
using Pmem.Logs;
using Pmem.Objects;

namespace Pmem.Tool.Tests.Persona;

/// <summary>One pool of each kind, with something of everything in it.</summary>
internal static class PersonaPools
{
    private static readonly int[] s_sizes = [10, 64, 100, 127, 128, 500, 1000, 4000, 9000, 40_000, 200_000];

    public static void Objects(string path)
    {
        using ObjectStore store = ObjectStore.Create(path, "persona", 64 << 20);
        store.GetRoot(3000);
        var ids = new List<ObjectId>();
        for (int i = 0; i < 300; i++)
            ids.Add(store.Allocate(s_sizes[i * 7 % s_sizes.Length], (ulong)(1 + (i % 8))));
        for (int i = 0; i < ids.Count; i += 3)
            store.Free(ids[i]);
        store.Allocate(3_000_000, 77);
        ObjectId gap = store.Allocate(600_000, 78);
        store.Allocate(700_000, 79);
        store.Free(gap);
    }

    public static void Log(string path)
    {
        using PersistentLog log = PersistentLog.Create(path, 2 << 20);
        log.Append([.. Enumerable.Range(0, 5433).Select(i => (byte)(i * i / 7))]);
    }

    public static void Blocks(string path)
    {
        using BlockPool pool = BlockPool.Create(path, 512, 20 << 20);
        Fill(pool.Table);
    }

    public static void Bare(string path)
    {
        using PersistentMap map = PersistentMap.Create(path, 20 << 20);
        using var table = BlockTranslationTable.Create(map, PoolHeaderSize, map.Length - PoolHeaderSize, BttFormat.Pmdk, 512);
        Fill(table);
    }

    private const int PoolHeaderSize = 4096;

    private static void Fill(BlockTranslationTable table)
    {
        byte[] block = new byte[512];
        foreach (int number in (ReadOnlySpan<int>)[3, 5, 7, 40_000, 3])
        {
            Array.Fill(block, (byte)number);
            block[number % 512] ^= 0xFF;
            table.Write(number, block);
        }

        table.Zero(7);
        table.SetError(9);
    }
}
