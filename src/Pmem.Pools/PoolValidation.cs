namespace Pmem.Pools;

/// <summary>The rules by which a header is accepted, in PMDK's order, so that both give the same verdict.</summary>
public static class PoolValidation
{
    /// <summary>The first rule that a header of a single-part pool breaks, or null when it is valid.</summary>
    /// <param name="header">The header as read.</param>
    /// <param name="kind">The kind of pool that is wanted; null accepts any.</param>
    public static PmemFormatException? FindProblem(in PoolHeader header, PoolKind? kind)
    {
        if (header.Major == 0)
            return new PmemFormatException("pool header major version", 8, $"{(kind is { } wanted ? PoolHeader.MajorOf(wanted) : 1)}", "0 (invalid major version: the file is empty or was never a pool)");
        if (header.Kind is null || (kind is not null && header.Kind != kind))
            return new PmemFormatException("pool header signature", 0, kind is null ? "a pool" : $"a pool of kind {kind} (wrong pool type)", $"0x{header.Signature:x16}");
        PoolKind found = header.Kind.Value;
        uint major = PoolHeader.MajorOf(found);
        if (header.Major != major)
        {
            string remedy = header.Major < major ? "; convert it with pmdk-convert first" : "; a newer program made it";
            return new PmemFormatException("pool header major version", 8, $"{major}", $"{header.Major}{remedy}");
        }

        uint unknown = (uint)header.Incompat & ~(uint)PoolFeatures.KnownIncompat;
        if (unknown != 0)
            return new PmemFormatException("pool header incompat features", 16, "known features only", $"unknown bits 0x{unknown:x}: unsafe to continue");
        ulong checksum = header.ComputeChecksum();
        if (header.Checksum != checksum)
            return new PmemFormatException("pool header checksum", PoolHeader.ChecksumPosition, $"0x{checksum:x16}", $"0x{header.Checksum:x16}");
        if (!header.HasArchitecture())
        {
            return new PmemFormatException(
                "pool header architecture flags", 128, "those of this machine", $"machine {header.Machine}, class {header.MachineClass}, alignments 0x{header.AlignmentDescriptor:x}");
        }

        if (header.PreviousPartUuid != header.Uuid || header.NextPartUuid != header.Uuid)
            return new PmemFormatException("pool header part uuid", 56, $"{header.Uuid} (a pool of one part)", $"{header.PreviousPartUuid}, {header.NextPartUuid}; open it through its pool set file");
        if (header.Incompat.HasFlag(IncompatFeatures.SingleHeader))
            return new PmemFormatException("pool header incompat features", 16, "no SINGLEHDR in a pool of one part", "SINGLEHDR; open it through its pool set file");
        if (header.PreviousReplicaUuid != header.Uuid || header.NextReplicaUuid != header.Uuid)
            return new PmemFormatException("pool header replica uuid", 88, $"{header.Uuid} (a pool of one replica)", $"{header.PreviousReplicaUuid}, {header.NextReplicaUuid}; open it through its pool set file");
        return null;
    }
}
