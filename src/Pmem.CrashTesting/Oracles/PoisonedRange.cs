using Pmem.Tracing;

namespace Pmem.CrashTesting.Oracles;

/// <summary>A range whose media is bad, until it is overwritten whole words at a time, as clearing poison by writing does.</summary>
internal sealed class PoisonedRange(long offset, long length) : IMapObserver
{
    private bool _cleared;

    public long Length => length;

    /// <summary>Whether it was read in a way that kills the process.</summary>
    public bool WasFatal { get; private set; }

    public bool OnRead(long from, long count, bool survivesPoison)
    {
        if (_cleared || from >= offset + length || from + count <= offset)
            return true;
        WasFatal |= !survivesPoison;
        return false;
    }

    public void OnWrite(long from, long count) => _cleared |= from <= offset && from + count >= offset + length;
}
