using System.Text.Json.Nodes;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>A region with the members of <c>ndctl list -R</c>, in its order.</summary>
internal static class RegionJson
{
    private static readonly int[] s_sectorSizes = [512, 520, 528, 4096, 4104, 4160, 4224];
    private static readonly int[] s_alignments = [4096, 2 << 20, 1 << 30];

    /// <param name="region">The region.</param>
    /// <param name="dimms">DIMMs whose part in it is to be shown; null for none.</param>
    /// <param name="bad">Its media errors.</param>
    /// <param name="options">How.</param>
    public static JsonObject Make(RegionView region, IReadOnlyCollection<string>? dimms, BadSectors bad, ListOptions options)
    {
        var json = new JsonObject
        {
            ["dev"] = region.Name,
            ["size"] = NdctlNumber.Size(region.Size, options.Human),
            ["align"] = NdctlNumber.Size(region.Alignment, options.Human),
            ["available_size"] = NdctlNumber.Size(region.AvailableSize, options.Human),
            ["max_available_extent"] = NdctlNumber.Size(region.MaximumExtent, options.Human),
            ["type"] = "pmem",
        };
        NamespaceJson.AddNodes(json, region, options);
        // A region without labels is one namespace, which no cookie binds to its DIMMs.
        if (region.Mappings.Count > 0 && region.State != RegionState.LabelLess)
            json["iset_id"] = NdctlNumber.Hex(region.SetCookie, options.Human);
        JsonNode[] mappings = [.. region.Mappings.Where(mapping => dimms?.Contains(mapping.Dimm) == true).Select(mapping => Mapping(mapping, options))];
        if (mappings.Length > 0)
            json["mappings"] = new JsonArray(mappings);
        if (region.State == RegionState.Disabled)
            json["state"] = "disabled";
        else
            bad.AddAll(json, options);
        if (options.Capabilities && region.State != RegionState.Disabled)
            json["capabilities"] = new JsonArray(Capability("sector", "sector_sizes", s_sectorSizes), Capability("fsdax", "alignments", s_alignments), Capability("devdax", "alignments", s_alignments));
        json["persistence_domain"] = DomainText(region.Domain);
        return json;
    }

    public static string DomainText(PersistenceDomain? domain) => domain switch
    {
        PersistenceDomain.CpuCache => "cpu_cache",
        PersistenceDomain.MemoryController => "memory_controller",
        _ => "unknown",
    };

    private static JsonObject Mapping(MappingView mapping, ListOptions options) => new()
    {
        ["dimm"] = mapping.Dimm,
        ["offset"] = NdctlNumber.Hex(mapping.Offset, options.Human),
        ["length"] = NdctlNumber.Hex(mapping.Length, options.Human),
        ["position"] = mapping.Position,
    };

    private static JsonObject Capability(string mode, string what, int[] values) => new() { ["mode"] = mode, [what] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]) };
}
