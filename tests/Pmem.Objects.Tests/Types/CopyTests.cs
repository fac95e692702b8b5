using System.Globalization;
using System.Text;
using Pmem.Objects.Types;

namespace Pmem.Objects.Tests.Types;

/// <summary>A copy holds the same objects and links at new places, without the holes; and it is refused when a link could be missed.</summary>
public sealed class CopyTests : IDisposable
{
    private static readonly ObjectTypes s_types = LinkedPool.Types with
    {
        Types = new Dictionary<ulong, ObjectType>(LinkedPool.Types.Types) { [LinkedPool.Unknown] = new("once unknown", [new LinkField(24) { Kind = LinkKind.Offset }]) },
    };

    private readonly string _folder = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-copy-{Guid.NewGuid():n}")).FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_copy_has_the_same_objects_and_links_and_no_holes()
    {
        string path = Save(store =>
        {
            // Many objects, of which nine in ten go again.
            ObjectId[] ids = [.. Enumerable.Range(0, 3000).Select(_ => store.Allocate(600, LinkedPool.Payload, AllocationOptions.Zero))];
            ObjectId table = store.Allocate(8 + (300 * 8), LinkedPool.Table, AllocationOptions.Zero);
            store.Map.StoreUInt64((long)table.Offset, 300);
            for (int i = 0; i < ids.Length; i++)
            {
                if (i % 10 != 0)
                    store.Free(ids[i]);
                else
                    store.Map.StoreUInt64((long)table.Offset + 8 + (i / 10 * 8), ids[i].Offset);
            }

            // The end of the list gets it: the type of the link is not judged, there is none.
            store.Map.StoreUInt64(store.RootOffset + 40, store.PoolUuidLow);
            store.Map.StoreUInt64(store.RootOffset + 48, table.Offset);
        });
        string before = Walk(path, out ulong runId);
        string copy = Path.Combine(_folder, "copy.pool");
        StoreCopyResult result = ObjectStore.Copy(path, copy, 0, s_types, leaveUnreachable: true);
        Assert.Equal(2, result.LeftOut); // what the root led to before
        Assert.True(result.NewChunks < result.OldChunks, $"{result.OldChunks} chunks, then {result.NewChunks}");
        Assert.Empty(ObjectStore.Check(copy, s_types).Problems);
        Assert.Equal(before, Walk(copy, out ulong newRunId));
        Assert.True(newRunId > runId, "no lock may seem to have been taken in a run of the new pool");
        Assert.DoesNotContain(Directory.GetFiles(Path.GetDirectoryName(copy)!), file => file.Contains("partial", StringComparison.Ordinal));

        string small = Path.Combine(_folder, "small.pool");
        ObjectStore.Copy(path, small, 12 << 20, s_types, leaveUnreachable: true);
        Assert.Equal(12 << 20, new FileInfo(small).Length);
        Assert.Equal(before, Walk(small, out _));
    }

    [Fact]
    public void What_is_not_known_or_not_right_is_refused_and_nothing_is_left_behind()
    {
        string path = Save(_ => { });
        string copy = Path.Combine(_folder, "copy.pool");
        Assert.Contains("type 9", Refuse(LinkedPool.Types), StringComparison.Ordinal);
        Assert.Contains("type 0", Refuse(s_types with { Root = null }), StringComparison.Ordinal);
        using (ObjectStore store = ObjectStore.Open(path))
            store.Allocate(100, LinkedPool.Payload);
        Assert.Contains("nothing leads to 1 object", Refuse(s_types), StringComparison.Ordinal);
        using (ObjectStore store = ObjectStore.Open(path))
        {
            store.Map.StoreUInt64(store.RootOffset + 8, 4096);
            store.Map.Persist(store.RootOffset, 64);
        }

        Assert.Contains("link root.head", Refuse(s_types), StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFiles(_folder));
        File.WriteAllText(copy, "mine");
        Assert.Throws<IOException>(() => ObjectStore.Copy(path, copy, 0, s_types));
        Assert.Equal("mine", File.ReadAllText(copy));

        string Refuse(ObjectTypes types) => Assert.Throws<PmemException>(() => ObjectStore.Copy(path, copy, 0, types)).Message;
    }

    [Fact]
    public void A_pool_that_is_open_is_not_copied()
    {
        string path = Save(_ => { });
        string copy = Path.Combine(_folder, "copy.pool");
        using (ObjectStore.Open(path))
            Assert.True(Assert.Throws<PmemException>(() => ObjectStore.Copy(path, copy, 0, s_types, leaveUnreachable: true)).IsBusy);
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_copy_that_does_not_fit_leaves_nothing_behind()
    {
        string path = Save(store =>
        {
            store.Map.StoreUInt64(store.RootOffset + 40, store.PoolUuidLow);
            store.Map.StoreUInt64(store.RootOffset + 48, store.Allocate(4_000_000, LinkedPool.Large).Offset);
        });
        Assert.Throws<OutOfSpaceException>(() => ObjectStore.Copy(path, Path.Combine(_folder, "copy.pool"), 8 << 20, s_types, leaveUnreachable: true));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    private string Save(Action<ObjectStore> change)
    {
        string path = Path.Combine(_folder, "linked.pool");
        using (var pool = new LinkedPool())
            File.WriteAllBytes(path, pool.Map.GetSpan(0, (int)LinkedPool.Size).ToArray());
        using ObjectStore store = ObjectStore.Open(path);
        foreach (StoreObject found in store.EnumerateObjects().Where(o => o.TypeNumber == LinkedPool.Payload).ToList())
            store.Map.Fill(found.Offset, (byte)(found.Offset / 64), 200); // so that they can be told apart
        change(store);
        store.Map.Persist(0, store.Map.Length);
        return path;
    }

    /// <summary>Everything that the root leads to, by what it holds and not by where it is.</summary>
    private static string Walk(string path, out ulong runId)
    {
        using ObjectStore store = ObjectStore.Open(path);
        runId = store.RunId;
        var text = new StringBuilder();
        long root = store.RootOffset;
        for (long node = Link(root); node != 0; node = Link(node))
            text.Append(CultureInfo.InvariantCulture, $"node {(Link(node + 16) is var payload and not 0 ? Content(payload) : "-")}\n");
        foreach (long table in (long[])[Link(root + 16), Link(root + 40)])
        {
            text.Append(CultureInfo.InvariantCulture, $"type {store.GetTypeNumber(new ObjectId(store.PoolUuidLow, (ulong)table))}\n");
            uint count = store.Map.Read<uint>(table);
            for (int i = 0; i < count && i < 400; i++)
                text.Append(CultureInfo.InvariantCulture, $"slot {(store.Map.ReadUInt64(table + 8 + (i * 8)) is var slot and not 0 ? Content((long)slot) : "-")}\n");
        }

        long cursor = (long)store.Map.ReadUInt64(root + 32);
        StoreObject large = store.EnumerateObjects().Single(o => o.TypeNumber == LinkedPool.Large);
        return text.Append(CultureInfo.InvariantCulture, $"cursor {cursor - large.Offset} {store.RootSize}").ToString();

        long Link(long at) => store.Map.ReadUInt64(at) == store.PoolUuidLow ? (long)store.Map.ReadUInt64(at + 8) : 0;

        string Content(long at) => $"{store.Map.Read<byte>(at)} {store.Map.Read<byte>(at + 199)}";
    }
}
