using System.Diagnostics;
using Pmem.Pools.Checking;

namespace Pmem.Tool;

/// <summary>Shows how far long work is, on standard error when a person is looking at it; nothing is shown of work that takes less than half a second.</summary>
internal sealed class ProgressLine : IProgress<PoolProgress>, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private long _last = Stopwatch.GetTimestamp();
    private int _width;

    public void Report(PoolProgress value)
    {
        lock (_gate)
        {
            if (Console.IsErrorRedirected || Stopwatch.GetElapsedTime(_last) < s_patience)
                return;
            _last = Stopwatch.GetTimestamp();
            string text = value.Total > 0 ? $"{value.Activity}: {value.Done * 100 / value.Total} %" : value.Activity;
            Console.Error.Write($"\r{text.PadRight(_width)}");
            _width = text.Length;
        }
    }

    /// <summary>Wipes the line.</summary>
    public void Dispose()
    {
        if (_width > 0)
            Console.Error.Write($"\r{string.Empty.PadRight(_width)}\r");
    }
}
