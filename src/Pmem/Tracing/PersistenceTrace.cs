namespace Pmem.Tracing;

/// <summary>The switch and the outlet of tracing. When off, which is the default, the JIT removes every trace of it.</summary>
public static class PersistenceTrace
{
    /// <summary>Whether this process traces: AppContext switch <c>Pmem.Tracing</c> or environment variable <c>PMEM_TRACING=1</c>, read once.</summary>
    public static readonly bool IsEnabled =
        (AppContext.TryGetSwitch("Pmem.Tracing", out bool on) && on) || Environment.GetEnvironmentVariable("PMEM_TRACING") == "1";

    private static volatile ITraceSink[] s_sinks = [];

    /// <summary>Held while an event happens and is reported, so that sinks see the order in which the events became visible.</summary>
    internal static Lock Gate { get; } = new();

    /// <summary>Attaches a sink until the result is disposed. Throws <see cref="InvalidOperationException"/> when tracing is off.</summary>
    public static IDisposable Attach(ITraceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (!IsEnabled)
            throw new InvalidOperationException("tracing is off in this process: set the AppContext switch Pmem.Tracing, or start it with PMEM_TRACING=1");
        lock (Gate)
            s_sinks = [.. s_sinks, sink];
        return new Attachment(sink);
    }

    /// <summary>Passes a named point to the sinks; does nothing when tracing is off.</summary>
    public static void Mark(string name)
    {
        if (!IsEnabled)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnMark(name);
        }
    }

    /// <summary>Passes a note about a range of a map to the sinks; does nothing when tracing is off.</summary>
    /// <param name="map">The map, or null where the note is about none.</param>
    /// <param name="note">What is noted.</param>
    /// <param name="offset">First byte of the range.</param>
    /// <param name="length">Length of the range in bytes.</param>
    /// <param name="text">A name or a reason.</param>
    public static void Note(PersistentMap? map, TraceNote note, long offset = 0, long length = 0, string? text = null)
    {
        if (!IsEnabled || s_sinks.Length == 0)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnNote(map, note, offset, length, text);
        }
    }

    /// <summary>
    /// Accepts findings of a lint rule in what this thread does until the result is disposed: the place to say that, and why, a flush is
    /// meant. Costs nothing when tracing is off.
    /// </summary>
    /// <param name="rule">The rule, such as <c>PMC003</c>.</param>
    /// <param name="reason">Why it is right here; it is shown in reports.</param>
    public static Acceptance Accept(string rule, string reason)
    {
        if (!IsEnabled)
            return default;
        ArgumentException.ThrowIfNullOrEmpty(rule);
        ArgumentException.ThrowIfNullOrEmpty(reason);
        Note(null, TraceNote.AcceptBegin, text: $"{rule} {reason}");
        return default;
    }

    internal static void Mapped(PersistentMap map)
    {
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnMap(map);
        }
    }

    internal static void Unmapping(PersistentMap map)
    {
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnUnmap(map);
        }
    }

    internal static void Store(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        if (bytes.IsEmpty || s_sinks.Length == 0)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnStore(map, offset, bytes, kind);
        }
    }

    internal static void Flush(PersistentMap map, long offset, long length)
    {
        if (s_sinks.Length == 0)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnFlush(map, offset, length);
        }
    }

    internal static void Fence(PersistentMap map)
    {
        if (s_sinks.Length == 0)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnFence(map);
        }
    }

    internal static void DeepFlush(PersistentMap map, long offset, long length)
    {
        if (s_sinks.Length == 0)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnDeepFlush(map, offset, length);
        }
    }

    private sealed class Attachment(ITraceSink sink) : IDisposable
    {
        public void Dispose()
        {
            lock (Gate)
                s_sinks = Array.FindAll(s_sinks, other => !ReferenceEquals(other, sink));
        }
    }
}

/// <summary>Ends an acceptance of <see cref="PersistenceTrace.Accept"/> when disposed.</summary>
public readonly struct Acceptance : IDisposable, IEquatable<Acceptance>
{
    /// <summary>Ends it.</summary>
    public void Dispose() => PersistenceTrace.Note(null, TraceNote.AcceptEnd);

    /// <summary>All acceptances are alike.</summary>
    public bool Equals(Acceptance other) => true;

    /// <summary>All acceptances are alike.</summary>
    public override bool Equals(object? obj) => obj is Acceptance;

    /// <summary>All acceptances are alike.</summary>
    public override int GetHashCode() => 0;

    /// <summary>All acceptances are alike.</summary>
    public static bool operator ==(Acceptance left, Acceptance right) => left.Equals(right);

    /// <summary>All acceptances are alike.</summary>
    public static bool operator !=(Acceptance left, Acceptance right) => !left.Equals(right);
}
