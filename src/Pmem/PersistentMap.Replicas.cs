namespace Pmem;

/// <content>
/// Replicas: maps of other media that hold the same bytes. They follow at the moments at which this map's bytes become durable, as
/// libpmemobj's do: what is flushed here is then copied there and flushed, and one drain waits for both. A crash in between leaves a replica
/// that is behind, never one that is ahead of this map.
/// </content>
public sealed unsafe partial class PersistentMap
{
    private const StoreGranularity NotDirect = (StoreGranularity)(-1);

    /// <summary>The maps that follow this one, in the order in which they are written.</summary>
    public IReadOnlyList<PersistentMap> Replicas => _replicas;

    /// <summary>
    /// Makes another map follow this one: from now on each flushed or copied range is written to it as well, after this map. What the two hold
    /// now is the caller's business. The map stays the caller's to dispose, after this one. A map without replicas pays nothing for the feature.
    /// </summary>
    /// <remarks>To be called before other threads use the map. Stores that are never flushed do not reach replicas, nor do <see cref="Sync"/> and <see cref="DeepFlush"/>.</remarks>
    /// <exception cref="ArgumentException">The replica is shorter, read-only, or this map.</exception>
    public void AddReplica(PersistentMap replica)
    {
        ArgumentNullException.ThrowIfNull(replica);
        if (ReferenceEquals(replica, this) || replica.IsReadOnly || replica.Length < Length)
            throw new ArgumentException($"a replica is another map that can be written and has at least {Length} bytes", nameof(replica));
        _replicas = [.. _replicas, replica];
        _direct = NotDirect;
    }

    private void Replicate(long offset, long length, CopyHints hints)
    {
        foreach (PersistentMap replica in _replicas)
            replica.Follow(offset, _base + offset, length, hints);
    }

    private void Follow(long offset, byte* source, long length, CopyHints hints)
    {
        if (length == sizeof(ulong) && (offset & (sizeof(ulong) - 1)) == 0)
        {
            // A word that is failure-atomic in the master has to be so here.
            StoreUInt64(offset, Volatile.Read(ref *(ulong*)source));
            Flush(offset, sizeof(ulong));
            return;
        }

        Copy(offset, source, length, hints | CopyHints.NoDrain);
    }
}
