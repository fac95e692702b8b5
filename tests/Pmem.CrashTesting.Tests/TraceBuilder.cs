using Pmem.Tracing;

namespace Pmem.CrashTesting.Tests;

/// <summary>Writes small programs as traces: <c>x</c> and <c>y</c> on lines of their own, <c>a</c> and <c>b</c> on one.</summary>
internal sealed class TraceBuilder(StoreGranularity granularity = StoreGranularity.CacheLine)
{
    public const int X = 0;
    public const int Y = 64;
    public const int Z = 128;
    public const int A = 192;
    public const int B = 200;
    public const int Length = 320;

    private readonly List<TraceEvent> _events = [];

    public TraceBuilder Store(int at, byte value, int thread = 1) => Add(TraceEventKind.Store, thread, at, Word(value), StoreKind.Ordered);

    public TraceBuilder NonTemporal(int at, byte value, int thread = 1) => Add(TraceEventKind.Store, thread, at, Word(value), StoreKind.NonTemporal);

    public TraceBuilder Exchange(int at, byte value, int thread = 1) => Add(TraceEventKind.Store, thread, at, Word(value), StoreKind.ReadModifyWrite);

    public TraceBuilder StoreWide(int at, int length, byte value, int thread = 1) => Add(TraceEventKind.Store, thread, at, [.. Enumerable.Repeat(value, length)], StoreKind.Bulk);

    /// <summary>A store through a reference, found by comparing.</summary>
    public TraceBuilder Direct(int at, byte value, int thread = 1)
    {
        Add(TraceEventKind.Store, thread, at, Word(value), StoreKind.Ordered);
        _events[^1] = _events[^1] with { IsRaw = true };
        return this;
    }

    public TraceBuilder Flush(int at, int thread = 1) => Add(TraceEventKind.Flush, thread, at, new byte[8], StoreKind.Ordered);

    public TraceBuilder DeepFlush(int at, int thread = 1) => Add(TraceEventKind.DeepFlush, thread, at, new byte[8], StoreKind.Ordered);

    public TraceBuilder Fence(int thread = 1) => Add(TraceEventKind.Fence, thread, 0, [], StoreKind.Ordered);

    public TraceBuilder Clflush(int at, int thread = 1)
    {
        Add(TraceEventKind.Flush, thread, at, new byte[8], StoreKind.Ordered);
        _events[^1] = _events[^1] with { Flush = FlushKind.Ordered };
        return this;
    }

    public TraceBuilder LoadFence(int thread = 1)
    {
        Add(TraceEventKind.Fence, thread, 0, [], StoreKind.Ordered);
        _events[^1] = _events[^1] with { Fence = FenceKind.Load };
        return this;
    }

    public TraceBuilder Note(TraceNote note, int at = 0, int length = 0, string? text = null, int thread = 1)
    {
        _events.Add(new TraceEvent(TraceEventKind.Note, thread, at, length, [], StoreKind.Ordered, text) { Note = note });
        return this;
    }

    /// <summary>An operation: what it does between its begin and its acknowledgement.</summary>
    public TraceBuilder Operation(Action<TraceBuilder> body, int thread = 1)
    {
        Note(TraceNote.OperationBegin, text: "operation", thread: thread);
        body(this);
        return Note(TraceNote.OperationEnd, text: "operation", thread: thread);
    }

    public Trace Build() => new(new byte[Length], granularity, _events);

    /// <summary>All images that power loss can leave, as values of the named bytes, sorted.</summary>
    public string Reachable(params int[] places) => Reachable(adrFails: false, places);

    /// <summary>All images that power loss can leave, with or without ADR, as values of the named bytes, sorted.</summary>
    public string Reachable(bool adrFails, params int[] places)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        ExplorationResult result = CrashExplorer.Explore(
            Build(),
            (image, crash) =>
            {
                if (!crash.IsPowerLoss)
                    return;
                string text = string.Empty;
                foreach (int place in places)
                    text += image[place];
                found.Add(text);
            },
            new ExplorationOptions { ImagesPerPoint = 100_000, ProcessKills = false, AdrFails = adrFails });
        result.ThrowIfFailed();
        Assert.True(result.Exhaustive);
        return string.Join(' ', found);
    }

    private static byte[] Word(byte value) => [value, 0, 0, 0, 0, 0, 0, 0];

    private TraceBuilder Add(TraceEventKind kind, int thread, long at, byte[] bytes, StoreKind store)
    {
        _events.Add(new TraceEvent(kind, thread, at, bytes.Length, kind == TraceEventKind.Store ? bytes : [], store));
        return this;
    }
}
