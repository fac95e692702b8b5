namespace Pmem.Pools.Sets;

/// <summary>
/// The rules by which the headers of a set are accepted: those of PMDK (<c>util_header_check</c> for each part, then the ring of replicas). Each header
/// is judged by itself before any is compared with others, so that a damaged or foreign part is named, and not the sound one beside it.
/// </summary>
internal static class SetValidation
{
    /// <summary>The first rule that a set breaks, or null.</summary>
    /// <param name="replicas">All replicas, mapped.</param>
    /// <param name="layout">The set, or null for a pool in memory.</param>
    /// <param name="kind">The kind of pool that is wanted.</param>
    /// <param name="isReadOnly">Becomes true when a header has features without whose knowledge the pool may only be read.</param>
    public static PmemFormatException? FindProblem(IReadOnlyList<OpenReplica> replicas, SetLayout? layout, PoolKind kind, ref bool isReadOnly) =>
        FindProblem(HeadersOf(replicas), layout, kind, ref isReadOnly);

    /// <summary>All headers, for each replica those of its parts.</summary>
    public static PoolHeader[][] HeadersOf(IReadOnlyList<OpenReplica> replicas)
    {
        var headers = new PoolHeader[replicas.Count][];
        for (int r = 0; r < headers.Length; r++)
        {
            headers[r] = new PoolHeader[replicas[r].HeaderCount];
            for (int p = 0; p < headers[r].Length; p++)
                headers[r][p] = replicas[r].ReadHeader(p);
        }

        return headers;
    }

    /// <summary>The first rule that headers break, or null.</summary>
    public static PmemFormatException? FindProblem(PoolHeader[][] headers, SetLayout? layout, PoolKind kind, ref bool isReadOnly)
    {
        bool several = layout?.File is not null;
        for (int r = 0; r < headers.Length; r++)
        {
            for (int p = 0; p < headers[r].Length; p++)
            {
                if (PoolValidation.FindProblemInHeader(in headers[r][p], kind, several ? layout!.NameOf(r, p) : null) is { } problem)
                    return problem;
                isReadOnly |= headers[r][p].ReadOnlyCompat != ReadOnlyCompatFeatures.None;
            }
        }

        return FindForeign(headers, several ? layout : null) ?? FindWrongLink(headers, layout, several);
    }

    /// <summary>A part of another pool: the fewer have another uuid than the more.</summary>
    private static PmemFormatException? FindForeign(PoolHeader[][] headers, SetLayout? layout)
    {
        Guid first = headers[0][0].PoolSetUuid;
        if (Array.TrueForAll(headers, replica => Array.TrueForAll(replica, header => header.PoolSetUuid == first)))
            return null;
        Guid pool = headers.SelectMany(replica => replica).GroupBy(header => header.PoolSetUuid).MaxBy(group => group.Count())!.Key;
        for (int r = 0; r < headers.Length; r++)
        {
            int p = Array.FindIndex(headers[r], header => header.PoolSetUuid != pool);
            if (p >= 0)
                return PoolValidation.FindProblemInPoolSet(in headers[r][p], pool, layout?.NameOf(r, p));
        }

        return null;
    }

    private static PmemFormatException? FindWrongLink(PoolHeader[][] headers, SetLayout? layout, bool several)
    {
        for (int r = 0; r < headers.Length; r++)
        {
            PoolHeader[] parts = headers[r];
            for (int p = 0; p < parts.Length; p++)
            {
                var links = new PartLinks(headers[0][0].PoolSetUuid, parts[UuidRing.Before(p, parts.Length)].Uuid, parts[UuidRing.After(p, parts.Length)].Uuid, layout is { SingleHeader: true });
                if (PoolValidation.FindProblemInLinks(in parts[p], in parts[0], in links, several ? layout!.NameOf(r, p) : null) is { } broken)
                    return broken;
            }

            Guid before = headers[UuidRing.Before(r, headers.Length)][0].Uuid;
            Guid after = headers[UuidRing.After(r, headers.Length)][0].Uuid;
            if (PoolValidation.FindProblemInReplicaRing(in parts[0], before, after, several ? $"replica {r} of {layout!.Path}" : null) is { } wrong)
                return wrong;
        }

        return null;
    }
}

/// <summary>What a header must agree with.</summary>
/// <param name="PoolSet">Uuid of the pool set.</param>
/// <param name="Previous">Uuid of the part before.</param>
/// <param name="Next">Uuid of the part behind.</param>
/// <param name="SingleHeader">Whether the set file says SINGLEHDR.</param>
internal readonly record struct PartLinks(Guid PoolSet, Guid Previous, Guid Next, bool SingleHeader);
