namespace Pmem.Objects.Tests;

/// <summary>Creating, opening, the root, atomic allocation, iteration.</summary>
public sealed class ObjectStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pmem-store-").FullName;

    private string Pool => Path.Combine(_folder, "a.pool");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_stored_is_there_after_a_reopen()
    {
        ObjectId id;
        using (ObjectStore store = ObjectStore.Create(Pool, "layout", 16 << 20))
        {
            store.Root<Pair>().First = 5;
            store.Persist(ref store.Root<Pair>());
            id = store.Allocate(1000, 77, AllocationOptions.Zero);
            Assert.Equal(2UL, store.RunId);
        }

        using (ObjectStore store = ObjectStore.Open(Pool, "layout"))
        {
            Assert.Equal(4UL, store.RunId);
            Assert.Equal("layout", store.Layout);
            Assert.Equal(5, store.Root<Pair>().First);
            Assert.Equal(77UL, store.GetTypeNumber(id));
            Assert.Equal(id, store.First());
            Assert.True(store.Next(id).IsNull);
            Assert.Equal(1008, store.GetUsableSize(id));
        }
    }

    [Fact]
    public void A_pool_is_of_one_layout_and_one_user()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "right", 8 << 20);
        Assert.Contains("in use", Assert.Throws<PmemException>(() => ObjectStore.Open(Pool)).Message, StringComparison.Ordinal);
        store.Dispose();
        PmemFormatException wrong = Assert.Throws<PmemFormatException>(() => ObjectStore.Open(Pool, "wrong"));
        Assert.Contains("right", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => ObjectStore.Create(Pool, "right", 8 << 20));
        using ObjectStore again = ObjectStore.Open(Pool, "right");
    }

    [Theory]
    [InlineData(8 << 20)]
    [InlineData(100)]
    public void Sizes_and_layout_names_are_checked(long size)
    {
        if (size < ObjectStore.MinimumPoolSize)
            Assert.Throws<ArgumentOutOfRangeException>(() => ObjectStore.Create(Pool, "x", size));
        else
            Assert.Throws<ArgumentException>(() => ObjectStore.Create(Pool, new string('x', 1024), size));
        Assert.False(File.Exists(Pool));
    }

    [Fact]
    public void The_root_is_made_zeroed_and_grows_with_its_content()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.GetRoot(0));
        ObjectId small = store.GetRoot(100);
        Assert.Equal(-1, store.GetSpan(small).IndexOfAnyExcept((byte)0));
        store.Map.Fill((long)small.Offset, 3, 100);
        int called = 0;
        ObjectId large = store.GetRoot(5000, (_, content) =>
        {
            called++;
            Assert.True(content.Length >= 5000);
            return true;
        });
        Assert.Equal(1, called);
        Assert.Equal(5000, store.RootSize);
        Assert.Equal(-1, store.GetSpan(large)[..100].IndexOfAnyExcept((byte)3));
        Assert.Equal(-1, store.GetSpan(large)[112..5000].IndexOfAnyExcept((byte)0));
        Assert.Equal(large, store.GetRoot(10));
        Assert.True(store.First().IsNull);
        Assert.Single(store.EnumerateObjects());
        Assert.Throws<OperationCanceledException>(() => store.GetRoot(9000, (_, _) => false));
        Assert.Equal(5000, store.RootSize);
    }

    [Fact]
    public void An_id_in_the_pool_changes_with_its_object()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        ref Pair root = ref store.Root<Pair>();
        store.Allocate(ref root.Id, 100, 1);
        Assert.Equal(store.First(), root.Id);
        store.Map.Fill((long)root.Id.Offset, 9, 100);
        store.Reallocate(ref root.Id, 3000, 1, AllocationOptions.Zero);
        Assert.Equal(-1, store.GetSpan(root.Id)[..100].IndexOfAnyExcept((byte)9));
        Assert.Equal(-1, store.GetSpan(root.Id)[112..].IndexOfAnyExcept((byte)0));
        store.Reallocate(ref root.Id, 0);
        Assert.True(root.Id.IsNull);
        Assert.True(store.First().IsNull);
        store.Free(ref root.Id);

        ObjectId local = default;
        store.Allocate(ref local, 50);
        store.Free(ref local);
        Assert.True(local.IsNull);
    }

    [Fact]
    public void A_constructor_that_refuses_leaves_nothing()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        Assert.Throws<OperationCanceledException>(() => store.Allocate(100, 1, AllocationOptions.None, (_, _) => false));
        Assert.Throws<InvalidDataException>(() => store.Allocate(300_000, 1, AllocationOptions.None, (_, _) => throw new InvalidDataException()));
        Assert.True(store.First().IsNull);
        long free = store.GetHeapStatistics().FreeBytes;
        for (int i = 0; i < 100; i++)
            Assert.Throws<OperationCanceledException>(() => store.Allocate(300_000, 1, AllocationOptions.None, (_, _) => false));
        Assert.Equal(free, store.GetHeapStatistics().FreeBytes);
    }

    [Fact]
    public void Wrong_ids_are_exceptions()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        ObjectId id = store.Allocate(100);
        Assert.Throws<ArgumentException>(() => store.Free(id with { Offset = id.Offset + 8 }));
        Assert.Throws<ArgumentException>(() => store.Free(id with { Offset = 12 }));
        Assert.Throws<ArgumentException>(() => store.Free(id with { Offset = ulong.MaxValue }));
        Assert.Throws<ArgumentException>(() => store.Free(id with { PoolUuidLow = 1 }));
        Assert.Throws<ArgumentException>(() => store.GetTypeNumber(ObjectId.Null));
        Assert.Equal(0, store.GetUsableSize(ObjectId.Null));
        store.Free(ObjectId.Null);
        store.Free(id);
        Assert.Throws<ArgumentException>(() => store.Free(id));
    }

    [Fact]
    public void An_action_is_published_once()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        store.Reserve(100, 1, AllocationOptions.None, out PersistentAction action);
        Assert.True(store.First().IsNull);
        store.Publish(new Span<PersistentAction>(ref action));
        Assert.False(store.First().IsNull);
        PersistentAction used = action;
        Assert.Throws<ArgumentException>(() => store.Publish(new PersistentAction[] { used }));
        ulong local = 0;
        Assert.Throws<ArgumentException>(() => store.SetValue(ref local, 1, out _));
    }

    [Fact]
    public void A_full_store_says_so_and_everything_can_be_freed()
    {
        using ObjectStore store = ObjectStore.Create(Pool, "x", 16 << 20);
        var ids = new List<ObjectId>();
        long size = 1;
        OutOfSpaceException? full = null;
        while (full is null)
        {
            try
            {
                ids.Add(store.Allocate(size));
                size = (size * 7 % 5000) + 1;
            }
            catch (OutOfSpaceException e)
            {
                full = e;
            }
        }

        Assert.True(ids.Count > 1000);
        foreach (ObjectId id in ids)
            store.Free(id);
        Assert.True(store.First().IsNull);
        store.Free(store.Allocate(10 << 20));
        store.Dispose();
        Assert.True(ObjectStore.Check(Pool).IsConsistent);
    }

    [Fact]
    public void A_heap_of_several_zones_is_one_heap()
    {
        // Sparse: 40 GiB of address space, a few megabytes of file.
        using (File.Create(Pool))
        {
        }

        using (FileStream file = File.OpenWrite(Pool))
            file.SetLength(40L << 30);
        using (ObjectStore store = ObjectStore.Create(Pool, "zones", 0))
        {
            ObjectId first = store.Allocate(12L << 30, 1);
            ObjectId second = store.Allocate(12L << 30, 2);
            ObjectId third = store.Allocate(5000, 3);
            Assert.Equal(3, store.GetHeapStatistics().Zones);
            Assert.Equal(3, store.EnumerateObjects().Count());
            store.Free(first);
            store.Map.StoreUInt64((long)second.Offset + (11L << 30), 42);
            Assert.Equal(3UL, store.GetTypeNumber(third));
        }

        Assert.True(ObjectStore.Check(Pool).IsConsistent);
        using ObjectStore again = ObjectStore.Open(Pool);
        Assert.Equal([2UL, 3UL], again.EnumerateObjects().Select(o => o.TypeNumber).Order());
    }

    [Fact]
    public void Pools_of_the_sizes_that_overrun_a_zone_in_C_are_made_smaller()
    {
        using (File.Create(Pool))
        {
        }

        using (FileStream file = File.OpenWrite(Pool))
            file.SetLength(17_181_716_480);
        using (ObjectStore store = ObjectStore.Create(Pool, "zones", 0))
        {
            Assert.Equal(1024 + 0x3FFE80000, store.HeapSize);
            store.Allocate(100);
        }

        Assert.True(ObjectStore.Check(Pool).IsConsistent);
    }

    [Fact]
    public void A_copy_on_write_store_never_reaches_the_file()
    {
        ObjectStore.Create(Pool, "x", 8 << 20).Dispose();
        byte[] before = File.ReadAllBytes(Pool);
        DateTime written = File.GetLastWriteTimeUtc(Pool);
        using (ObjectStore store = ObjectStore.Open(Pool, "x", new ObjectStoreOptions { CopyOnWrite = true }))
        {
            store.GetRoot(100);
            store.Allocate(1000);
        }

        Assert.Equal(before, File.ReadAllBytes(Pool));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Pool));
    }

    private struct Pair
    {
        public long First;
        public ObjectId Id;
    }
}
