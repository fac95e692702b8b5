using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Translation;

/// <summary>Places of namespaces.</summary>
internal static class NamespacePlaces
{
    private const ulong Page = 4096;

    public static Place Describe(Place place, RegionEvidence region, NamespaceView space)
    {
        ulong offset = place.SystemAddress!.Value - space.Start;
        place = place with { Namespace = new NamespacePlace(space.Name, space.FriendlyName, space.Mode, offset, offset / AddressTranslator.SectorSize, space.Device, null, null) };
        return space.Mode switch
        {
            NamespaceMode.Raw => Data(place, space, offset),
            NamespaceMode.Sector => new BttReader(region, space).Describe(place, offset),
            _ => Pages(place, space, offset),
        };
    }

    /// <summary>Offsets of a namespace at which something else begins than before.</summary>
    public static IEnumerable<ulong> Boundaries(RegionEvidence region, NamespaceView space) => space.Mode switch
    {
        NamespaceMode.Raw => [0],
        NamespaceMode.Sector => new BttReader(region, space).Boundaries(),
        _ => [0, Page, 2 * Page, space.DataOffset, space.DataOffset + space.Size],
    };

    /// <summary>Data at an offset of the device.</summary>
    public static Place Data(Place place, NamespaceView space, ulong offset) => place with
    {
        Kind = PlaceKind.Data,
        What = $"data of {space.Name} ({space.Device}){(space.FriendlyName.Length == 0 ? string.Empty : $" \"{space.FriendlyName}\"")}",
        Namespace = place.Namespace! with { DeviceOffset = offset, DeviceSector = offset / AddressTranslator.SectorSize },
    };

    private static Place Pages(Place place, NamespaceView space, ulong offset)
    {
        string block = space.Mode == NamespaceMode.Fsdax ? "PFN" : "DAX";
        if (offset < Page)
            return place with { Kind = PlaceKind.Reserved, What = $"the page before the {block} info block of {space.Name}, left for partition tables" };
        if (offset < 2 * Page)
            return place with { Kind = PlaceKind.InfoBlock, What = $"{block} info block of {space.Name}, byte {offset - Page}" };
        if (offset < space.DataOffset)
        {
            return space.Map == PageMapMode.Device
                ? place with { Kind = PlaceKind.PageStructures, What = $"page structures of {space.Name} (and what aligns its data), made anew whenever it is enabled" }
                : place with { Kind = PlaceKind.Padding, What = $"what aligns the data of {space.Name}" };
        }

        return offset - space.DataOffset < space.Size
            ? Data(place, space, offset - space.DataOffset)
            : place with { Kind = PlaceKind.Padding, What = $"the end of {space.Name}, which alignment leaves unused" };
    }
}
