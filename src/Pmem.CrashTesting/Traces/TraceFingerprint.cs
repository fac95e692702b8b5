using System.Runtime.InteropServices;
using Pmem.CrashTesting.Exploration;

namespace Pmem.CrashTesting.Traces;

/// <summary>A 64-bit number for what decides a trace's images: initial bytes, stores, flushes, fences and marks, with threads numbered by first appearance.</summary>
internal sealed class TraceFingerprint
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;

    private readonly Dictionary<int, int> _threads = [];
    private ulong _hash;

    public TraceFingerprint(ReadOnlySpan<byte> initial, StoreGranularity granularity)
    {
        ImageHash hash = ImageHash.Compute(initial);
        _hash = Mix(Mix(Mix(hash.Low, hash.High), (ulong)initial.Length), (ulong)granularity);
    }

    /// <summary>The number for what was added so far; never 0.</summary>
    public ulong Value => _hash == 0 ? 1 : _hash;

    public static ulong Compute(Trace trace)
    {
        var fingerprint = new TraceFingerprint(trace.Initial, trace.Granularity);
        foreach (TraceEvent item in trace.Events)
            fingerprint.Add(item);
        return fingerprint.Value;
    }

    public void Add(TraceEvent item)
    {
        if (!_threads.TryGetValue(item.Thread, out int thread))
            _threads[item.Thread] = thread = _threads.Count;
        ulong hash = Mix(_hash, ((ulong)item.Kind << 32) | ((ulong)item.Store << 24) | ((ulong)item.Flush << 16) | ((ulong)item.Fence << 8) | (ulong)item.Note);
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
        _hash = hash;
    }

    private static ulong Mix(ulong hash, ulong value) => ulong.RotateLeft(hash ^ (value * Prime2), 31) * Prime1;
}
