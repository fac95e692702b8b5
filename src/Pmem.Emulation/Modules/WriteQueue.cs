using Pmem.CrashTesting;
using Pmem.Tracing;

namespace Pmem.Emulation.Modules;

/// <summary>
/// The write queues of the modules of a set, as far as power cuts need them: a deep flush of any volume of the set drains them, and with them what the other tracked volumes have in
/// them. Members may be called from many threads.
/// </summary>
internal sealed class WriteQueue : ITraceSink, IDisposable
{
    private readonly Lock _gate = new();
    private readonly IDisposable _attachment;

    // Read in callbacks, under the gate of the trace: no lock is taken there.
    private volatile PersistentMap[] _maps = [];
    private volatile Share[] _shares = [];

    public WriteQueue() => _attachment = PersistenceTrace.Attach(this);

    /// <summary>A volume of the set, tracked or not.</summary>
    public void Add(PersistentMap map)
    {
        lock (_gate)
            _maps = [.. _maps.Where(other => other.Length > 0), map];
    }

    /// <summary>A volume that is tracked from now on.</summary>
    public Share Add(TraceRecorder recorder)
    {
        var share = new Share(recorder);
        lock (_gate)
            _shares = [.. _shares, share];
        return share;
    }

    public void Dispose() => _attachment.Dispose();

    void ITraceSink.OnMap(PersistentMap map)
    {
        // Volumes are told of by the platform.
    }

    void ITraceSink.OnUnmap(PersistentMap map)
    {
        // What is in the queue stays there.
    }

    void ITraceSink.OnStore(PersistentMap map, long offset, ReadOnlySpan<byte> bytes, StoreKind kind)
    {
        // The recorder has it.
    }

    void ITraceSink.OnFlush(PersistentMap map, long offset, long length)
    {
        // The recorder has it.
    }

    void ITraceSink.OnFence(PersistentMap map)
    {
        // The recorder has it.
    }

    void ITraceSink.OnDeepFlush(PersistentMap map, long offset, long length)
    {
        if (Array.IndexOf(_maps, map) < 0)
            return;
        foreach (Share share in _shares)
            share.Drained = share.Recorder.EventCount;
    }

    void ITraceSink.OnMark(string name)
    {
        // Drains nothing.
    }

    /// <summary>What a volume has in the queues.</summary>
    /// <param name="recorder">What records it.</param>
    internal sealed class Share(TraceRecorder recorder)
    {
        public TraceRecorder Recorder => recorder;

        /// <summary>Events of the recorder of which nothing is in the queues any more.</summary>
        public int Drained { get; set; }
    }
}
