using Pmem.CrashTesting.Traces;
using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>Everything that was done to one map since recording began.</summary>
/// <param name="Initial">The map's bytes at the begin, all of them durable.</param>
/// <param name="Granularity">How the map becomes durable.</param>
/// <param name="Events">What was done, in visibility order.</param>
public sealed record Trace(byte[] Initial, StoreGranularity Granularity, IReadOnlyList<TraceEvent> Events)
{
    private ulong _fingerprint;

    /// <summary>A number that stands for what the program did, though not for the values it stored; equal for equal runs in every process.</summary>
    public ulong Fingerprint => _fingerprint != 0 ? _fingerprint : _fingerprint = TraceFingerprint.Compute(this);

    /// <summary>Whether the recording was ended in order; false when the file was cut off because the program died.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>Reads a trace file.</summary>
    /// <exception cref="PmemFormatException">The file is no trace, or is damaged before its first event.</exception>
    public static Trace Load(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return TraceReader.Read(stream);
    }

    /// <summary>Writes a trace file (docs/formats/pmtrace.md).</summary>
    public void Save(string path)
    {
        using FileStream stream = File.Create(path);
        TraceWriter.Write(this, stream);
    }

    /// <summary>The map's bytes after so many events, as another process sees them: what the death of the process leaves.</summary>
    public byte[] ImageAfter(int events)
    {
        byte[] image = [.. Initial];
        for (int i = 0; i < events; i++)
        {
            if (Events[i].Kind == TraceEventKind.Store)
                Events[i].Bytes.CopyTo(image, Events[i].Offset);
        }

        return image;
    }
}
