using System.Buffers;

namespace Pmem.Logs.Tests;

/// <summary>Random work on a log and on a list of bytes leaves the same, whatever way it is read, and after each reopen.</summary>
public sealed class ModelTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_log_is_the_list_of_its_bytes(int seed)
    {
        var random = new Random(seed);
        string path = _folder.File("model.pool");
        var model = new List<byte>();
        PersistentLog log = PersistentLog.Create(path, LogFolder.Size);
        try
        {
            for (int i = 0; i < 800; i++)
            {
                int size = random.Next(3) switch { 0 => random.Next(10), 1 => random.Next(500), _ => random.Next(20_000) };
                byte[] data = new byte[size];
                random.NextBytes(data);
                bool fits = size <= log.Capacity - model.Count;
                switch (random.Next(8))
                {
                    case <= 2:
                        Assert.Equal(fits, log.TryAppend(data, out long at));
                        Assert.True(!fits || at == model.Count, $"seed {seed}, step {i}");
                        break;
                    case 3:
                        int cut = random.Next(size + 1);
                        Assert.Equal(fits, log.TryAppend((ReadOnlySpan<ReadOnlyMemory<byte>>)[data.AsMemory(0, cut), default, data.AsMemory(cut)], out _));
                        break;
                    case 4:
                        Assert.Equal(fits, log.TryAppend(new ReadOnlySequence<byte>(data), out _));
                        break;
                    case 5:
                        using (LogWriter writer = log.CreateWriter())
                        {
                            writer.Write(data.AsSpan(0, size / 2));
                            writer.Write(data.AsSpan(size / 2));
                            if (fits)
                                Assert.Equal(model.Count, writer.Commit());
                            else
                                Assert.Throws<OutOfSpaceException>(() => writer.Commit());
                        }

                        break;
                    case 6 when random.Next(20) == 0:
                        log.Rewind();
                        model.Clear();
                        continue;
                    case 6 when random.Next(5) == 0:
                        log.Dispose();
                        log = PersistentLog.Open(path);
                        continue;
                    default:
                        Compare(log, model, random, $"seed {seed}, step {i}");
                        continue;
                }

                if (fits)
                    model.AddRange(data);
            }

            Assert.Equal(model, LogFolder.Content(log));
        }
        finally
        {
            log.Dispose();
        }

        Assert.True(PersistentLog.Check(path).IsConsistent);
    }

    private static void Compare(PersistentLog log, List<byte> model, Random random, string where)
    {
        Assert.True(model.Count == log.Length, where);
        int from = random.Next(model.Count + 1);
        byte[] part = new byte[random.Next(5000)];
        int expected = Math.Min(part.Length, model.Count - from);
        switch (random.Next(3))
        {
            case 0:
                Assert.Equal(expected, log.Read(from, part));
                break;
            case 1:
                using (Stream stream = log.OpenRead())
                {
                    stream.Position = from;
                    Assert.Equal(expected, stream.ReadAtLeast(part, part.Length, throwOnEndOfStream: false));
                }

                break;
            default:
                int seen = 0;
                int step = random.Next(1, 3000);
                log.Walk(step, chunk =>
                {
                    Assert.True(chunk.SequenceEqual(model.GetRange(seen, chunk.Length).ToArray()), where);
                    seen += chunk.Length;
                    return true;
                });
                Assert.Equal(model.Count, seen);
                return;
        }

        Assert.True(part.AsSpan(0, expected).SequenceEqual(model.GetRange(from, expected).ToArray()), where);
    }
}
