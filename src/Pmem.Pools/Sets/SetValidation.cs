namespace Pmem.Pools.Sets;

/// <summary>The rules by which the headers of a replica are accepted, in PMDK's order (<c>util_header_check</c> for each part, then the ring of replicas).</summary>
internal static class SetValidation
{
    /// <summary>The first rule that a replica breaks, or null.</summary>
    /// <param name="replicas">All replicas, mapped.</param>
    /// <param name="replica">The one to judge.</param>
    /// <param name="layout">The set, or null for a pool in memory.</param>
    /// <param name="kind">The kind of pool that is wanted.</param>
    /// <param name="isReadOnly">Becomes true when a header has features without whose knowledge the pool may only be read.</param>
    public static PmemFormatException? FindProblem(OpenReplica[] replicas, int replica, SetLayout? layout, PoolKind kind, ref bool isReadOnly)
    {
        OpenReplica judged = replicas[replica];
        bool several = layout?.File is not null;
        int count = judged.HeaderCount;
        PoolHeader first = judged.ReadHeader(0);
        for (int p = 0; p < count; p++)
        {
            PoolHeader header = judged.ReadHeader(p);
            string? name = several ? layout!.NameOf(replica, p) : null;
            if (PoolValidation.FindProblemInHeader(in header, kind, name) is { } problem)
                return problem;
            isReadOnly |= header.ReadOnlyCompat != ReadOnlyCompatFeatures.None;
            var links = new PartLinks(
                replicas[0].ReadHeader(0).PoolSetUuid,
                judged.ReadHeader(UuidRing.Before(p, count)).Uuid,
                judged.ReadHeader(UuidRing.After(p, count)).Uuid,
                layout is { SingleHeader: true });
            if (PoolValidation.FindProblemInLinks(in header, in first, in links, name) is { } broken)
                return broken;
        }

        Guid before = replicas[UuidRing.Before(replica, replicas.Length)].ReadHeader(0).Uuid;
        Guid after = replicas[UuidRing.After(replica, replicas.Length)].ReadHeader(0).Uuid;
        return PoolValidation.FindProblemInReplicaRing(in first, before, after, several ? $"replica {replica} of {layout!.Path}" : null);
    }
}

/// <summary>What a header must agree with.</summary>
/// <param name="PoolSet">Uuid of the pool set.</param>
/// <param name="Previous">Uuid of the part before.</param>
/// <param name="Next">Uuid of the part behind.</param>
/// <param name="SingleHeader">Whether the set file says SINGLEHDR.</param>
internal readonly record struct PartLinks(Guid PoolSet, Guid Previous, Guid Next, bool SingleHeader);
