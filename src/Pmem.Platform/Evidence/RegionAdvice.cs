using Pmem.Blocks.Layout;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Evidence;

/// <summary>What a namespace in a region would be, before anything is written.</summary>
/// <param name="Region">The region.</param>
/// <param name="Start">System physical address that it would get; of the region when no place is free.</param>
/// <param name="MaximumExtent">The largest extent that is free.</param>
/// <param name="Refusal">Why there can be none in this region, whatever the size; empty otherwise.</param>
/// <param name="Advice">What its size would come to.</param>
public sealed record RegionAdvice(string Region, ulong Start, ulong MaximumExtent, string Refusal, CapacityAdvice Advice)
{
    /// <summary>Advises.</summary>
    /// <param name="region">The region.</param>
    /// <param name="request">Mode, size, alignment, map, sector size; without a size the largest free extent.</param>
    public static RegionAdvice For(RegionEvidence region, NamespaceRequest request)
    {
        ArgumentNullException.ThrowIfNull(region);
        ArgumentNullException.ThrowIfNull(request);
        RegionDescription description = region.Description;
        int ways = description.Mappings.Count;
        if (!region.IsPersistentMemory || ways == 0)
        {
            ulong alignment = CapacityAdvice.RegionAlignmentOf(1);
            return new RegionAdvice(region.Name, region.Range.Base, 0, "labels cannot divide it: no module is said to be behind it", CapacityAdvice.For(1, alignment, region.Range.Base, request, request.Size ?? region.Range.Length));
        }

        var space = new RegionSpace(description, region.Areas);
        ulong unit = CapacityAdvice.UnitOf(ways, description.Alignment, request);
        ulong size = request.Size ?? (space.MaximumExtent / unit * unit);
        ulong? place = space.Find(size, unit);
        ulong start = description.SystemBase + ((place ?? 0) * (ulong)ways);
        BttFormat format = region.Areas[0]?.Format == LabelFormat.Efi11 ? BttFormat.Linux11 : BttFormat.Uefi20;
        string refusal = region.Areas.Any(area => area is null) ? "a DIMM of it has no label storage area: it is one namespace" : region.View.State == RegionState.Disabled ? $"it is not enabled: {region.View.Reason}" : string.Empty;
        return new RegionAdvice(region.Name, start, space.MaximumExtent, refusal, CapacityAdvice.For(ways, description.Alignment, start, request, size, format));
    }
}
