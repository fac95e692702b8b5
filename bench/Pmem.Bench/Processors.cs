using System.Diagnostics;

namespace Pmem.Bench;

/// <summary>
/// Where the two sides run. Work of one thread is done by both on the same processor: those of a virtual machine are not equally fast while others use
/// the machine under it, and the side that happens to have the better one would win by up to a half.
/// </summary>
internal static class Processors
{
    private static readonly nint s_all = Environment.ProcessorCount >= 64 ? -1 : (nint)((1L << Environment.ProcessorCount) - 1);
    private static readonly nint s_last = (nint)(1L << (Math.Min(Environment.ProcessorCount, 63) - 1));

    /// <summary>Puts this thread, which is the main one, and the other side where the case belongs.</summary>
    public static void Use(Case item, TheirSide? theirs)
    {
        nint processors = item.IsSingleThreaded ? s_last : s_all;
        using Process self = Process.GetCurrentProcess();
        Set(self, processors);
        theirs?.RunOn(processors);
    }

    /// <summary>Moves the main thread of a process; threads that it starts later follow it.</summary>
    public static void Set(Process process, nint processors)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
            process.ProcessorAffinity = processors;
    }
}
