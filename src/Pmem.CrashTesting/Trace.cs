using Pmem.Tracing;

namespace Pmem.CrashTesting;

/// <summary>What happened.</summary>
public enum TraceEventKind
{
    /// <summary>Bytes were stored.</summary>
    Store,

    /// <summary>A range was flushed.</summary>
    Flush,

    /// <summary>The thread fenced.</summary>
    Fence,

    /// <summary>A range was made durable at once.</summary>
    DeepFlush,

    /// <summary>A named point: the program acknowledged something.</summary>
    Mark,
}

/// <summary>One event of a trace.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Thread">The thread's number.</param>
/// <param name="Offset">First byte, from the start of the map.</param>
/// <param name="Bytes">What was stored, for stores.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Store">How it was stored, for stores.</param>
/// <param name="Name">The name, for marks.</param>
public sealed record TraceEvent(TraceEventKind Kind, int Thread, long Offset, long Length, byte[] Bytes, StoreKind Store, string? Name = null);

/// <summary>Everything that was done to one map since recording began.</summary>
/// <param name="Initial">The map's bytes at the begin, all of them durable.</param>
/// <param name="Granularity">How the map becomes durable.</param>
/// <param name="Events">What was done, in visibility order.</param>
public sealed record Trace(byte[] Initial, StoreGranularity Granularity, IReadOnlyList<TraceEvent> Events)
{
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
