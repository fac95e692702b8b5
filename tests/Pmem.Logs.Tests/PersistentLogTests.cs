using System.Buffers;
using System.Buffers.Binary;
using Pmem.Pools;

namespace Pmem.Logs.Tests;

public sealed class PersistentLogTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_appended_is_there_after_a_reopen()
    {
        string path = _folder.File("log.pool");
        byte[] first = LogFolder.Pattern(1000, 1);
        byte[] second = LogFolder.Pattern(77, 2);
        using (PersistentLog log = PersistentLog.Create(path, LogFolder.Size))
        {
            Assert.Equal(0, log.Length);
            Assert.Equal(LogFolder.Size - 8192, log.Capacity);
            Assert.Equal(0, log.Append(first));
            Assert.Equal(1000, log.Append(second));
            Assert.Equal(1077, log.Length);
            Assert.Equal(log.Capacity - 1077, log.FreeBytes);
        }

        using PersistentLog again = PersistentLog.Open(path);
        Assert.Equal([.. first, .. second], LogFolder.Content(again));
        Assert.Equal(PoolKind.Log, again.Header.Kind);
        Assert.Equal(path, again.Path);
    }

    [Fact]
    public void Several_pieces_and_sequences_are_appended_as_one()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        byte[][] parts = [LogFolder.Pattern(10, 1), [], LogFolder.Pattern(300, 2), LogFolder.Pattern(4096, 3)];
        Assert.Equal(0, log.Append([parts[0], parts[1], parts[2], parts[3]]));
        Assert.Equal(4406, log.Append(Sequence(parts)));
        byte[] once = [.. parts.SelectMany(part => part)];
        Assert.Equal([.. once, .. once], LogFolder.Content(log));
    }

    [Fact]
    public void What_does_not_fit_changes_nothing()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        log.Append(new byte[log.Capacity - 10]);
        byte[] before = log.Map.GetSpan(0, (int)log.Map.Length).ToArray();
        byte[] eleven = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        Assert.Throws<OutOfSpaceException>(() => log.Append(eleven));
        Assert.False(log.TryAppend(eleven, out _));
        Assert.False(log.TryAppend(Sequence([eleven]), out _));
        Assert.False(log.TryAppend((ReadOnlySpan<ReadOnlyMemory<byte>>)[eleven.AsMemory(0, 6), eleven.AsMemory(0, 5)], out _));
        Assert.Equal(before, log.Map.GetSpan(0, before.Length).ToArray());
        log.Append(eleven.AsSpan(0, 10));
        Assert.Equal(0, log.FreeBytes);
        Assert.Equal(log.Capacity, log.Append(ReadOnlySpan<byte>.Empty));
    }

    [Fact]
    public void Appending_nothing_stores_nothing()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        byte[] before = log.Map.GetSpan(0, 12288).ToArray();
        Assert.Equal(0, log.Append(ReadOnlySpan<byte>.Empty));
        Assert.Equal(0, log.Append(ReadOnlySequence<byte>.Empty));
        Assert.Equal(0, log.Append(ReadOnlySpan<ReadOnlyMemory<byte>>.Empty));
        Assert.Equal(before, log.Map.GetSpan(0, 12288).ToArray());
    }

    [Fact]
    public void A_rewound_log_is_empty_and_takes_new_bytes()
    {
        string path = _folder.NewLog(LogFolder.Pattern(5000));
        using (PersistentLog log = PersistentLog.Open(path))
        {
            log.Rewind();
            Assert.Equal(0, log.Length);
            Assert.Equal(1, log.Generation);
            Assert.Equal(0, log.Append("new"u8));
        }

        using PersistentLog again = PersistentLog.Open(path);
        Assert.Equal("new"u8.ToArray(), LogFolder.Content(again));
    }

    [Theory]
    [InlineData(0, new[] { 10_000 })]
    [InlineData(4096, new[] { 4096, 4096, 1808 })]
    [InlineData(5000, new[] { 5000, 5000 })]
    [InlineData(20_000, new[] { 10_000 })]
    public void A_walk_shows_every_byte_in_chunks(int chunkSize, int[] expected)
    {
        byte[] content = LogFolder.Pattern(10_000);
        using PersistentLog log = PersistentLog.Open(_folder.NewLog(content));
        var sizes = new List<int>();
        var seen = new List<byte>();
        log.Walk(chunkSize, chunk =>
        {
            sizes.Add(chunk.Length);
            seen.AddRange(chunk);
            return true;
        });
        Assert.Equal(expected, sizes);
        Assert.Equal(content, seen);
    }

    [Fact]
    public void A_walk_stops_when_told_and_shows_nothing_of_an_empty_log()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog(LogFolder.Pattern(100)));
        int calls = 0;
        log.Walk(10, ref calls, (_, ref count) => ++count < 3);
        Assert.Equal(3, calls);
        log.Rewind();
        log.Walk(0, _ => throw new InvalidOperationException("there is nothing to show"));
    }

    [Fact]
    public void A_visitor_may_append_but_not_rewind_or_close()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog("ab"u8));
        int calls = 0;
        log.Walk(1, chunk =>
        {
            log.Append(chunk);
            Assert.Throws<LockRecursionException>(log.Rewind);
            Assert.Throws<LockRecursionException>(log.Dispose);
            calls++;
            return true;
        });

        // What the visitor appends is behind the end that the walk began with.
        Assert.Equal(2, calls);
        Assert.Equal("abab"u8.ToArray(), LogFolder.Content(log));
    }

    [Fact]
    public void An_open_log_cannot_be_opened_again_and_a_copy_on_write_open_changes_nothing()
    {
        string path = _folder.NewLog("kept"u8);
        using (PersistentLog log = PersistentLog.Open(path))
        {
            Assert.Contains("in use", Assert.Throws<PmemException>(() => PersistentLog.Open(path)).Message, StringComparison.Ordinal);
            using PersistentLog copy = PersistentLog.Open(path, new PersistentLogOptions { CopyOnWrite = true });
            copy.Append(" not"u8);
            Assert.Equal(8, copy.Length);
        }

        using PersistentLog again = PersistentLog.Open(path);
        Assert.Equal("kept"u8.ToArray(), LogFolder.Content(again));
    }

    [Fact]
    public void Unknown_ro_compat_features_make_the_log_read_only()
    {
        string path = _folder.NewLog("kept"u8);
        byte[] bytes = new byte[PoolHeader.Size];
        using (FileStream file = File.OpenRead(path))
            file.ReadExactly(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), 4);
        PoolHeader header = PoolHeader.Read(bytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(PoolHeader.ChecksumPosition), header.ComputeChecksum());
        LogFolder.Patch(path, 0, bytes);
        using PersistentLog log = PersistentLog.Open(path);
        Assert.True(log.IsReadOnly);
        Assert.Equal("kept"u8.ToArray(), LogFolder.Content(log));
        Assert.Contains("read-only", Assert.Throws<PmemException>(() => log.Append("x"u8)).Message, StringComparison.Ordinal);
        Assert.Throws<PmemException>(log.Rewind);
    }

    [Theory]
    [InlineData(StoreGranularity.Page)]
    [InlineData(StoreGranularity.CacheLine)]
    [InlineData(StoreGranularity.Byte)]
    public void Every_granularity_keeps_the_same_bytes(StoreGranularity granularity)
    {
        string path = _folder.File("log.pool");
        var options = new PersistentLogOptions { ForceGranularity = granularity };
        using (PersistentLog log = PersistentLog.Create(path, LogFolder.Size, options))
        {
            log.Append(LogFolder.Pattern(5000));
            log.Append([LogFolder.Pattern(3, 1), LogFolder.Pattern(70_000, 2)]);
        }

        using PersistentLog again = PersistentLog.Open(path, options);
        Assert.Equal([.. LogFolder.Pattern(5000), .. LogFolder.Pattern(3, 1), .. LogFolder.Pattern(70_000, 2)], LogFolder.Content(again));
    }

    [Fact]
    public void A_closed_log_refuses_everything()
    {
        PersistentLog log = PersistentLog.Open(_folder.NewLog("x"u8));
        Stream stream = log.OpenRead();
        log.Dispose();
        log.Dispose();
        Assert.Throws<ObjectDisposedException>(() => log.Append("x"u8));
        Assert.Throws<ObjectDisposedException>(() => log.Read(0, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => log.Walk(0, _ => true));
        Assert.Throws<ObjectDisposedException>(log.Rewind);
        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
    }

    [Fact]
    public void A_size_of_0_takes_an_existing_file_of_zeros()
    {
        string path = _folder.File("zeros");
        using (FileStream file = File.Create(path))
            file.SetLength(LogFolder.Size + 100);
        using (PersistentLog log = PersistentLog.Create(path, 0))
        {
            Assert.Equal(LogFolder.Size - 8192, log.Capacity); // whole pages only
            log.Append("x"u8);
        }

        Assert.True(PersistentLog.Check(path).IsConsistent);
        Assert.Throws<IOException>(() => PersistentLog.Create(path, 0));
        Assert.Throws<IOException>(() => PersistentLog.Create(path, LogFolder.Size));
    }

    private static ReadOnlySequence<byte> Sequence(byte[][] parts)
    {
        var first = new Segment(parts[0], null);
        Segment last = first;
        foreach (byte[] part in parts[1..])
            last = new Segment(part, last);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] part, Segment? before)
        {
            Memory = part;
            if (before is null)
                return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
