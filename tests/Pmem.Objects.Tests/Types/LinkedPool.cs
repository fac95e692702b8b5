using Pmem.Objects.Tests.Crash;
using Pmem.Objects.Types;

namespace Pmem.Objects.Tests.Types;

/// <summary>
/// A pool in which everything hangs together: a root with a list, an array of offsets, a link into a large object, and an object that nobody described
/// and that holds the only link to another.
/// </summary>
internal sealed class LinkedPool : IDisposable
{
    public const long Size = 16 << 20;
    public const ulong Node = 1;
    public const ulong Payload = 2;
    public const ulong Table = 3;
    public const ulong Large = 4;
    public const ulong Unknown = 9;

    public const string Json = """
        {
          "layout": "linked",
          "root": { "links": [
            { "name": "head", "offset": 0, "target": 1 },
            { "name": "table", "offset": 16, "target": "0x3" },
            { "name": "cursor", "offset": 32, "kind": "offset", "interior": true },
            { "name": "other", "offset": 40 },
          ] },
          "types": {
            "1": { "name": "node", "links": [ { "name": "next", "offset": 0, "target": 1 }, { "name": "payload", "offset": 16, "target": 2 } ] },
            "2": { "name": "payload" },
            "3": { "name": "table", "links": [ { "name": "slots", "offset": 8, "kind": "offset", "countAt": 0, "countSize": 4, "target": 2 } ] },
            "4": { "name": "large", "links": [] }
          }
        }
        """;

    private static readonly Lazy<byte[]> s_sound = new(Create);

    public LinkedPool()
    {
        Map = PersistentMap.CreateAnonymous(Size);
        Map.Copy(0, s_sound.Value);
    }

    public PersistentMap Map { get; }

    public static ObjectTypes Types { get; } = ObjectTypes.Parse(System.Text.Encoding.UTF8.GetBytes(Json));

    /// <summary>Objects of a type, in heap order.</summary>
    public List<long> Objects(ulong type) => [.. ObjectStore.Open(Map).EnumerateObjects().Where(o => o.TypeNumber == type && !o.IsInternal).Select(o => o.Offset)];

    public long Root => (long)Map.ReadUInt64(0x1800);

    public ulong Uuid => ObjectStore.Open(Map).PoolUuidLow;

    /// <summary>What the pool holds.</summary>
    public string Content => CrashHarness.Describe(ObjectStore.Open(Map));

    public void Word(long offset, ulong value)
    {
        Map.StoreUInt64(offset, value);
        Map.Persist(offset, sizeof(ulong));
    }

    public void Id(long offset, ulong pool, ulong target)
    {
        Word(offset, pool);
        Word(offset + sizeof(ulong), target);
    }

    public void Dispose() => Map.Dispose();

    private static byte[] Create()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(Size);
        ObjectStore store = ObjectStore.Create(map, "linked");
        store.GetRoot(64);
        ObjectId head = default;
        for (int i = 0; i < 12; i++)
        {
            ObjectId node = store.Allocate(48, Node, AllocationOptions.Zero);
            Put(node, 0, head);
            if (i % 3 != 0)
                Put(node, 16, store.Allocate(200, Payload, AllocationOptions.Zero));
            head = node;
        }

        ObjectId table = store.Allocate(8 + (6 * 8), Table, AllocationOptions.Zero);
        map.Copy((long)table.Offset, BitConverter.GetBytes(5));
        for (int i = 0; i < 5; i++)
            map.StoreUInt64((long)table.Offset + 8 + (i * 8), i == 2 ? 0 : store.Allocate(200, Payload, AllocationOptions.Zero).Offset);
        ObjectId large = store.Allocate(3_000_000, Large, AllocationOptions.Zero);
        ObjectId unknown = store.Allocate(100, Unknown, AllocationOptions.Zero);
        map.StoreUInt64((long)unknown.Offset + 24, store.Allocate(200, Payload, AllocationOptions.Zero).Offset);
        var root = new ObjectId(store.PoolUuidLow, (ulong)store.RootOffset);
        Put(root, 0, head);
        Put(root, 16, table);
        map.StoreUInt64((long)root.Offset + 32, large.Offset + 300_000);
        Put(root, 40, unknown);

        byte[] image = map.GetSpan(0, (int)Size).ToArray();
        image.AsSpan(Pools.PoolHeader.ShutdownStatePosition, Pools.ShutdownState.Size).Clear();
        return image;

        void Put(ObjectId owner, long at, ObjectId target)
        {
            map.StoreUInt64((long)owner.Offset + at, target.PoolUuidLow);
            map.StoreUInt64((long)owner.Offset + at + 8, target.Offset);
        }
    }
}
