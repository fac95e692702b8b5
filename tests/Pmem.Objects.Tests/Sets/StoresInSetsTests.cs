using System.Runtime.Versioning;
using Pmem.Pools;
using Pmem.Pools.Checking;

namespace Pmem.Objects.Tests.Sets;

[SupportedOSPlatform("linux")]
public sealed class StoresInSetsTests : IDisposable
{
    private const long Mega = 1 << 20;

    private readonly StoreFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Objects_may_cross_from_one_part_into_the_next()
    {
        string set = _folder.Write("a.set", "8M a", "10M b", "8M c");
        byte[] content = new byte[9 * Mega];
        new Random(4).NextBytes(content);
        long offset;
        using (ObjectStore store = ObjectStore.Create(set, "sets", 0))
        {
            using Transaction tx = store.BeginTransaction();
            ObjectId id = tx.Allocate(content.Length, 3);
            store.Map.Copy((long)id.Offset, content);
            tx.Commit();
            offset = (long)id.Offset;
        }

        Assert.InRange(offset, 0, 8 * Mega);
        using ObjectStore again = ObjectStore.Open(set, "sets");
        Assert.True(content.AsSpan().SequenceEqual(again.Map.GetSpan(offset, content.Length)));
        Assert.Equal(set, again.Path);
        Assert.Equal((26 * Mega) - 8192, again.Size);
    }

    [Fact]
    public void A_store_in_folders_grows_until_the_reservation_is_used_up()
    {
        string set = _folder.Write("a.set", "OPTION SINGLEHDR", "40M one/", "30M two/");
        int objects = 0;
        using (ObjectStore store = ObjectStore.Create(set, "grow", 0, new ObjectStoreOptions { GrowthSize = 16 * Mega }))
        {
            Assert.Equal(70 * Mega, store.MaximumSize);
            Assert.Throws<OutOfSpaceException>(() =>
            {
                while (objects < 1000)
                {
                    store.Allocate(1_000_000, 5);
                    objects++;
                }
            });
            Assert.InRange(objects, 50, 70);
            Assert.InRange(store.Size, 69 * Mega, 70 * Mega);
            Assert.Equal(objects, store.GetHeapStatistics().Objects);
        }

        using ObjectStore again = ObjectStore.Open(set, "grow");
        Assert.Equal(objects, again.EnumerateObjects().Count());
        Assert.Equal(again.Size - again.HeapOffset, again.HeapSize);
        Assert.True(ObjectStore.Check(set).IsConsistent);
    }

    [Fact]
    public void Growth_can_be_asked_for_and_forbidden()
    {
        string set = _folder.Write("a.set", "OPTION SINGLEHDR", "60M one/");
        using ObjectStore store = ObjectStore.Create(set, "grow", 0, new ObjectStoreOptions { GrowthSize = 0 });
        Assert.Throws<OutOfSpaceException>(() => store.Allocate(6 * Mega, 1));
        Assert.True(store.GrowHeap(10 * Mega));
        Assert.Equal(18 * Mega, store.Size);
        store.Allocate(6 * Mega, 1);
        Assert.True(store.GrowHeap(100 * Mega));
        Assert.Equal(60 * Mega, store.Size);
        Assert.False(store.GrowHeap(2 * Mega));
        using ObjectStore file = ObjectStore.Create(_folder.File("single"), "grow", 8 * Mega);
        Assert.False(file.GrowHeap(8 * Mega));
    }

    [Fact]
    public void Threads_go_on_while_the_store_grows()
    {
        string set = _folder.Write("a.set", "OPTION SINGLEHDR", "200M one/", "REPLICA", "200M two/");
        using (ObjectStore store = ObjectStore.Create(set, "grow", 0, new ObjectStoreOptions { GrowthSize = 4 * Mega }))
        {
            Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
            {
                for (int i = 0; i < 300; i++)
                {
                    using Transaction tx = store.BeginTransaction();
                    ObjectId id = tx.Allocate(20_000 + (i % 7 * 40_000), (ulong)thread + 1);
                    store.Map.Fill((long)id.Offset, (byte)thread, 20_000, CopyHints.NoFlush);
                    tx.Commit();
                }
            });
            Assert.True(store.Size > 100 * Mega, "the store did not grow");
        }

        using ObjectStore again = ObjectStore.Open(set, "grow");
        StoreObject[] objects = [.. again.EnumerateObjects()];
        Assert.Equal(1200, objects.Length);
        Assert.All(objects, o => Assert.Equal((byte)(o.TypeNumber - 1), again.Map.Read<byte>(o.Offset + 19_999)));
        Assert.True(ObjectStore.Check(set).IsConsistent);
    }

    [Fact]
    public void A_replica_can_take_the_place_of_the_master()
    {
        string set = _folder.Write("a.set", "8M a", "8M b", "REPLICA", "20M c");
        string swapped = _folder.Write("b.set", "20M c", "REPLICA", "8M a", "8M b");
        using (ObjectStore store = ObjectStore.Create(set, "twins", 0))
        {
            store.GetRoot(100);
            store.Run(tx => tx.Allocate(500, 9));
        }

        using ObjectStore other = ObjectStore.Open(swapped, "twins");
        Assert.Equal(9UL, Assert.Single(other.EnumerateObjects(), o => !o.IsInternal).TypeNumber);
    }

    [Fact]
    public void Replicas_that_fell_behind_are_brought_in_step_when_the_pool_was_not_closed()
    {
        string set = _folder.Write("a.set", "8M a", "REPLICA", "8M b");
        long offset;
        using (ObjectStore store = ObjectStore.Create(set, "twins", 0))
            offset = (long)store.Allocate(1000, 9).Offset;
        PatchDirty("a");
        Patch("b", offset + 16, [1, 2, 3, 4]);
        using (ObjectStore store = ObjectStore.Open(set, "twins"))
            Assert.InRange(store.RepairedReplicaBytes, 4, 100);
        Assert.Equal(File.ReadAllBytes(_folder.File("a"))[(int)offset..], File.ReadAllBytes(_folder.File("b"))[(int)offset..]);
        using (ObjectStore store = ObjectStore.Open(set, "twins"))
            Assert.Equal(0, store.RepairedReplicaBytes);
    }

    [Fact]
    public void A_broken_replica_fails_the_open_by_name()
    {
        string set = _folder.Write("a.set", "8M a", "REPLICA", "8M b", "8M c");
        ObjectStore.Create(set, "twins", 0).Dispose();
        Patch("b", 0x1808, [1]); // an odd run id
        PmemFormatException problem = Assert.Throws<PmemFormatException>(() => ObjectStore.Open(set));
        Assert.StartsWith($"inconsistent replica 1 of {set}: run id", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_check_names_the_replica_that_differs()
    {
        string set = _folder.Write("a.set", "8M a", "REPLICA", "8M b", "REPLICA", "8M c");
        long offset;
        using (ObjectStore store = ObjectStore.Create(set, "twins", 0))
            offset = (long)store.Allocate(1000, 9).Offset;
        Assert.Empty(ObjectStore.Check(set).ReplicaDifferences);
        Patch("c", offset + 16, [1, 2, 3, 4]);
        Patch("b", 0x1808, [4]);
        byte[] before = File.ReadAllBytes(_folder.File("c"));
        PoolCheckResult result = ObjectStore.Check(set);
        Assert.Equal(
            [
                new ReplicaDifference(1, 0x1808, 1) { Path = _folder.File("b"), PartOffset = 0x1808 },
                new ReplicaDifference(2, offset + 16, 4) { Path = _folder.File("c"), PartOffset = offset + 16 },
            ],
            result.ReplicaDifferences);
        Assert.False(result.IsConsistent);
        Assert.Equal(before, File.ReadAllBytes(_folder.File("c")));
    }

    [Fact]
    public void A_lock_that_differs_is_no_fault_and_any_other_word_is()
    {
        string set = _folder.Write("a.set", "8M a", "REPLICA", "8M b");
        long offset;
        using (ObjectStore store = ObjectStore.Create(set, "twins", 0))
        {
            offset = (long)store.Allocate(256, 9).Offset;
            store.Map.Fill(offset, 0, 256);
        }

        Patch("a", offset + 64, [2]); // taken in the first run, and never made durable
        PoolCheckResult held = ObjectStore.Check(set);
        Assert.True(Assert.Single(held.ReplicaDifferences).MayBeLock);
        Assert.True(held.IsConsistent);
        Patch("a", offset + 64, [0xC8]); // there was no such run
        Assert.False(ObjectStore.Check(set).IsConsistent);
        Patch("a", offset + 64, [2, 0, 0, 0, 0, 0, 0, 0, 1]);
        Assert.False(ObjectStore.Check(set).IsConsistent);
    }

    [Fact]
    public void A_check_of_a_set_finds_what_is_wrong_in_any_part()
    {
        string set = _folder.Write("a.set", "8M a", "8M b", "REPLICA", "16M c");
        ObjectStore.Create(set, "twins", 0).Dispose();
        Assert.True(ObjectStore.Check(set).IsConsistent);
        Patch("b", 56, [1]);
        Assert.Contains(ObjectStore.Check(set).Problems, p => p.What.Contains("replica 0, part 1", StringComparison.Ordinal));
        File.Delete(_folder.File("b"));
        Assert.Throws<FileNotFoundException>(() => ObjectStore.Check(set));
    }

    private void PatchDirty(string part)
    {
        Span<byte> state = stackalloc byte[ShutdownState.Size];
        state.Clear();
        state[16] = 1;
        BitConverter.TryWriteBytes(state[56..], 0x0000000C00000001UL);
        Patch(part, PoolHeader.ShutdownStatePosition, state);
    }

    private void Patch(string part, long offset, ReadOnlySpan<byte> bytes)
    {
        using FileStream file = new(_folder.File(part), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = offset;
        file.Write(bytes);
    }
}
