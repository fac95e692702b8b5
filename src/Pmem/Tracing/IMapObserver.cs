namespace Pmem.Tracing;

/// <summary>
/// Sees what is read from one map before it is read: how a test finds out what recovery looks at, and decides it as late as that. Works only
/// in a process that traces (<see cref="PersistenceTrace.IsEnabled"/>).
/// </summary>
/// <remarks>
/// A span, a reference or a window counts as read, and as possibly written, when it is handed out; the map's pointer counts as everything.
/// Called on the reading thread, without a lock.
/// </remarks>
public interface IMapObserver
{
    /// <summary>A range is about to be read, or handed out for reading and writing.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="survivesPoison">Whether the read is one that may meet a media error: <see cref="PersistentMap.TryRead"/> and its kin.</param>
    /// <returns>False when the media under the range is bad: a checked read fails, any other throws <see cref="MediaErrorException"/>, where hardware would kill the process.</returns>
    bool OnRead(long offset, long length, bool survivesPoison);

    /// <summary>A range is about to be overwritten by a store, a copy or a fill.</summary>
    void OnWrite(long offset, long length);
}
