namespace Pmem.Logs.Tests;

public sealed class LogTailTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_tail_gives_what_is_there_then_what_comes()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog(LogFolder.Pattern(100)));
        LogTail tail = log.Tail(position: 10, chunkSize: 40);
        Assert.Equal(3, tail.Count);
        Assert.True(await tail.WaitToReadAsync(TestContext.Current.CancellationToken));
        var sizes = new List<int>();
        while (tail.TryRead(out ReadOnlyMemory<byte> item))
            sizes.Add(item.Length);
        Assert.Equal([40, 40, 10], sizes);
        Assert.Equal(100, tail.Position);

        ValueTask<bool> waiting = tail.WaitToReadAsync(TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        log.Append("new"u8);
        Assert.True(await waiting);
        byte[] buffer = new byte[10];
        Assert.True(tail.TryRead(buffer, out int count));
        Assert.Equal("new"u8.ToArray(), buffer[..count]);
        Assert.False(tail.TryRead(buffer, out _));
        Assert.False(tail.TryRead(out _));
    }

    [Fact]
    public async Task A_tail_ends_when_the_log_is_closed()
    {
        PersistentLog log = PersistentLog.Open(_folder.NewLog("x"u8));
        LogTail tail = log.Tail(log.Length);
        ValueTask<bool> waiting = tail.WaitToReadAsync(TestContext.Current.CancellationToken);
        Assert.False(tail.Completion.IsCompleted);
        log.Dispose();
        Assert.False(await waiting);
        Assert.False(await tail.WaitToReadAsync(TestContext.Current.CancellationToken));
        await tail.Completion;
        Assert.False(tail.TryRead(out _));
        Assert.Equal(0, tail.Count);
    }

    [Fact]
    public async Task A_rewound_log_is_followed_from_its_beginning()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog(LogFolder.Pattern(1000)));
        LogTail tail = log.Tail(1000);
        ValueTask<bool> waiting = tail.WaitToReadAsync(TestContext.Current.CancellationToken);
        log.Rewind();
        Assert.False(waiting.IsCompleted);
        log.Append("again"u8);
        Assert.True(await waiting);
        Assert.True(tail.TryRead(out ReadOnlyMemory<byte> item));
        Assert.Equal("again"u8.ToArray(), item.ToArray());
    }

    [Fact]
    public async Task Waiting_can_be_cancelled_without_loss()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog([]));
        LogTail tail = log.Tail();
        using var source = new CancellationTokenSource();
        ValueTask<bool> waiting = tail.WaitToReadAsync(source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await tail.WaitToReadAsync(source.Token));
        log.Append("x"u8);
        Assert.True(await tail.WaitToReadAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Every_tail_sees_every_byte_of_many_appenders_once_and_in_order(int seed)
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        byte[][][] appends = [.. Enumerable.Range(0, 2).Select(i => Appends(new Random((seed * 10) + i)))];
        int total = appends.Sum(author => author.Sum(append => append.Length));
        Task<byte[]>[] tails = [.. Enumerable.Range(0, 3).Select(i => Task.Run(() => Collect(log.Tail(chunkSize: 100 * (i + 1)), total)))];
        await Task.WhenAll(appends.Select(author => Task.Run(() => Array.ForEach(author, append => log.Append(append)))));
        byte[] content = LogFolder.Content(log);
        Assert.Equal(total, content.Length);
        foreach (Task<byte[]> tail in tails)
            Assert.Equal(content, await tail);
    }

    private static byte[][] Appends(Random random) => [.. Enumerable.Range(0, 1000).Select(n => LogFolder.Pattern(random.Next(1, 400), n))];

    private static async Task<byte[]> Collect(LogTail tail, int total)
    {
        var seen = new MemoryStream();
        while (seen.Length < total && await tail.WaitToReadAsync(TestContext.Current.CancellationToken))
        {
            while (tail.TryRead(out ReadOnlyMemory<byte> item))
                seen.Write(item.Span);
        }

        return seen.ToArray();
    }
}
