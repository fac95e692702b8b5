namespace Pmem.Platform.Labels;

/// <summary>One DIMM's part of a region, in the order of the NFIT's region mapping structures.</summary>
/// <param name="DpaStart">DIMM physical address of the part.</param>
/// <param name="Size">Bytes of the part.</param>
/// <param name="Member">The DIMM's identity and the region offset of its first line.</param>
public sealed record RegionMapping(ulong DpaStart, ulong Size, InterleaveSetMember Member);

/// <summary>A region as far as labels are concerned: a range of system addresses interleaved over DIMMs.</summary>
public sealed record RegionDescription
{
    private const ulong DefaultAlignment = 16 << 20;
    private const ulong PageSize = 4096;

    /// <summary>System physical address.</summary>
    public ulong SystemBase { get; init; }

    /// <summary>Type of the range; labels of version 1.2 must name it.</summary>
    public Guid Type { get; init; } = NvdimmGuids.PersistentMemory;

    /// <summary>The DIMMs, in the order of the table: the first is mapping 0, in whose labels Linux looks for namespaces.</summary>
    public required IReadOnlyList<RegionMapping> Mappings { get; init; }

    /// <summary>The cookies; computed from the mappings unless set (CXL regions compute them otherwise).</summary>
    public InterleaveSetCookie Cookie
    {
        get => _cookie ?? InterleaveSetCookie.Compute([.. Mappings.Select(mapping => mapping.Member)]);
        init => _cookie = value;
    }

    private readonly InterleaveSetCookie? _cookie;

    /// <summary>Bytes of the region.</summary>
    public ulong Size => Mappings.Aggregate(0UL, (sum, mapping) => unchecked(sum + mapping.Size));

    /// <summary>
    /// The unit of namespace sizes and addresses: 16 MiB, or 4 KiB in a region that is smaller; times the ways when they do not divide it.
    /// </summary>
    public ulong Alignment
    {
        get
        {
            ulong alignment = Size < DefaultAlignment ? PageSize : DefaultAlignment;
            ulong ways = (ulong)Math.Max(1, Mappings.Count);
            return alignment % ways == 0 ? alignment : alignment * ways;
        }
    }

    /// <summary>Rank of a DIMM in the set: its place by region offset.</summary>
    /// <param name="mapping">Which mapping.</param>
    public int PositionOf(int mapping)
    {
        // By identity, as Linux finds it: of two DIMMs that look the same, both get the rank of the first.
        InterleaveSetMember member = Mappings[mapping].Member;
        InterleaveSetMember[] sorted = [.. Mappings.Select(m => m.Member).OrderBy(m => m.RegionOffset)];
        return Array.FindIndex(sorted, m => (m with { RegionOffset = 0 }) == (member with { RegionOffset = 0 }));
    }

    /// <summary>System physical address of what a label on mapping 0 describes.</summary>
    public ulong SystemAddress(ulong dpa) => unchecked(SystemBase + ((dpa - Mappings[0].DpaStart) * (ulong)Mappings.Count));
}
