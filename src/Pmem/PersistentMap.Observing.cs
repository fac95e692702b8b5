using System.Runtime.CompilerServices;
using Pmem.Tracing;

namespace Pmem;

/// <content>What tests need: seeing reads, and taking changes back.</content>
public sealed unsafe partial class PersistentMap
{
    private IMapObserver? _observer;

    /// <summary>
    /// Shows every read of this map to <paramref name="observer"/> from now on; null ends it. For tests; must not be called while other
    /// threads use the map.
    /// </summary>
    /// <exception cref="InvalidOperationException">Tracing is off in this process.</exception>
    public void Observe(IMapObserver? observer)
    {
        if (!PersistenceTrace.IsEnabled)
            throw new InvalidOperationException("tracing is off in this process: set the AppContext switch Pmem.Tracing, or start it with PMEM_TRACING=1");
        _observer = observer;
    }

    /// <summary>
    /// Gives up every change that was made through a <see cref="MapAccess.CopyOnWrite"/> map: it shows the file again, as it is now. Spans and
    /// references stay valid.
    /// </summary>
    /// <exception cref="InvalidOperationException">The map is not a private one of a file.</exception>
    /// <exception cref="PmemException">The system refused.</exception>
    public void DiscardChanges()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!_isPrivate)
            throw new InvalidOperationException("only a copy-on-write map of a file has changes of its own to discard");
        _region.Discard();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Observed(long offset, long length)
    {
        if (_observer is { } observer && !observer.OnRead(offset, length, survivesPoison: false))
            throw new MediaErrorException(offset, length);
    }
}
