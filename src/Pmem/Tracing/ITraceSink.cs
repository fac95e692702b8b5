namespace Pmem.Tracing;

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

    /// <summary>
    /// What the calling thread means by what it does: an operation, a transaction and its ranges, an object, a commit word. Changes no memory.
    /// </summary>
    /// <param name="map">The map, or null where the note is about none.</param>
    /// <param name="note">What is noted.</param>
    /// <param name="offset">First byte of the range, 0 where there is none.</param>
    /// <param name="length">Length of the range in bytes.</param>
    /// <param name="text">A name or a reason, or null.</param>
    void OnNote(PersistentMap? map, TraceNote note, long offset, long length, string? text)
    {
        // Most sinks have no use for notes.
    }
}
