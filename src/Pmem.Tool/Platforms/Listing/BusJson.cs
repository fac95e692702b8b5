using System.Text.Json.Nodes;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>A bus with the members of <c>ndctl list -B</c>, in its order.</summary>
internal static class BusJson
{
    /// <param name="bus">The bus.</param>
    /// <param name="dimms">The DIMMs on it.</param>
    /// <param name="options">How.</param>
    public static JsonObject Make(BusView bus, IEnumerable<DimmView> dimms, ListOptions options)
    {
        var json = new JsonObject { ["provider"] = bus.Provider, ["dev"] = bus.Name };
        if (bus.Scrub.State == ScrubState.NotSupported)
            return json;
        json["scrub_state"] = bus.Scrub.State == ScrubState.Active ? "active" : "idle";
        if (options.Firmware && dimms.Any(dimm => dimm.Details.Firmware is { CanUpdate: true }))
            json["firmware"] = Firmware(bus.Activation);
        return json;
    }

    private static JsonObject Firmware(FirmwareActivation? activation)
    {
        if (activation is null)
            return new JsonObject { ["activate_method"] = "reset" };
        var json = new JsonObject { ["activate_method"] = activation.Method.ToString().ToLowerInvariant() };
        if (activation.State != FirmwareActivationState.Busy)
            json["activate_state"] = activation.State.ToString().ToLowerInvariant();
        return json;
    }
}
