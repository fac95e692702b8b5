namespace Pmem.CrashTesting.Traces;

/// <summary>
/// A 64-bit number for what a program did: the places of its stores, its flushes, fences and notes, with threads numbered by first appearance.
/// Not for the values that it stored: with pools they hold numbers that are drawn anew in every run, and a replay line must outlive the run.
/// </summary>
internal sealed class TraceFingerprint
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;

    private readonly Dictionary<int, int> _threads = [];
    private ulong _hash;

    public TraceFingerprint(ReadOnlySpan<byte> initial, StoreGranularity granularity) => _hash = Mix((ulong)initial.Length, (ulong)granularity);

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
        foreach (char c in item.Name ?? string.Empty)
            hash = Mix(hash, c);
        _hash = hash;
    }

    private static ulong Mix(ulong hash, ulong value) => ulong.RotateLeft(hash ^ (value * Prime2), 31) * Prime1;
}
