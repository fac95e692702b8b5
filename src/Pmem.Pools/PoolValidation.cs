using Pmem.Pools.Sets;

namespace Pmem.Pools;

/// <summary>The rules by which a header is accepted, in PMDK's order, so that both give the same verdict.</summary>
public static class PoolValidation
{
    private const string ThroughSet = "; open it through its pool set file";

    /// <summary>The first rule that a header of a single-part pool breaks, or null when it is valid.</summary>
    /// <param name="header">The header as read.</param>
    /// <param name="kind">The kind of pool that is wanted; null accepts any.</param>
    public static PmemFormatException? FindProblem(in PoolHeader header, PoolKind? kind)
    {
        if (FindProblemInHeader(in header, kind, name: null) is { } problem)
            return problem;
        var links = new PartLinks(header.PoolSetUuid, header.Uuid, header.Uuid, SingleHeader: false);
        return FindProblemInLinks(in header, in header, in links, name: null) ?? FindProblemInReplicaRing(in header, header.Uuid, header.Uuid, name: null);
    }

    /// <summary>The first rule that the header breaks by itself; <paramref name="name"/> is the part's in a set.</summary>
    internal static PmemFormatException? FindProblemInHeader(in PoolHeader header, PoolKind? kind, string? name)
    {
        if (header.Major == 0)
            return Problem(name, "pool header major version", 8, $"{(kind is { } wanted ? PoolHeader.MajorOf(wanted) : 1)}", "0 (invalid major version: the file is empty or was never a pool)");
        if (header.Kind is null || (kind is not null && header.Kind != kind))
            return Problem(name, "pool header signature", 0, kind is null ? "a pool" : $"a pool of kind {kind} (wrong pool type)", $"0x{header.Signature:x16}");
        uint major = PoolHeader.MajorOf(header.Kind.Value);
        if (header.Major != major)
        {
            string remedy = header.Major < major ? "; convert it with 'pmem pool convert' first" : "; a newer program made it";
            return Problem(name, "pool header major version", 8, $"{major}", $"{header.Major}{remedy}");
        }

        uint unknown = (uint)header.Incompat & ~(uint)PoolFeatures.KnownIncompat;
        if (unknown != 0)
            return Problem(name, "pool header incompat features", 16, "known features only", $"unknown bits 0x{unknown:x}: unsafe to continue");
        ulong checksum = header.ComputeChecksum();
        if (header.Checksum != checksum)
            return Problem(name, "pool header checksum", PoolHeader.ChecksumPosition, $"0x{checksum:x16}", $"0x{header.Checksum:x16}");
        return header.HasArchitecture()
            ? null
            : Problem(name, "pool header architecture flags", 128, "those of this machine", $"machine {header.Machine}, class {header.MachineClass}, alignments 0x{header.AlignmentDescriptor:x}");
    }

    /// <summary>The rule that all parts are of one pool.</summary>
    internal static PmemFormatException? FindProblemInPoolSet(in PoolHeader header, Guid pool, string? name) =>
        header.PoolSetUuid == pool ? null : Problem(name, "pool header pool set uuid", 24, $"{pool}, as other parts have", $"{header.PoolSetUuid}; the part belongs to another pool");

    /// <summary>The first rule that the header breaks together with its neighbours in the replica.</summary>
    internal static PmemFormatException? FindProblemInLinks(in PoolHeader header, in PoolHeader first, in PartLinks links, string? name)
    {
        if (FindProblemInPoolSet(in header, links.PoolSet, name) is { } foreign)
            return foreign;
        if (header.PreviousPartUuid != links.Previous || header.NextPartUuid != links.Next)
        {
            string expected = name is null ? $"{header.Uuid} (a pool of one part)" : $"{links.Previous}, {links.Next}, the parts beside it in the set file";
            return Problem(name, "pool header part uuid", 56, expected, $"{header.PreviousPartUuid}, {header.NextPartUuid}{(name is null ? ThroughSet : string.Empty)}");
        }

        if (header.Major != first.Major)
            return Problem(name, "pool header major version", 8, $"{first.Major}, as the first part has", $"{header.Major}");
        if (header.Compat != first.Compat || header.Incompat != first.Incompat || header.ReadOnlyCompat != first.ReadOnlyCompat)
            return Problem(name, "pool header features", 12, $"{first.Compat}, {first.Incompat}, {first.ReadOnlyCompat}, as the first part has", $"{header.Compat}, {header.Incompat}, {header.ReadOnlyCompat}");
        bool singleHeader = first.Incompat.HasFlag(IncompatFeatures.SingleHeader);
        if (singleHeader == links.SingleHeader)
            return null;
        return name is null
            ? Problem(name, "pool header incompat features", 16, "no SINGLEHDR in a pool of one part", "SINGLEHDR" + ThroughSet)
            : Problem(name, "pool header incompat features", 16, links.SingleHeader ? "SINGLEHDR, as the set file says" : "no SINGLEHDR, as the set file says", singleHeader ? "SINGLEHDR" : "none");
    }

    /// <summary>The rule of the ring of replicas.</summary>
    internal static PmemFormatException? FindProblemInReplicaRing(in PoolHeader header, Guid before, Guid after, string? name)
    {
        if (header.PreviousReplicaUuid == before && header.NextReplicaUuid == after)
            return null;
        string expected = name is null ? $"{header.Uuid} (a pool of one replica)" : $"{before}, {after}, the replicas beside it in the set file";
        return Problem(name, "pool header replica uuid", 88, expected, $"{header.PreviousReplicaUuid}, {header.NextReplicaUuid}{(name is null ? ThroughSet : string.Empty)}");
    }

    private static PmemFormatException Problem(string? name, string what, long offset, string expected, string found) =>
        new(name is null ? what : $"{name}: {what}", offset, expected, found);
}
