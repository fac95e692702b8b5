using System.Buffers;
using Pmem.Blocks.Layout;
using Pmem.Pools;

namespace Pmem.Blocks.Tests;

public sealed class BlockPoolTests : IDisposable
{
    private readonly string _folder = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-blocks-{Guid.NewGuid():n}")).FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(520)]
    [InlineData(4096)]
    [InlineData(4224)]
    [InlineData(32512)]
    public void What_is_written_is_read_also_after_reopening(int blockSize)
    {
        string path = Path.Combine(_folder, "pool");
        long last;
        using (BlockPool pool = BlockPool.Create(path, blockSize, BlockPool.MinimumPoolSize))
        {
            last = pool.BlockCount - 1;
            Assert.Equal(new byte[blockSize], TestPools.Read(pool, 0));
            Assert.False(pool.Table.IsLaidOut);
            foreach (long block in (long[])[0, 1, last])
                pool.Write(block, TestPools.Content(blockSize, block, 1));
            pool.Write(0, TestPools.Content(blockSize, 0, 2));
            Assert.True(pool.Table.IsLaidOut);
            Assert.Equal(TestPools.Content(blockSize, 1, 1), TestPools.Read(pool, 1));
        }

        using BlockPool again = BlockPool.Open(path, blockSize);
        Assert.False(again.WasDirty);
        Assert.Equal(last + 1, again.BlockCount);
        Assert.Equal(TestPools.Content(blockSize, 0, 2), TestPools.Read(again, 0));
        Assert.Equal(TestPools.Content(blockSize, last, 1), TestPools.Read(again, last));
        Assert.Equal(new byte[blockSize], TestPools.Read(again, 2));
        Assert.Equal(0, again.Table.RecoveredWrites);
    }

    [Theory]
    [InlineData(StoreGranularity.Byte)]
    [InlineData(StoreGranularity.CacheLine)]
    [InlineData(StoreGranularity.Page)]
    public void Every_granularity_works(StoreGranularity granularity)
    {
        string path = Path.Combine(_folder, "pool");
        var options = new BlockDeviceOptions { ForceGranularity = granularity };
        using (BlockPool pool = BlockPool.Create(path, 512, BlockPool.MinimumPoolSize, options))
        {
            for (int i = 0; i < 100; i++)
                pool.Write(i % 10, TestPools.Content(512, i % 10, (uint)i));
            pool.Zero(3);
            pool.SetError(4);
        }

        using BlockPool again = BlockPool.Open(path, options: options);
        Assert.Equal(TestPools.Content(512, 9, 99), TestPools.Read(again, 9));
        Assert.Equal(new byte[512], TestPools.Read(again, 3));
        Assert.False(again.TryRead(4, new byte[512]));
    }

    [Fact]
    public void Several_blocks_are_one_call()
    {
        using BlockPool pool = TestPools.New(512);
        byte[] data = [.. Enumerable.Range(10, 5).SelectMany(i => TestPools.Content(512, i, 1))];
        pool.Write(10, data);
        byte[] back = new byte[data.Length];
        pool.Read(10, back);
        Assert.Equal(data, back);
        Assert.Equal(TestPools.Content(512, 12, 1), TestPools.Read(pool, 12));
    }

    [Theory]
    [InlineData(new[] { 512, 512 })]
    [InlineData(new[] { 1, 511, 1024 })]
    [InlineData(new[] { 700, 300, 24 })]
    [InlineData(new[] { 0, 1500, 36, 512 })]
    [InlineData(new[] { 100, 100, 100, 100, 112 })]
    public void Pieces_of_any_length_are_gathered_and_scattered(int[] lengths)
    {
        using BlockPool pool = TestPools.New(512);
        byte[] data = new byte[lengths.Sum()];
        new Random(5).NextBytes(data);
        Sequence? first = null;
        Sequence? last = null;
        int at = 0;
        foreach (int length in lengths)
        {
            last = new Sequence(data.AsMemory(at, length), last);
            first ??= last;
            at += length;
        }

        pool.Write(3, new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length));
        byte[] whole = new byte[data.Length];
        pool.Read(3, whole);
        Assert.Equal(data, whole);

        Memory<byte>[] pieces = [.. lengths.Select(length => new byte[length].AsMemory())];
        pool.Read(3, pieces);
        Assert.Equal(data, pieces.SelectMany(piece => piece.ToArray()));
    }

    [Fact]
    public void Error_blocks_fail_until_they_are_written_or_zeroed()
    {
        using BlockPool pool = TestPools.New(512);
        byte[] buffer = new byte[512];
        pool.SetError(5);
        pool.SetError(6);
        Assert.Equal(5, Assert.Throws<BlockErrorException>(() => pool.Read(5, buffer)).Block);
        Assert.False(pool.TryRead(4, new byte[1024]));
        pool.Write(5, TestPools.Content(512, 5, 1));
        Assert.Equal(TestPools.Content(512, 5, 1), TestPools.Read(pool, 5));
        pool.Zero(6);
        Assert.Equal(new byte[512], TestPools.Read(pool, 6));
        Assert.True(pool.IsZero(6));
        Assert.False(pool.IsZero(5));
    }

    [Fact]
    public void Zeroing_before_the_first_layout_does_nothing()
    {
        using BlockPool pool = TestPools.New(512);
        pool.Zero(0, 100);
        Assert.False(pool.Table.IsLaidOut);
        Assert.True(pool.IsZero(7));
    }

    [Fact]
    public void Zeroing_many_blocks_is_one_call()
    {
        using BlockPool pool = TestPools.New(512);
        for (int i = 0; i < 50; i++)
            pool.Write(i, TestPools.Content(512, i, 1));
        pool.Zero(10, 20);
        for (int i = 0; i < 50; i++)
            Assert.Equal(i is >= 10 and < 30 ? new byte[512] : TestPools.Content(512, i, 1), TestPools.Read(pool, i));
    }

    [Fact]
    public void Blocks_outside_the_device_are_refused()
    {
        using BlockPool pool = TestPools.New(512);
        byte[] one = new byte[512];
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Read(-1, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Read(pool.BlockCount, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Write(pool.BlockCount - 1, new byte[1024]));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Write(long.MaxValue, one));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Write(0, new byte[511]));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Zero(0, pool.BlockCount + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.SetError(pool.BlockCount));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Read(0, (Memory<byte>[])[new byte[100]]));
        Assert.False(pool.Table.IsLaidOut);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(40_000)]
    [InlineData(int.MaxValue)]
    public void Impossible_block_sizes_leave_no_file(int blockSize)
    {
        string path = Path.Combine(_folder, "pool");
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockPool.Create(path, blockSize, BlockPool.MinimumPoolSize));
        Assert.False(File.Exists(path));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockPool.Create(path, 512, BlockPool.MinimumPoolSize - 1));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Another_block_size_is_refused_and_leaves_the_pool_clean()
    {
        string path = Path.Combine(_folder, "pool");
        BlockPool.Create(path, 512, BlockPool.MinimumPoolSize).Dispose();
        Assert.Contains("512", Assert.Throws<PmemFormatException>(() => BlockPool.Open(path, 4096)).Message, StringComparison.Ordinal);
        Assert.Equal(0, PoolFile.ReadHeader(path)!.Value.ShutdownState.Dirty);
    }

    [Fact]
    public void An_open_pool_cannot_be_opened_again()
    {
        string path = Path.Combine(_folder, "pool");
        using BlockPool pool = BlockPool.Create(path, 512, BlockPool.MinimumPoolSize);
        Assert.ThrowsAny<PmemException>(() => BlockPool.Open(path));
    }

    [Fact]
    public void A_file_with_content_behind_its_header_is_zero_blocks_all_the_same()
    {
        // The media is not known to be zero: the first layout clears the map.
        string path = Path.Combine(_folder, "pool");
        byte[] content = new byte[BlockPool.MinimumPoolSize];
        content.AsSpan(4096).Fill(0x5A);
        File.WriteAllBytes(path, content);
        using (BlockPool pool = BlockPool.Create(path, 512, 0))
        {
            Assert.Equal(new byte[512], TestPools.Read(pool, 9));
            pool.Write(0, TestPools.Content(512, 0, 1));
            Assert.Equal(new byte[512], TestPools.Read(pool, 9));
        }

        using BlockPool again = BlockPool.Open(path);
        Assert.Equal(new byte[512], TestPools.Read(again, again.BlockCount - 1));
        Assert.Equal(TestPools.Content(512, 0, 1), TestPools.Read(again, 0));
    }

    [Fact]
    public void A_device_that_is_read_only_refuses_to_be_written()
    {
        string path = Path.Combine(_folder, "pool");
        using (BlockPool pool = BlockPool.Create(path, 512, BlockPool.MinimumPoolSize))
            pool.Write(1, TestPools.Content(512, 1, 1));
        using BlockPool reader = BlockPool.Open(path, options: new BlockDeviceOptions { ReadOnly = true });
        Assert.Equal(TestPools.Content(512, 1, 1), TestPools.Read(reader, 1));
        Assert.Throws<InvalidOperationException>(() => reader.Write(1, new byte[512]));
        Assert.Throws<InvalidOperationException>(() => reader.Zero(1));
        Assert.Throws<InvalidOperationException>(() => reader.SetError(1));
    }

    [Fact]
    public void A_closed_pool_says_so()
    {
        BlockPool pool = TestPools.New(512);
        pool.Write(0, new byte[512]);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Read(0, new byte[512]));
        Assert.Throws<ObjectDisposedException>(() => pool.Write(0, new byte[512]));
        Assert.Throws<ObjectDisposedException>(pool.Flush);
    }

    [Theory]
    [InlineData(StoreGranularity.CacheLine)]
    [InlineData(StoreGranularity.Page)]
    public async Task Async_calls_do_the_same(StoreGranularity granularity)
    {
        string path = Path.Combine(_folder, "pool");
        CancellationToken none = TestContext.Current.CancellationToken;
        using BlockPool pool = BlockPool.Create(path, 512, BlockPool.MinimumPoolSize, new BlockDeviceOptions { ForceGranularity = granularity });
        byte[] data = [.. TestPools.Content(512, 0, 1), .. TestPools.Content(512, 1, 1)];
        await pool.WriteAsync(0, data, none);
        byte[] back = new byte[1024];
        await pool.ReadAsync(0, back, none);
        await pool.FlushAsync(none);
        Assert.Equal(data, back);
        var cancelled = new CancellationToken(canceled: true);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pool.WriteAsync(0, data, cancelled));
        pool.SetError(1);
        await Assert.ThrowsAsync<BlockErrorException>(async () => await pool.ReadAsync(0, back, none));
    }

    [Fact]
    public void Reading_and_writing_allocate_nothing()
    {
        using BlockPool pool = TestPools.New(4096);
        byte[] data = TestPools.Content(4096, 1, 1);
        Work(pool, data, 100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(pool, data, 1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Work(BlockPool pool, byte[] data, int count)
    {
        for (int i = 0; i < count; i++)
        {
            pool.Write(i, data);
            pool.Read(i, data);
            pool.Zero(i);
            _ = pool.IsZero(i);
        }
    }

    [Fact]
    public void Sparse_pools_of_many_arenas_number_their_blocks_through()
    {
        string path = Path.Combine(_folder, "pool");
        long size = BlockPool.DataPosition + BttLayout.MaximumArena + (20L << 20);
        long second;
        using (BlockPool pool = BlockPool.Create(path, 1 << 20, size + (900L << 20), new BlockDeviceOptions { Sparse = true }))
        {
            second = ArenaGeometry.Compute(BttFormat.Pmdk, BttLayout.MaximumArena, 1 << 20).ExternalBlocks;
            Assert.Equal(2, pool.Table.ArenaCount);
            Assert.True(pool.BlockCount > second);
            foreach (long block in (long[])[0, second - 1, second, pool.BlockCount - 1])
                pool.Write(block, TestPools.Content(1 << 20, block, 1));
        }

        using BlockPool again = BlockPool.Open(path);
        foreach (long block in (long[])[0, second - 1, second, again.BlockCount - 1])
            Assert.Equal(TestPools.Content(1 << 20, block, 1), TestPools.Read(again, block));
        Assert.True(again.IsZero(1) && again.IsZero(second + 1));
    }

    [Fact]
    public void Blocks_on_media_that_cannot_be_read_are_marked_and_come_back_when_they_are_written_elsewhere()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "guarded reads of maps are for Linux on x86-64");

        // A part of a set that was cut off is like poison in the middle of the data.
        string set = Path.Combine(_folder, "blocks.set");
        File.WriteAllText(set, $"PMEMPOOLSET\n8M {_folder}/part0\n4M {_folder}/part1\n6M {_folder}/part2\n");
        using BlockPool pool = BlockPool.Create(set, 4096, 0, new BlockDeviceOptions { ForceGranularity = StoreGranularity.CacheLine });
        for (long block = 0; block < pool.BlockCount; block++)
            pool.Write(block, TestPools.Content(4096, block, 1));
        using (var cut = System.Diagnostics.Process.Start("truncate", ["-s", "2M", Path.Combine(_folder, "part1")]))
        {
            // By a program: the pool has the file locked against streams of this process.
            cut.WaitForExit();
            Assert.Equal(0, cut.ExitCode);
        }

        var bad = new List<long>();
        byte[] buffer = new byte[4096];
        for (long block = 0; block < pool.BlockCount; block++)
        {
            if (!pool.TryRead(block, buffer))
                bad.Add(block);
            else
                Assert.Equal(TestPools.Content(4096, block, 1), buffer);
        }

        Assert.InRange(bad.Count, 500, 520);
        Assert.Throws<BlockErrorException>(() => pool.Read(bad[0], buffer));

        // The mark is on media, and a write takes another place.
        pool.Write(bad[0], TestPools.Content(4096, bad[0], 2));
        Assert.Equal(TestPools.Content(4096, bad[0], 2), TestPools.Read(pool, bad[0]));
        Assert.Equal(bad.Count - 1, BlockPool.CheckTable(pool.Map).Arenas[0].Bad);

        // Places that writes gave up are not used again, although flog entries have them as free blocks.
        pool.Zero(bad[1]);
        pool.Write(bad[2], TestPools.Content(4096, bad[2], 2));
        for (uint i = 0; i < 1000; i++)
            pool.Write(i % 3, TestPools.Content(4096, i % 3, i));
        Assert.Equal(new byte[4096], TestPools.Read(pool, bad[1]));
        pool.Flush();
        using BlockTranslationTable again = BlockTranslationTable.Open(pool.Map, BlockPool.DataPosition, pool.Map.Length - BlockPool.DataPosition);
        for (uint i = 1000; i < 2000; i++)
            again.Write(i % 3, TestPools.Content(4096, i % 3, i));
        Assert.Equal(TestPools.Content(4096, bad[2], 2), TestPools.Read(again, bad[2]));
    }

    private sealed class Sequence : ReadOnlySequenceSegment<byte>
    {
        public Sequence(ReadOnlyMemory<byte> memory, Sequence? before)
        {
            Memory = memory;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
