using System.Runtime.Versioning;

namespace Pmem.Tests;

[SupportedOSPlatform("linux")]
public sealed class PersistentMapPartsTests : IDisposable
{
    private const int Page = 4096;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Maps_made_at_once_do_not_take_the_addresses_of_each_other()
    {
        // ext4 and XFS refuse MAP_SYNC only after the kernel has taken away what a MAP_FIXED map would replace.
        using var folder = new TemporaryFolder();
        int[] wrong = new int[4];
        Thread[] threads = [.. Enumerable.Range(0, wrong.Length).Select(number => new Thread(() =>
        {
            string path = folder.File($"{number}");
            PersistentMap.Create(path, 8192).Dispose();
            for (ulong round = 1; round <= 4000; round++)
            {
                PersistentMapPart[] parts = [new PersistentMapPart(path) { Length = 4096, FileLength = 8192 }, new PersistentMapPart(path) { Offset = 4096, Length = 4096, FileLength = 8192 }];
                using PersistentMap map = round % 2 == 0 ? PersistentMap.Open(path) : PersistentMap.OpenParts(parts);
                if (map.ReadUInt64(4096) != round - 1)
                    wrong[number]++;
                map.StoreUInt64(4096, round);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.All(wrong, count => Assert.Equal(0, count));
    }

    [Fact]
    public void Offsets_run_through_all_parts()
    {
        using (PersistentMap map = PersistentMap.OpenParts([New("a", 0, 4), New("b", 1, 2), New("c", 0, 1)]))
        {
            Assert.Equal(7 * Page, map.Length);
            byte[] all = new byte[map.Length];
            new Random(1).NextBytes(all);
            map.Copy(0, all);
            map.DeepFlush((3 * Page) + 100, 3 * Page);
            byte[] read = new byte[all.Length];
            Assert.True(map.TryRead(0, read));
            Assert.Equal(all, read);
            Assert.Throws<ArgumentOutOfRangeException>(() => map.GetSpan((7 * Page) - 1, 2));
        }

        byte[] a = File.ReadAllBytes(_folder.File("a"));
        byte[] b = File.ReadAllBytes(_folder.File("b"));
        Assert.Equal(3 * Page, b.Length);
        Assert.Equal(4 * Page, a.Length);
        Assert.False(b.AsSpan(0, Page).ContainsAnyExcept((byte)0), "the header of a part is not in the map");
        using PersistentMap again = PersistentMap.OpenParts([Old("a", 0, 4), Old("b", 1, 2), Old("c", 0, 1)]);
        Assert.Equal([.. a, .. b[Page..], .. File.ReadAllBytes(_folder.File("c"))], again.GetSpan(0, 7 * Page).ToArray());
    }

    [Fact]
    public void Parts_are_appended_without_moving_what_is_there()
    {
        using PersistentMap map = PersistentMap.OpenParts([New("a", 0, 2)], reservation: 16 * Page);
        ref byte first = ref map.GetRef<byte>(17);
        map.StoreUInt64(0, 42);
        map.Append(New("b", 0, 10));
        Assert.Equal(12 * Page, map.Length);
        map.StoreUInt64(11 * Page, 7);
        map.Persist(11 * Page, 8);
        first = 9;
        Assert.Equal(9, map.Read<byte>(17));
        Assert.Equal(42UL, map.ReadUInt64(0));

        PmemException full = Assert.Throws<PmemException>(() => map.Append(New("c", 0, 5)));
        Assert.Contains("reserved", full.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("c")));
        Assert.Throws<IOException>(() => map.Append(New("a", 0, 1)));
        Assert.Equal(12 * Page, map.Length);
        map.Append(New("d", 0, 4));
        Assert.Equal(16 * Page, map.Length);
    }

    [Fact]
    public void A_part_of_another_size_is_refused_and_nothing_is_left()
    {
        File.WriteAllBytes(_folder.File("b"), new byte[Page + 1]);
        PmemException wrong = Assert.Throws<PmemException>(() => PersistentMap.OpenParts([New("a", 0, 1), Old("b", 0, 1)]));
        Assert.Contains("file size does not match config", wrong.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("a")));
        Assert.Throws<FileNotFoundException>(() => PersistentMap.OpenParts([New("a", 0, 1), Old("none", 0, 1)]));
        Assert.False(File.Exists(_folder.File("a")));
        Assert.Throws<InvalidOperationException>(() =>
        {
            using PersistentMap plain = PersistentMap.CreateAnonymous(Page);
            plain.Append(New("a", 0, 1));
        });
    }

    [Fact]
    public void Every_part_is_locked()
    {
        var options = new PersistentMapOptions { Lock = true };
        using PersistentMap map = PersistentMap.OpenParts([New("a", 0, 1), New("b", 0, 1)], options: options);
        foreach (string name in (string[])["a", "b"])
        {
            Assert.Contains("in use", Assert.Throws<PmemException>(() => PersistentMap.Open(_folder.File(name), options)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_private_map_of_parts_reaches_no_file()
    {
        PersistentMap.OpenParts([New("a", 0, 1), New("b", 0, 1)]).Dispose();
        using (PersistentMap map = PersistentMap.OpenParts([Old("a", 0, 1), Old("b", 0, 1)], options: new PersistentMapOptions { Access = MapAccess.CopyOnWrite }))
            map.Fill(0, 0xFF, 2 * Page);
        Assert.False(File.ReadAllBytes(_folder.File("b")).AsSpan().ContainsAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(StoreGranularity.CacheLine, StoreGranularity.CacheLine)]
    [InlineData(StoreGranularity.Page, StoreGranularity.CacheLine)]
    [InlineData(StoreGranularity.CacheLine, StoreGranularity.Page)]
    [InlineData(StoreGranularity.Byte, StoreGranularity.Byte)]
    public void A_replica_holds_whatever_was_made_durable(StoreGranularity one, StoreGranularity two)
    {
        using PersistentMap replica = PersistentMap.Create(_folder.File("r"), 16 * Page, new PersistentMapOptions { ForceGranularity = two });
        using PersistentMap map = PersistentMap.Create(_folder.File("m"), 16 * Page, new PersistentMapOptions { ForceGranularity = one });
        map.AddReplica(replica);
        byte[] bytes = new byte[5000];
        new Random(2).NextBytes(bytes);
        map.StoreUInt64(8, 1);
        map.Persist(8, 8);
        map.Store(101, 0x1234567890123456UL);
        map.Flush(101, 8);
        map.Drain();
        map.StoreUInt64NonTemporal(512, 3);
        map.Drain();
        map.Copy(1000, bytes);
        map.Copy(8192, bytes.AsSpan(0, 4096), CopyHints.NonTemporal | CopyHints.NoDrain);
        map.Drain();
        map.Move(8200, 8192, 3000); // overlapping
        map.Fill(20000, 0xAB, 777);
        map.CompareExchangeUInt64(30000, 9, 0);
        map.Persist(30000, 8);
        map.Copy(40000, bytes.AsSpan(0, 100), CopyHints.NoFlush);
        map.Persist(40000, 100);
        Assert.Equal(map.GetSpan(0, 16 * Page).ToArray(), replica.GetSpan(0, 16 * Page).ToArray());
        Assert.Equal(one, map.Granularity);

        map.StoreUInt64(50000, 5);
        map.Copy(60000, bytes.AsSpan(0, 10), CopyHints.NoFlush);
        Assert.Equal(0UL, replica.ReadUInt64(50000));
        Assert.Equal(0, replica.Read<byte>(60000));
    }

    [Fact]
    public void A_replica_is_another_writable_map_that_is_long_enough()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(2 * Page);
        using PersistentMap small = PersistentMap.CreateAnonymous(Page);
        Assert.Throws<ArgumentException>(() => map.AddReplica(map));
        Assert.Throws<ArgumentException>(() => map.AddReplica(small));
        Assert.Empty(map.Replicas);
        small.AddReplica(map);
        Assert.Equal([map], small.Replicas);
    }

    private PersistentMapPart New(string name, int offsetPages, int pages) => Old(name, offsetPages, pages) with { Create = true };

    private PersistentMapPart Old(string name, int offsetPages, int pages) =>
        new(_folder.File(name)) { Offset = offsetPages * Page, Length = pages * Page, FileLength = (offsetPages + pages) * Page };
}
