namespace Pmem.Tracing;

/// <summary>How a traced store was made; decides which parts of it a crash can leave.</summary>
public enum StoreKind
{
    /// <summary>One store of at most 8 aligned bytes, or typed stores issued in address order.</summary>
    Ordered,

    /// <summary>A bulk copy: width and order of its stores are undefined.</summary>
    Bulk,

    /// <summary>Non-temporal stores: durable after the thread's next fence, in any order before it.</summary>
    NonTemporal,

    /// <summary>A locked read-modify-write: a fence followed by an 8-byte store.</summary>
    ReadModifyWrite,
}

/// <summary>Receives every persistent-memory event of this process, in visibility order, one at a time (a lock is held during the call).</summary>
public interface ITraceSink
{
    /// <summary>A map was made; <paramref name="map"/> can be read for its initial content.</summary>
    void OnMap(PersistentMap map);

    /// <summary>A map is about to go away.</summary>
    void OnUnmap(PersistentMap map);

    /// <summary>Bytes were stored. Called right after the store; <paramref name="bytes"/> is what is there now.</summary>
    void OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind);

    /// <summary>A range was flushed (write-back started).</summary>
    void OnFlush(PersistentMap map, long offset, long length);

    /// <summary>The calling thread fenced: its earlier flushes and non-temporal stores are durable. Called right before the fence takes effect.</summary>
    void OnFence(PersistentMap map);

    /// <summary>A range was made durable down to media, or by the file system. Called right before it takes effect.</summary>
    void OnDeepFlush(PersistentMap map, long offset, long length);

    /// <summary>A named point in the program, for people and for oracles.</summary>
    void OnMark(string name);
}

/// <summary>The switch and the outlet of tracing. When off, which is the default, the JIT removes every trace of it.</summary>
public static class PersistenceTrace
{
    /// <summary>Whether this process traces: AppContext switch <c>Pmem.Tracing</c> or environment variable <c>PMEM_TRACING=1</c>, read once.</summary>
    public static readonly bool IsEnabled =
        (AppContext.TryGetSwitch("Pmem.Tracing", out bool on) && on) || Environment.GetEnvironmentVariable("PMEM_TRACING") == "1";

    private static ITraceSink[] s_sinks = [];

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
        if (bytes.IsEmpty)
            return;
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnStore(map, offset, bytes, kind);
        }
    }

    internal static void Flush(PersistentMap map, long offset, long length)
    {
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnFlush(map, offset, length);
        }
    }

    internal static void Fence(PersistentMap map)
    {
        lock (Gate)
        {
            foreach (ITraceSink sink in s_sinks)
                sink.OnFence(map);
        }
    }

    internal static void DeepFlush(PersistentMap map, long offset, long length)
    {
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
