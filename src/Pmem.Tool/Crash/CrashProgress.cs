using System.Diagnostics;
using Pmem.CrashTesting;

namespace Pmem.Tool.Crash;

/// <summary>Shows how far an exploration is, on standard error when a person is looking at it.</summary>
internal sealed class CrashProgress : IProgress<ExplorationProgress>, IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _width;

    public void Report(ExplorationProgress value)
    {
        if (Console.IsErrorRedirected || Stopwatch.GetElapsedTime(_start) < TimeSpan.FromSeconds(1))
            return;
        double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        string text = $"{value.PointsDone * 100L / Math.Max(1, value.Points)} % of {value.Points} crash points, {value.Images} images, {value.Images / seconds:0} a second";
        Console.Error.Write($"\r{text.PadRight(_width)}");
        _width = text.Length;
    }

    /// <summary>Wipes the line.</summary>
    public void Dispose()
    {
        if (_width > 0)
            Console.Error.Write($"\r{string.Empty.PadRight(_width)}\r");
    }
}
