using Pmem.Pools.Sets;
using Pmem.Tracing;

namespace Pmem.Pools;

/// <content>Growing sets of folders.</content>
public sealed partial class PoolFile
{
    private bool _growthFailed;

    /// <summary>Whether the pool lies in folders, so that <see cref="Grow"/> can make it larger while it is open.</summary>
    public bool CanGrow => _layout is { IsDirectoryBased: true, SingleHeader: true };

    /// <summary>Bytes that the pool can have: those that the folders of the set file reserve, or its size.</summary>
    public long MaximumSize => CanGrow ? Math.Max(Size, _layout!.Reservation & -PageSize) : Size;

    /// <summary>
    /// Adds a part of so many bytes to each replica, or of what the set file leaves (PMDK <c>util_pool_extend</c>). The pool is longer at return;
    /// files and names are durable, so the kind of pool may store its new size. A crash before that leaves files that the next growth uses, or
    /// the next open removes. Not to be called twice at once; other threads may use the pool.
    /// </summary>
    /// <param name="bytes">Wanted; rounded down to a page.</param>
    /// <returns>The bytes added, 0 when the folders may not hold another part.</returns>
    /// <exception cref="PmemException">A file cannot be created or mapped, a full disk for instance; the pool is as before.</exception>
    public long Grow(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ObjectDisposedException.ThrowIf(_closed, this);
        bytes = Math.Min(bytes, MaximumSize - Size) & -PageSize;
        if (!CanGrow || _growthFailed || bytes < MinimumPartSize || Array.Exists(_replicas, replica => replica.Map.Length != Size))
            return 0;
        SetLayout layout = _layout!;
        layout.AppendPart(bytes);
        int appended = _replicas.Length;
        try
        {
            // The master last: until it is longer nobody stores there, and so nothing has to follow.
            while (appended > 0)
            {
                _replicas[appended - 1].Append(layout, layout.Replicas[appended - 1].Parts[^1]);
                appended--;
                PersistenceTrace.Mark("part added");
            }

            if (!OperatingSystem.IsWindows())
            {
                foreach (ReplicaLayout replica in layout.Replicas)
                {
                    File.SetUnixFileMode(replica.Parts[^1].Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                    PersistenceTrace.Mark("mode of an added part");
                }
            }

            return bytes;
        }
        catch
        {
            // What is mapped cannot be taken back: such a pool grows no more before it is opened again.
            _growthFailed = appended < _replicas.Length;
            for (int r = appended; r < _replicas.Length; r++)
                File.Delete(layout.Replicas[r].Parts[^1].Path);
            layout.RemoveLastPart();
            throw;
        }
    }
}
