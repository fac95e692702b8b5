using System.Runtime.InteropServices;
using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting.Traces;

/// <summary>A 64-bit number for what decides a trace's images: initial bytes, stores, flushes, fences and marks, with threads numbered by first appearance.</summary>
internal static class TraceFingerprint
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;

    public static ulong Compute(Trace trace)
    {
        ImageHash initial = ImageHash.Compute(trace.Initial);
        ulong hash = Mix(Mix(Mix(initial.Low, initial.High), (ulong)trace.Initial.Length), (ulong)trace.Granularity);
        var threads = new Dictionary<int, int>();
        foreach (TraceEvent item in trace.Events)
        {
            if (!threads.TryGetValue(item.Thread, out int thread))
                threads[item.Thread] = thread = threads.Count;
            hash = Mix(hash, ((ulong)item.Kind << 32) | ((ulong)item.Store << 24) | ((ulong)item.Flush << 16) | ((ulong)item.Fence << 8) | (ulong)item.Note);
            hash = Mix(hash, (ulong)thread);
            hash = Mix(hash, (ulong)item.Offset);
            hash = Mix(hash, (ulong)item.Length);
            ReadOnlySpan<byte> bytes = item.Bytes;
            foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(bytes))
                hash = Mix(hash, word);
            foreach (byte rest in bytes[(bytes.Length & ~7)..])
                hash = Mix(hash, rest);
            foreach (char c in item.Name ?? string.Empty)
                hash = Mix(hash, c);
        }

        return hash == 0 ? 1 : hash;
    }

    private static ulong Mix(ulong hash, ulong value) => ulong.RotateLeft(hash ^ (value * Prime2), 31) * Prime1;
}
