namespace Pmem.Logs.Tests;

public sealed class LogStreamTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_stream_reads_the_log_as_it_is_at_each_read()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog("first\n"u8));
        using var reader = new StreamReader(log.OpenRead());
        Assert.Equal("first", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Null(await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        log.Append("second\n"u8);
        Assert.Equal("second", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_stream_seeks()
    {
        byte[] content = LogFolder.Pattern(1000);
        using PersistentLog log = PersistentLog.Open(_folder.NewLog(content));
        using Stream stream = log.OpenRead();
        Assert.True(stream is { CanRead: true, CanSeek: true, CanWrite: false, Length: 1000 });
        Assert.Equal(990, stream.Seek(-10, SeekOrigin.End));
        Assert.Equal(content[990], stream.ReadByte());
        Assert.Equal(995, stream.Seek(4, SeekOrigin.Current));
        byte[] rest = new byte[100];
        Assert.Equal(5, stream.Read(rest, 10, 90));
        Assert.Equal(content[995..], rest[10..15]);
        stream.Position = 5000;
        Assert.Equal(-1, stream.ReadByte());
        Assert.Throws<IOException>(() => stream.Seek(-1, SeekOrigin.Begin));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Position = -1);
    }

    [Fact]
    public void A_stream_does_not_write_and_leaves_the_log_open()
    {
        using PersistentLog log = PersistentLog.Open(_folder.NewLog("abc"u8));
        Stream stream = log.OpenRead();
        Assert.Throws<NotSupportedException>(() => stream.WriteByte(1));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(1));
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
        Assert.Equal(3, log.Append("d"u8));
    }
}
