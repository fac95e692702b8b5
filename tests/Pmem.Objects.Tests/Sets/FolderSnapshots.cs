using System.Runtime.Versioning;
using Pmem.Tracing;

namespace Pmem.Objects.Tests.Sets;

/// <summary>
/// Copies a folder of pool files before every event that makes something durable: what the death of the process at that moment leaves on disk.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class FolderSnapshots : ITraceSink, IDisposable
{
    private readonly StoreFolder _folder;
    private readonly IDisposable _attachment;
    private readonly int _every;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private int _events;

    /// <summary>Starts taking copies; with <paramref name="every"/> 3, say, at each third event.</summary>
    public FolderSnapshots(StoreFolder folder, int every = 1)
    {
        _folder = folder;
        _every = every;
        _attachment = PersistenceTrace.Attach(this);
    }

    /// <summary>The copies in order; the caller's to dispose.</summary>
    public List<StoreFolder> Taken { get; } = [];

    /// <summary>Stops taking copies.</summary>
    public void Dispose() => _attachment.Dispose();

    /// <summary>Takes one now.</summary>
    public void Take() => Taken.Add(_folder.Copy());

    void ITraceSink.OnMap(PersistentMap map) => Count();

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        // Nothing changes in the files.
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        // Seen at the next event.
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length) => Count();

    void ITraceSink.OnFence(PersistentMap map)
    {
        // Nothing was stored since the flush.
    }

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length) => Count();

    void ITraceSink.OnMark(string name)
    {
        // Other tests run beside this one; its own work is done on its own thread.
        if (Environment.CurrentManagedThreadId == _thread)
            Take();
    }

    private void Count()
    {
        if (Environment.CurrentManagedThreadId == _thread && _events++ % _every == 0)
            Take();
    }
}
