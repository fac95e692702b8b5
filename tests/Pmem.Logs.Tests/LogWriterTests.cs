using System.Buffers;
using System.Text.Json;

namespace Pmem.Logs.Tests;

public sealed class LogWriterTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void JSON_is_written_straight_into_an_append()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        using LogWriter writer = log.CreateWriter();
        using (var json = new Utf8JsonWriter(writer))
        {
            json.WriteStartObject();
            json.WriteString("text", new string('x', 3000));
            json.WriteEndObject();
        }

        Assert.Equal(0, log.Length);
        int written = writer.WrittenCount;
        Assert.Equal(0, writer.Commit());
        Assert.Equal(written, log.Length);
        Assert.Equal(0, writer.WrittenCount);
        using var document = JsonDocument.Parse(log.OpenRead());
        Assert.Equal(3000, document.RootElement.GetProperty("text").GetString()!.Length);
    }

    [Fact]
    public void What_is_not_committed_is_not_in_the_log()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        using (LogWriter writer = log.CreateWriter())
        {
            writer.Write("lost"u8);
            writer.Clear();
            writer.Write("kept"u8);
            writer.Commit();
            writer.Write("lost too"u8);
        }

        Assert.Equal("kept"u8.ToArray(), LogFolder.Content(log));
    }

    [Fact]
    public void What_does_not_fit_stays_written_and_can_be_committed_after_a_rewind()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        log.Append(new byte[log.Capacity]);
        using LogWriter writer = log.CreateWriter();
        writer.Write("late"u8);
        Assert.Throws<OutOfSpaceException>(() => writer.Commit());
        log.Rewind();
        writer.Commit();
        Assert.Equal("late"u8.ToArray(), LogFolder.Content(log));
    }

    [Fact]
    public void The_contract_of_buffer_writers_is_kept()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        LogWriter writer = log.CreateWriter();
        Assert.NotEqual(0, writer.GetSpan().Length);
        Assert.True(writer.GetMemory(100_000).Length >= 100_000);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(writer.GetSpan().Length + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.GetSpan(-1));
        writer.Dispose();
        writer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => writer.GetSpan(1));
        Assert.Throws<ObjectDisposedException>(() => writer.Commit());
    }
}
