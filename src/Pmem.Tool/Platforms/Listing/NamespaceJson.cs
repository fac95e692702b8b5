using System.Text.Json.Nodes;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>A namespace with the members of <c>ndctl list -N</c>, in its order.</summary>
internal static class NamespaceJson
{
    private const int DefaultSectorSize = 512;

    /// <param name="space">The namespace.</param>
    /// <param name="region">Its region.</param>
    /// <param name="bad">Media errors of the region; null when they are not to be shown.</param>
    /// <param name="options">How.</param>
    public static JsonObject Make(NamespaceView space, RegionView region, BadSectors? bad, ListOptions options)
    {
        // What is disabled has no personality: ndctl takes it away.
        NamespaceMode mode = space.IsEnabled ? space.Mode : NamespaceMode.Raw;
        var json = new JsonObject { ["dev"] = space.Name, ["mode"] = mode.ToString().ToLowerInvariant() };
        if (mode is NamespaceMode.Fsdax or NamespaceMode.Devdax)
            json["map"] = space.Map == PageMapMode.Device ? "dev" : "mem";
        json["size"] = NdctlNumber.Size(space.IsEnabled ? space.Size : space.RawSize, options.Human);
        AddUuids(json, space, mode, options);
        if (mode == NamespaceMode.Devdax && options.DeviceDax)
            json["daxregion"] = DaxRegion(space, region, options);
        else if (mode == NamespaceMode.Devdax)
            json["chardev"] = space.Device;
        else
            json["sector_size"] = space.SectorSize == 0 ? DefaultSectorSize : space.SectorSize;
        if (mode is NamespaceMode.Fsdax or NamespaceMode.Devdax)
            json["align"] = space.Alignment;
        if (space.IsEnabled && mode != NamespaceMode.Devdax)
            json["blockdev"] = space.Device;
        if (!space.IsEnabled)
            json["state"] = "disabled";
        if (space.FriendlyName.Length > 0)
            json["name"] = space.FriendlyName;
        AddNodes(json, region, options);
        if (mode == NamespaceMode.Raw)
            bad?.AddAll(json, options);
        else if (mode == NamespaceMode.Sector)
            bad?.AddRange(json, space.Start, space.RawSize, isListed: false);
        else
            bad?.AddRange(json, space.Start + space.DataOffset, space.Size, options.MediaErrors);
        return json;
    }

    /// <summary>The empty namespace of a region that Linux keeps for the next one that is configured.</summary>
    public static JsonObject Seed(string name, RegionView region, BadSectors bad, ListOptions options)
    {
        var json = new JsonObject
        {
            ["dev"] = name,
            ["mode"] = "raw",
            ["size"] = 0,
            ["uuid"] = Guid.Empty.ToString(),
            ["sector_size"] = DefaultSectorSize,
            ["state"] = "disabled",
        };
        AddNodes(json, region, options);
        bad.AddAll(json, options);
        return json;
    }

    /// <summary>Nodes, which are known of machines alone.</summary>
    public static void AddNodes(JsonObject json, RegionView region, ListOptions options)
    {
        if (options.Verbose > 0 && region.NumaNode is { } node)
            json["numa_node"] = node;
        if (options.Verbose > 0 && region.TargetNode is { } target)
            json["target_node"] = target;
    }

    private static void AddUuids(JsonObject json, NamespaceView space, NamespaceMode mode, ListOptions options)
    {
        if (mode != NamespaceMode.Raw)
        {
            json["uuid"] = space.Uuid.ToString();
            if (options.Verbose > 0 && space.RawUuid != Guid.Empty)
                json["raw_uuid"] = space.RawUuid.ToString();
        }
        else if (space.RawUuid != Guid.Empty)
        {
            json["uuid"] = space.RawUuid.ToString();
        }
    }

    private static JsonObject DaxRegion(NamespaceView space, RegionView region, ListOptions options)
    {
        var device = new JsonObject { ["chardev"] = space.Device, ["size"] = NdctlNumber.Size(space.Size, options.Human) };
        if (region.TargetNode is { } node)
            device["target_node"] = node;
        device["align"] = NdctlNumber.Size(space.Alignment, options.Human);
        device["mode"] = "devdax";
        return new JsonObject
        {
            ["id"] = NameFilter.NumberOf(space.Region),
            ["size"] = NdctlNumber.Size(space.Size, options.Human),
            ["align"] = space.Alignment,
            ["devices"] = new JsonArray(device),
        };
    }
}
