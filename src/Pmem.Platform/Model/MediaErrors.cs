namespace Pmem.Platform.Model;

/// <summary>A range of a DIMM's media.</summary>
/// <param name="Dimm">Name of the DIMM.</param>
/// <param name="Dpa">DIMM physical address.</param>
/// <param name="Length">Bytes.</param>
public sealed record DimmRange(string Dimm, ulong Dpa, ulong Length);

/// <summary>A range of memory that cannot be read.</summary>
/// <param name="Address">System physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Parts">Where that is on DIMMs, in the order of addresses; empty when it is not known.</param>
public sealed record BadRange(ulong Address, ulong Length, IReadOnlyList<DimmRange> Parts);

/// <summary>Sectors of 512 bytes that cannot be read: a line of Linux's <c>badblocks</c>, an element of ndctl's. Places in files and device nodes, in bytes, are a
/// <see cref="BadBlock"/>'s.</summary>
/// <param name="Offset">First sector, from the start of the region, or of the data of the namespace.</param>
/// <param name="Count">Sectors.</param>
/// <param name="Dimms">Names of the DIMMs that are to blame; empty when it is not known.</param>
public sealed record BadSectorRange(ulong Offset, ulong Count, IReadOnlyList<string> Dimms);

/// <summary>What cannot be read of a platform, a region, a namespace or a DIMM.</summary>
/// <param name="Scope">Name of what was asked for; the platform's provider when it was everything.</param>
/// <param name="Start">System physical address from which blocks are counted; 0 for DIMMs and platforms, of which none are counted.</param>
/// <param name="Ranges">The ranges, by address, none touching another.</param>
public sealed record MediaErrors(string Scope, ulong Start, IReadOnlyList<BadRange> Ranges)
{
    /// <summary>Bytes of a sector of <see cref="Blocks"/>.</summary>
    public const ulong SectorSize = 512;

    /// <summary>Bytes that cannot be read.</summary>
    public ulong Bytes => Ranges.Aggregate(0UL, (sum, range) => sum + range.Length);

    /// <summary>
    /// The same in sectors of 512 bytes of a region or namespace, rounded outwards as Linux does; empty for DIMMs and platforms.
    /// </summary>
    public IReadOnlyList<BadSectorRange> Blocks
    {
        get
        {
            var blocks = new List<BadSectorRange>();
            foreach (BadRange range in Start == 0 ? [] : Ranges)
            {
                ulong first = (range.Address - Start) / SectorSize;
                ulong end = (range.Address - Start + range.Length + SectorSize - 1) / SectorSize;
                string[] dimms = [.. range.Parts.Select(part => part.Dimm).Distinct(StringComparer.Ordinal)];
                if (blocks.Count > 0 && first <= blocks[^1].Offset + blocks[^1].Count)
                    blocks[^1] = new BadSectorRange(blocks[^1].Offset, end - blocks[^1].Offset, [.. blocks[^1].Dimms.Union(dimms, StringComparer.Ordinal)]);
                else
                    blocks.Add(new BadSectorRange(first, end - first, dimms));
            }

            return blocks;
        }
    }
}

/// <summary>Which sectors of a namespace are to become unreadable (<c>ndctl inject-error</c>).</summary>
/// <param name="Block">First sector of 512 bytes, from the start of the data; in sector mode from the start of the namespace.</param>
/// <param name="Count">Sectors.</param>
public sealed record ErrorInjection(ulong Block, ulong Count = 1)
{
    /// <summary>Whether the system is told; otherwise it learns of it at the next scrub.</summary>
    public bool Notify { get; init; } = true;

    /// <summary>Whether the whole sectors become unreadable, rather than the smallest part of each that makes them so.</summary>
    public bool Saturate { get; init; }
}
