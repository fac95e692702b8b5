using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Model;

/// <summary>What a namespace of a size would be: how much of it its users get, and which sizes are legal, before anything is written.</summary>
/// <param name="Size">The size that was asked for.</param>
/// <param name="IsLegal">Whether it is a legal size.</param>
/// <param name="UsableSize">Bytes that users get of it, or of the next legal size; 0 when none is possible.</param>
/// <param name="Unit">Sizes are multiples of this.</param>
/// <param name="SmallerSize">The largest legal size that is not more; 0 when there is none.</param>
/// <param name="LargerSize">The smallest legal size that is not less.</param>
/// <param name="Reason">Why it is not legal; empty when it is.</param>
public sealed record CapacityAdvice(ulong Size, bool IsLegal, ulong UsableSize, ulong Unit, ulong SmallerSize, ulong LargerSize, string Reason)
{
    /// <summary>The smallest namespace in every mode but raw.</summary>
    public const ulong MinimumSize = 16 << 20;

    private const ulong DefaultAlignment = 2 << 20;

    /// <summary>Advises.</summary>
    /// <param name="ways">DIMMs of the region.</param>
    /// <param name="regionAlignment">The region's unit.</param>
    /// <param name="start">System physical address of the namespace.</param>
    /// <param name="request">Mode, alignment, map, sector size.</param>
    /// <param name="size">Raw bytes.</param>
    public static CapacityAdvice For(int ways, ulong regionAlignment, ulong start, NamespaceRequest request, ulong size)
    {
        ulong unit = UnitOf(ways, regionAlignment, request);
        ulong minimum = request.Mode == NamespaceMode.Raw ? unit : RoundUp(MinimumSize, unit);
        ulong smaller = size < minimum ? 0 : size / unit * unit;
        ulong larger = Math.Max(minimum, size > ulong.MaxValue - unit ? ulong.MaxValue / unit * unit : RoundUp(size, unit));
        string reason = size < minimum
            ? $"{size} bytes are less than {minimum}, the smallest namespace in {request.Mode.ToString().ToLowerInvariant()} mode here"
            : size % unit != 0 ? $"{size} bytes are not a multiple of {unit}, which alignment and {ways} way(s) demand" : string.Empty;
        return new CapacityAdvice(size, reason.Length == 0, UsableOf(start, request, reason.Length == 0 ? size : larger), unit, smaller, larger, reason);
    }

    /// <summary>Sizes are multiples of the region's alignment, and of the namespace's on each DIMM.</summary>
    internal static ulong UnitOf(int ways, ulong regionAlignment, NamespaceRequest request)
    {
        bool hasPages = request.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        ulong perWay = (hasPages ? request.Alignment ?? DefaultAlignment : 4096) * (ulong)ways;
        ulong a = regionAlignment;
        ulong b = perWay;
        while (b != 0)
            (a, b) = (b, a % b);
        return regionAlignment / a * perWay;
    }

    private static ulong UsableOf(ulong start, NamespaceRequest request, ulong size)
    {
        switch (request.Mode)
        {
            case NamespaceMode.Raw:
                return size;
            case NamespaceMode.Sector:
                return size > long.MaxValue ? 0 : UsableSectors((long)size, request.SectorSize ?? 4096);
            default:
                try
                {
                    var block = PfnInfoBlock.Compute(request.Mode == NamespaceMode.Fsdax ? PfnKind.Pfn : PfnKind.Dax, request.Map, start, size, request.Alignment ?? DefaultAlignment, Guid.Empty, Guid.Empty);
                    return size - block.DataOffset - block.EndTruncate;
                }
                catch (PmemException)
                {
                    return 0;
                }
        }
    }

    private static ulong UsableSectors(long size, int sectorSize)
    {
        ulong usable = 0;
        for (long rest = size; rest >= BttLayout.MinimumArena;)
        {
            if (sectorSize < 1 || ArenaGeometry.FindProblem(BttFormat.Uefi20, rest, sectorSize) is not null)
                return 0;
            var arena = ArenaGeometry.Compute(BttFormat.Uefi20, rest, sectorSize);
            // Linux counts the sector without its metadata.
            usable += (ulong)arena.ExternalBlocks * (sectorSize >= 4096 ? 4096UL : 512UL);
            rest -= arena.Length;
        }

        return usable;
    }

    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}
