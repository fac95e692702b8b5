using System.Buffers;

namespace Pmem.Logs.Tests;

/// <summary>Once warm, appending and reading allocate nothing.</summary>
public sealed class WarmPathTests : IDisposable
{
    private readonly LogFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Appending_and_reading_allocate_nothing()
    {
        using PersistentLog log = PersistentLog.Create(_folder.File("log.pool"), LogFolder.Size);
        using LogWriter writer = log.CreateWriter();
        Stream stream = log.OpenRead();
        LogTail tail = log.Tail();
        byte[] data = LogFolder.Pattern(100);
        byte[] buffer = new byte[50];
        ReadOnlyMemory<byte>[] pieces = [data, data.AsMemory(0, 10)];
        var sequence = new ReadOnlySequence<byte>(data);
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Round();
        long after = GC.GetAllocatedBytesForCurrentThread();

        // Traced copies of small stores allocate in this process only if a sink is attached, and none is.
        Assert.Equal(0, after - before);

        void Round()
        {
            log.Append(data);
            log.Append(pieces);
            log.Append(in sequence);
            writer.Write(data);
            writer.Commit();
            log.Read(7, buffer);
            stream.ReadExactly(buffer);
            tail.TryRead(buffer, out _);
            int total = 0;
            log.Walk(256, ref total, static (chunk, ref sum) =>
            {
                sum += chunk.Length;
                return true;
            });
        }
    }
}
