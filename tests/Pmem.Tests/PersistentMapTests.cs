namespace Pmem.Tests;

/// <summary>Opening, creating, reading and storing.</summary>
public sealed class PersistentMapTests
{
    [Fact]
    public void What_is_persisted_is_in_the_file()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a");
        using (PersistentMap map = PersistentMap.Create(path, 8192))
        {
            map.StoreUInt64(4096, 0x1122334455667788);
            map.Persist(4096, 8);
            Assert.Equal(StoreGranularity.Page, map.Granularity);
            Assert.Equal(PersistenceDomain.PageCache, map.Domain);
            Assert.False(map.IsPmem);
        }

        Assert.Equal(0x1122334455667788UL, BitConverter.ToUInt64(File.ReadAllBytes(path), 4096));
    }

    [Fact]
    public void A_file_is_created_only_once()
    {
        using var folder = new TemporaryFolder();
        PersistentMap.Create(folder.File("a"), 4096).Dispose();
        Assert.Contains("exists already", Assert.Throws<IOException>(() => PersistentMap.Create(folder.File("a"), 4096)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.Contains("/nowhere/file", Assert.Throws<FileNotFoundException>(() => PersistentMap.Open("/nowhere/file")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_directory_is_refused() =>
        Assert.Contains("is a directory", Assert.Throws<PmemException>(() => PersistentMap.Open(Path.GetTempPath())).Message, StringComparison.Ordinal);

    [Fact]
    public void An_empty_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a"), []);
        Assert.Contains("is empty", Assert.Throws<PmemException>(() => PersistentMap.Open(folder.File("a"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 0, "multiple of 4096")]
    [InlineData(8192, 0, "it has 8192 bytes")]
    [InlineData(4096, 4097, "it has 8192 bytes")]
    public void A_range_outside_the_file_is_refused(long offset, long length, string reason)
    {
        using var folder = new TemporaryFolder();
        PersistentMap.Create(folder.File("a"), 8192).Dispose();
        var options = new PersistentMapOptions { Offset = offset, Length = length };
        Assert.Contains(reason, Assert.Throws<PmemException>(() => PersistentMap.Open(folder.File("a"), options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_a_file_is_mapped_from_its_offset()
    {
        using var folder = new TemporaryFolder();
        using (PersistentMap map = PersistentMap.Create(folder.File("a"), 16384))
            map.Fill(8192, 7, 100);
        using PersistentMap part = PersistentMap.Open(folder.File("a"), new PersistentMapOptions { Offset = 8192, Length = 4096 });
        Assert.Equal(4096, part.Length);
        Assert.Equal(7, part.Read<byte>(0));
        Assert.Equal(0, part.Read<byte>(100));
    }

    [Fact]
    public void Copy_on_write_never_reaches_the_file()
    {
        using var folder = new TemporaryFolder();
        PersistentMap.Create(folder.File("a"), 4096).Dispose();
        using (PersistentMap map = PersistentMap.Open(folder.File("a"), new PersistentMapOptions { Access = MapAccess.CopyOnWrite }))
        {
            Assert.Equal(StoreGranularity.Byte, map.Granularity);
            map.Fill(0, 9, 4096);
            map.Persist(0, 4096);
            map.DeepFlush(0, 4096);
        }

        Assert.All(File.ReadAllBytes(folder.File("a")), b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_read_only_map_reads_a_file_that_may_not_be_written()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a"), [1, 2, 3, 4, 5, 6, 7, 8]);
        using PersistentMap map = PersistentMap.Open(folder.File("a"), new PersistentMapOptions { Access = MapAccess.ReadOnly });
        Assert.True(map.IsReadOnly);
        Assert.Equal(0x0807060504030201UL, map.ReadUInt64(0));
    }

    [Fact]
    public void A_locked_file_is_in_use()
    {
        using var folder = new TemporaryFolder();
        using PersistentMap map = PersistentMap.Create(folder.File("a"), 4096, new PersistentMapOptions { Lock = true });
        Assert.Contains("is in use", Assert.Throws<PmemException>(() => PersistentMap.Open(folder.File("a"), new PersistentMapOptions { Lock = true })).Message, StringComparison.Ordinal);
        using PersistentMap other = PersistentMap.Open(folder.File("a"));
        Assert.Equal(4096, other.Length);
    }

    [Fact]
    public void The_mode_of_a_created_file_is_as_asked()
    {
        using var folder = new TemporaryFolder();
        PersistentMap.Create(folder.File("a"), 4096, new PersistentMapOptions { CreateMode = UnixFileMode.UserRead }).Dispose();
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead, File.GetUnixFileMode(folder.File("a")));
    }

    [Fact]
    public unsafe void Maps_are_aligned_for_large_pages()
    {
        using PersistentMap small = PersistentMap.CreateAnonymous(4096);
        using PersistentMap large = PersistentMap.CreateAnonymous(5L << 30);
        Assert.Equal(0, (long)small.Pointer % (2 << 20));
        Assert.Equal(0, (long)large.Pointer % (1 << 30));
    }

    [Fact]
    public void A_map_may_be_larger_than_an_int_can_say()
    {
        using var folder = new TemporaryFolder();
        const long Length = (5L << 30) + 4096;
        using (PersistentMap map = PersistentMap.Create(folder.File("a"), Length, new PersistentMapOptions { Sparse = true }))
        {
            map.StoreUInt64(Length - 8, 42);
            map.Persist(Length - 8, 8);
            map.Copy((4L << 30) - 3, [1, 2, 3, 4, 5, 6]);
        }

        using PersistentMap again = PersistentMap.Open(folder.File("a"));
        Assert.Equal(Length, again.Length);
        Assert.Equal(42UL, again.ReadUInt64(Length - 8));
        Assert.Equal([1, 2, 3, 4, 5, 6], again.GetSpan((4L << 30) - 3, 6).ToArray());
    }

    [Theory]
    [InlineData(-1, 8)]
    [InlineData(4089, 8)]
    [InlineData(4097, 0)]
    [InlineData(long.MaxValue, 8)]
    [InlineData(0, 4097)]
    public void A_range_outside_the_map_is_refused(long offset, int length)
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(4096);
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Flush(offset, length));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Fill(offset, 1, length));
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = map.GetSpan(offset, length); });
    }

    [Fact]
    public void Values_are_read_as_stored_at_any_alignment()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(4096);
        map.Store(3, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));
        Assert.Equal(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), map.Read<Guid>(3));
        map.GetRef<int>(64) = 5;
        Assert.Equal(5, map.Read<int>(64));
    }

    [Fact]
    public void A_word_is_exchanged_only_when_it_is_the_expected_one()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(4096);
        Assert.Equal(0UL, map.CompareExchangeUInt64(8, 5, 0));
        Assert.Equal(5UL, map.CompareExchangeUInt64(8, 6, 0));
        Assert.Equal(5UL, map.ReadUInt64(8));
    }

    [Fact]
    public void A_non_temporal_word_is_there_after_a_drain()
    {
        foreach (StoreGranularity granularity in Enum.GetValues<StoreGranularity>())
        {
            using PersistentMap map = PersistentMap.CreateAnonymous(4096, granularity);
            map.StoreUInt64NonTemporal(16, 77);
            map.Drain();
            Assert.Equal(77UL, map.ReadUInt64(16));
        }
    }

    [Fact]
    public void A_window_fails_cleanly_when_the_map_is_gone()
    {
        PersistentMap map = PersistentMap.CreateAnonymous(4096);
        Memory<byte> window = map.GetMemory(100, 50);
        window.Span[0] = 7;
        Assert.Equal(7, map.Read<byte>(100));
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = window.Span; });
        Assert.Throws<ObjectDisposedException>(() => { _ = window.Pin(); });
    }

    [Fact]
    public unsafe void A_pinned_window_keeps_the_pages()
    {
        PersistentMap map = PersistentMap.CreateAnonymous(4096);
        var handle = map.GetMemory(0, 8).Pin();
        map.Dispose();
        *(byte*)handle.Pointer = 1; // would kill the process if the pages were gone
        Assert.Equal(1, *(byte*)handle.Pointer);
        handle.Dispose();
        map.Dispose();
    }

    [Fact]
    public void Storing_and_persisting_allocates_nothing()
    {
        using PersistentMap map = PersistentMap.CreateAnonymous(1 << 20);
        byte[] source = new byte[1000];
        Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Work()
        {
            for (int i = 0; i < 1000; i++)
            {
                map.StoreUInt64(i * 8, 1);
                map.Persist(i * 8, 8);
                map.Copy(i * 64, source, CopyHints.NoDrain);
                map.Fill(i * 64, 3, 500);
            }
        }
    }
}
