using System.Text.Json.Nodes;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>A bus with the members of <c>ndctl list -B</c>, in its order.</summary>
internal static class BusJson
{
    public const string Name = "ndbus0";

    public static JsonObject Make(IPlatform platform, ListOptions options)
    {
        var json = new JsonObject { ["provider"] = platform.Provider, ["dev"] = Name };
        ScrubState scrub = platform.GetScrub().State;
        if (scrub == ScrubState.NotSupported)
            return json;
        json["scrub_state"] = scrub == ScrubState.Active ? "active" : "idle";
        if (options.Firmware && platform.GetDimms().Any(dimm => dimm.Details.Firmware is { CanUpdate: true }))
            json["firmware"] = new JsonObject { ["activate_method"] = "reset" };
        return json;
    }
}
