namespace Pmem.Pools.Sets;

/// <summary>
/// The rings of uuids that hold a set together: each part names its neighbours in the replica, and the first parts of the neighbouring
/// replicas; the last is followed by the first.
/// </summary>
internal static class UuidRing
{
    /// <summary>Gives a header its own uuid and those of its neighbours.</summary>
    /// <param name="header">The header to be changed.</param>
    /// <param name="uuids">For each replica the uuids of the parts that have headers.</param>
    /// <param name="replica">The header's replica.</param>
    /// <param name="part">The header's part.</param>
    public static void Link(ref PoolHeader header, Guid[][] uuids, int replica, int part)
    {
        Guid[] parts = uuids[replica];
        header.Uuid = parts[part];
        header.PreviousPartUuid = parts[Before(part, parts.Length)];
        header.NextPartUuid = parts[After(part, parts.Length)];
        header.PreviousReplicaUuid = uuids[Before(replica, uuids.Length)][0];
        header.NextReplicaUuid = uuids[After(replica, uuids.Length)][0];
    }

    /// <summary>The neighbour before, in a ring of so many.</summary>
    public static int Before(int index, int count) => (index + count - 1) % count;

    /// <summary>The neighbour behind, in a ring of so many.</summary>
    public static int After(int index, int count) => (index + 1) % count;
}
