using System.Diagnostics;
using Pmem.Logs;

namespace Pmem.Bench;

/// <summary>Our side of the log cases; the same work as peers/bench_log.c.</summary>
internal sealed class LogSide(string folder) : IDisposable
{
    private const long PoolSize = 256L << 20;
    private const long ClosedPoolSize = 64L << 20;

    private readonly Memory<byte> _data = Aligned(1 << 20);
    private readonly ReadOnlyMemory<byte>[] _pieces = new ReadOnlyMemory<byte>[4];
    private PersistentLog? _log;
    private long _sum;

    public static void AddCases(List<Case> cases)
    {
        foreach (long size in (long[])[64, 512, 4096, 65536])
            cases.Add(new Case("log-append", size, size > 4096 ? 1000 : 20_000, 1.0, "B"));
        foreach (long size in (long[])[64, 512, 4096])
            cases.Add(new Case("log-appendv", size, 20_000, 1.0, "B"));
        foreach (long size in (long[])[512, 4096, 65536])
            cases.Add(new Case("log-walk", size, 20, 1.0, "B"));
        cases.Add(new Case("log-open", 0, 20, 1.0, string.Empty));
    }

    /// <summary>Runs one repetition; returns nanoseconds.</summary>
    public double Run(Case item)
    {
        if (item.Name == "log-open")
            return Open(item.Count);
        PersistentLog log = Log();
        if (item.Name == "log-walk")
            return Walk(log, (int)item.Parameter, item.Count);
        if (log.FreeBytes < item.Parameter * item.Count)
            log.Rewind();
        return item.Name == "log-append" ? Append(log, (int)item.Parameter, item.Count) : AppendPieces(log, (int)item.Parameter, item.Count);
    }

    public void Dispose() => _log?.Dispose();

    /// <summary>Memory that begins on a page, as C's does.</summary>
    private static unsafe Memory<byte> Aligned(int size)
    {
        byte[] data = GC.AllocateArray<byte>(size + 4096, pinned: true);
        fixed (byte* first = data)
            return data.AsMemory((int)(-(nint)first & 4095), size);
    }

    private static double Since(long start) => Stopwatch.GetElapsedTime(start).TotalNanoseconds;

    private PersistentLog Log()
    {
        if (_log is null)
        {
            _data.Span.Fill(7);
            _log = PersistentLog.Create(Path.Combine(folder, "net.log"), PoolSize);
            Fill(_log); // touch every page
        }

        return _log;
    }

    private void Fill(PersistentLog log)
    {
        while (log.TryAppend(_data.Span, out _))
        {
            // Until it is full.
        }
    }

    private double Append(PersistentLog log, int size, int count)
    {
        ReadOnlySpan<byte> data = _data.Span[..size];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            log.Append(data);
        return Since(start);
    }

    private double AppendPieces(PersistentLog log, int size, int count)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            for (int piece = 0; piece < _pieces.Length; piece++)
                _pieces[piece] = _data.Slice(4096 * piece, size / 4);
            log.Append(_pieces);
        }

        return Since(start);
    }

    private double Walk(PersistentLog log, int size, int count)
    {
        Fill(log);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            log.Walk(size, ref _sum, static (chunk, ref sum) =>
            {
                sum += BitConverter.ToInt64(chunk) + chunk.Length;
                return true;
            });
        }

        return Since(start);
    }

    private double Open(int count)
    {
        string path = Path.Combine(folder, "net.log-closed");
        if (!File.Exists(path))
            PersistentLog.Create(path, ClosedPoolSize).Dispose();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            PersistentLog.Open(path).Dispose();
        return Since(start);
    }
}
