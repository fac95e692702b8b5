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

    /// <summary>A range was made durable at once, down to media.</summary>
    DeepFlush,

    /// <summary>A named point: the program acknowledged something.</summary>
    Mark,

    /// <summary>What the program said about its own doings; changes nothing.</summary>
    Note,
}

/// <summary>How a range was flushed.</summary>
public enum FlushKind
{
    /// <summary><c>clwb</c> or <c>clflushopt</c>: takes effect at the thread's next fence.</summary>
    WriteBack,

    /// <summary><c>clflush</c>: ordered with all stores, takes effect at once.</summary>
    Ordered,
}

/// <summary>What kind of fence.</summary>
public enum FenceKind
{
    /// <summary><c>sfence</c>.</summary>
    Store,

    /// <summary><c>mfence</c> or a locked instruction.</summary>
    Full,

    /// <summary><c>lfence</c>, or a fence of the compiler only: does nothing for persistence.</summary>
    Load,
}

/// <summary>One event of a trace.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Thread">The thread's number.</param>
/// <param name="Offset">First byte, from the start of the map.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Bytes">What was stored, for stores.</param>
/// <param name="Store">How it was stored, for stores.</param>
/// <param name="Name">The name, for marks; the text, for notes.</param>
public sealed record TraceEvent(TraceEventKind Kind, int Thread, long Offset, long Length, byte[] Bytes, StoreKind Store, string? Name = null)
{
    /// <summary>How it was flushed, for flushes.</summary>
    public FlushKind Flush { get; init; }

    /// <summary>What kind of fence, for fences.</summary>
    public FenceKind Fence { get; init; }

    /// <summary>What is noted, for notes.</summary>
    public TraceNote Note { get; init; }

    /// <summary>Whether the store was made through a span or a reference and found by comparing: its order within a line is not known.</summary>
    public bool IsRaw { get; init; }

    /// <summary>Where in the program it happened, if that was recorded; of a store that was found by comparing, the place that found it: it happened before.</summary>
    public SourceStack? Source { get; init; }

    /// <summary>One line for people.</summary>
    public override string ToString()
    {
        string what = Kind switch
        {
            TraceEventKind.Store => $"{(IsRaw ? "direct store" : Store switch { StoreKind.NonTemporal => "non-temporal store", StoreKind.Bulk => "bulk store", StoreKind.ReadModifyWrite => "locked store", _ => "store" })} of {Length} bytes at 0x{Offset:x}",
            TraceEventKind.Flush => $"{(Flush == FlushKind.Ordered ? "clflush" : "flush")} of 0x{Offset:x}+{Length}",
            TraceEventKind.Fence => Fence == FenceKind.Load ? "load fence" : "fence",
            TraceEventKind.DeepFlush => $"deep flush of 0x{Offset:x}+{Length}",
            TraceEventKind.Mark => $"mark '{Name}'",
            _ => Note switch
            {
                TraceNote.OperationBegin => $"'{Name}' begins",
                TraceNote.OperationEnd => $"'{Name}' is acknowledged",
                TraceNote.AcceptBegin => $"from here on accepted: {Name}",
                TraceNote.AcceptEnd => "no longer accepted",
                _ => $"{Note} {(Length > 0 ? $"0x{Offset:x}+{Length} " : string.Empty)}{Name}".TrimEnd(),
            },
        };
        return Source?.User is { } frame ? $"{what} {(IsRaw ? "before" : "at")} {frame.Where}" : what;
    }
}
