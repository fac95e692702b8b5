using System.Buffers.Binary;

namespace Pmem.Logs.Tests;

/// <summary>Many appenders and readers at once, with rewinds between them: no append is torn, lost, doubled or seen before it is whole.</summary>
public sealed class ThreadTests : IDisposable
{
    private const int Header = 12;
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Appends_are_whole_whoever_reads_and_rewinds(int seed, bool rewinds)
    {
        const int Appenders = 3;
        const int Each = 1500;
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), 4 << 20);
        int running = Appenders;
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = new List<Thread>();
        for (int i = 0; i < Appenders; i++)
        {
            int author = i;
            Start(() =>
            {
                try
                {
                    var random = new Random((seed * 100) + author);
                    for (int n = 0; n < Each; n++)
                    {
                        byte[] record = Record(author, n, random.Next(600));
                        while (!log.TryAppend((ReadOnlySpan<ReadOnlyMemory<byte>>)[record.AsMemory(0, Header), record.AsMemory(Header)], out _))
                            Thread.Yield();
                        if (rewinds && random.Next(200) == 0)
                            log.Rewind();
                    }
                }
                finally
                {
                    Interlocked.Decrement(ref running);
                }
            });
        }

        for (int i = 0; i < 2; i++)
        {
            Start(() =>
            {
                for (int n = 0; n < 3 || Volatile.Read(ref running) > 0; n++)
                {
                    log.Walk(0, chunk =>
                    {
                        Judge(chunk);
                        return true;
                    });
                }
            });
        }

        threads.ForEach(t => t.Join());
        Assert.Empty(failures);
        if (!rewinds)
            log.Walk(0, chunk =>
            {
                Assert.Equal([Each, Each, Each], Judge(chunk));
                return true;
            });

        void Start(Action body)
        {
            var thread = new Thread(() =>
            {
                try
                {
                    body();
                }
                catch (Exception e)
                {
                    failures.Enqueue(e);
                }
            });
            threads.Add(thread);
            thread.Start();
        }
    }

    [Fact]
    public void Closing_waits_for_readers_and_appenders()
    {
        for (int round = 0; round < 20; round++)
        {
            PersistentLog log = PersistentLog.Create(_folder.File($"log{round}.pool"), LogFolder.Size);
            using var started = new CountdownEvent(2);
            var threads = new Thread[2];
            int surprises = 0;
            for (int i = 0; i < 2; i++)
            {
                bool reads = i == 0;
                threads[i] = new Thread(() =>
                {
                    started.Signal();
                    try
                    {
                        byte[] buffer = new byte[4000];
                        while (true)
                        {
                            if (reads)
                                log.Read(0, buffer);
                            else if (!log.TryAppend(buffer, out _))
                                log.Rewind();
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                        // The only way in which it may end.
                    }
                    catch (Exception)
                    {
                        Interlocked.Increment(ref surprises);
                    }
                });
                threads[i].Start();
            }

            started.Wait(TestContext.Current.CancellationToken);
            Thread.Sleep(2);
            log.Dispose();
            foreach (Thread thread in threads)
                thread.Join();
            Assert.Equal(0, surprises);
            Assert.True(PersistentLog.Check(_folder.File($"log{round}.pool")).IsConsistent);
        }
    }

    private static byte[] Record(int author, int number, int length)
    {
        byte[] record = new byte[Header + length];
        BinaryPrimitives.WriteInt32LittleEndian(record, author);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), number);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), length);
        record.AsSpan(Header).Fill((byte)(author + number));
        return record;
    }

    /// <summary>Each author's records come whole and in order; returns how many there are of each.</summary>
    private static int[] Judge(ReadOnlySpan<byte> log)
    {
        int[] counts = new int[3];
        int[] last = [-1, -1, -1];
        while (!log.IsEmpty)
        {
            int author = BinaryPrimitives.ReadInt32LittleEndian(log);
            int number = BinaryPrimitives.ReadInt32LittleEndian(log[4..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(log[8..]);
            if (author is < 0 or > 2 || number <= last[author] || log.Slice(Header, length).ContainsAnyExcept((byte)(author + number)))
                throw new InvalidOperationException($"a torn or doubled record: author {author}, number {number}, length {length}");
            last[author] = number;
            counts[author]++;
            log = log[(Header + length)..];
        }

        return counts;
    }
}
