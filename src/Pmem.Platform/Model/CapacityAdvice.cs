using System.Text;
using Pmem.Blocks.Layout;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;

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
    private const int MostSteps = 128;

    /// <summary>Advises.</summary>
    /// <param name="ways">DIMMs of the region.</param>
    /// <param name="regionAlignment">The region's unit.</param>
    /// <param name="start">System physical address of the namespace.</param>
    /// <param name="request">Mode, alignment, map, sector size.</param>
    /// <param name="size">Raw bytes.</param>
    /// <param name="format">Which block translation table a sector namespace gets: 2.0 with labels of version 1.2, 1.1 otherwise.</param>
    public static CapacityAdvice For(int ways, ulong regionAlignment, ulong start, NamespaceRequest request, ulong size, BttFormat? format = null)
    {
        format ??= BttFormat.Uefi20;
        ulong unit = UnitOf(ways, regionAlignment, request);
        ulong smallest = request.Mode == NamespaceMode.Sector ? (ulong)(BttLayout.MinimumArena + format.InitialOffset) : MinimumSize;
        ulong minimum = request.Mode == NamespaceMode.Raw ? unit : RoundUp(smallest, unit);
        ulong smaller = size < minimum ? 0 : size / unit * unit;
        ulong larger = Math.Max(minimum, size > ulong.MaxValue - unit ? ulong.MaxValue / unit * unit : RoundUp(size, unit));
        string reason = size < minimum
            ? $"{size} bytes are less than {minimum}, the smallest namespace in {request.Mode.ToString().ToLowerInvariant()} mode here"
            : size % unit != 0 ? $"{size} bytes are not a multiple of {unit}, which alignment and {ways} way(s) demand" : string.Empty;
        if (reason.Length == 0 && UsableOf(start, request, size, format, out string problem) == 0)
            reason = problem;

        // Sizes of which nothing would be left for data are no advice.
        for (int i = 0; i < MostSteps && smaller > 0 && UsableOf(start, request, smaller, format, out _) == 0; i++)
            smaller = smaller < minimum + unit ? 0 : smaller - unit;
        for (int i = 0; i < MostSteps && larger <= ulong.MaxValue - unit && UsableOf(start, request, larger, format, out _) == 0; i++)
            larger += unit;
        return new CapacityAdvice(size, reason.Length == 0, UsableOf(start, request, reason.Length == 0 ? size : larger, format, out _), unit, smaller, larger, reason);
    }

    /// <summary>The unit of namespace sizes in a region: 16 MiB, times the ways where they do not divide it.</summary>
    /// <param name="ways">DIMMs of the region, which has at least 16 MiB.</param>
    public static ulong RegionAlignmentOf(int ways)
    {
        const ulong Usual = 16 << 20;
        return Usual % (ulong)ways == 0 ? Usual : Usual * (ulong)ways;
    }

    /// <summary>Why no size can be asked for with such a mode, alignment and sector size, and what could; null when it can.</summary>
    public static (PlatformError Error, string Message, string Remedy)? FindProblem(NamespaceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string mode = request.Mode.ToString().ToLowerInvariant();
        bool hasPages = request.Mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        if (request.Alignment is { } alignment && (!hasPages || alignment is not (4096 or DefaultAlignment or 1 << 30)))
            return (PlatformError.BadAlignment, hasPages ? $"alignment {alignment} is not possible" : $"{mode} mode has no alignment", hasPages ? "take 4096, 2097152 or 1073741824" : "leave it out");
        if (Encoding.UTF8.GetByteCount(request.Name) >= NamespaceLabel.NameFieldSize)
            return (PlatformError.BadValue, $"a label has room for a name of {NamespaceLabel.NameFieldSize - 1} bytes, and '{request.Name}' has {Encoding.UTF8.GetByteCount(request.Name)}", "take a shorter one");
        if (request.SectorSize is not { } sector)
            return null;
        bool legal = request.Mode switch
        {
            NamespaceMode.Sector => sector is 512 or 520 or 528 or 4096 or 4104 or 4160 or 4224,
            NamespaceMode.Devdax => false,
            _ => sector is 512 or 4096,
        };
        return legal ? null : (PlatformError.BadSectorSize, $"sectors of {sector} bytes are not possible in {mode} mode", "take 512 or 4096; sector mode also has 520, 528, 4104, 4160 and 4224");
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

    private static ulong UsableOf(ulong start, NamespaceRequest request, ulong size, BttFormat format, out string problem)
    {
        problem = string.Empty;
        switch (request.Mode)
        {
            case NamespaceMode.Raw:
                return size;
            case NamespaceMode.Sector:
                ulong sectors = size > long.MaxValue ? 0 : UsableSectors((long)size - format.InitialOffset, request.SectorSize ?? 4096, format);
                problem = sectors == 0 ? $"{size} bytes have no room for a BTT {format.Major}.{format.Minor} with sectors of {request.SectorSize ?? 4096} bytes" : string.Empty;
                return sectors;
            default:
                try
                {
                    var block = PfnInfoBlock.Compute(request.Mode == NamespaceMode.Fsdax ? PfnKind.Pfn : PfnKind.Dax, request.Map, start, size, request.Alignment ?? DefaultAlignment, Guid.Empty, Guid.Empty);
                    return size - block.DataOffset - block.EndTruncate;
                }
                catch (PmemException impossible)
                {
                    problem = impossible.Message;
                    return 0;
                }
        }
    }

    private static ulong UsableSectors(long size, int sectorSize, BttFormat format)
    {
        ulong usable = 0;
        for (long rest = size; rest >= BttLayout.MinimumArena;)
        {
            if (sectorSize < 1 || ArenaGeometry.FindProblem(format, rest, sectorSize) is not null)
                return 0;
            var arena = ArenaGeometry.Compute(format, rest, sectorSize);
            // Linux counts the sector without its metadata.
            usable += (ulong)arena.ExternalBlocks * (sectorSize >= 4096 ? 4096UL : 512UL);
            rest -= arena.Length;
        }

        return usable;
    }

    private static ulong RoundUp(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}
