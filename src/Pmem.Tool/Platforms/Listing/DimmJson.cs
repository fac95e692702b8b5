using System.Globalization;
using System.Text.Json.Nodes;
using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>A DIMM with the members of <c>ndctl list -D</c>, in its order.</summary>
internal static class DimmJson
{
    private static readonly (NfitStateFlags Flag, string Name)[] s_flags =
    [
        (NfitStateFlags.MapFailed, "flag_failed_map"), (NfitStateFlags.SaveFailed, "flag_failed_save"), (NfitStateFlags.NotArmed, "flag_failed_arm"),
        (NfitStateFlags.RestoreFailed, "flag_failed_restore"), (NfitStateFlags.FlushFailed, "flag_failed_flush"), (NfitStateFlags.HealthEvents, "flag_smart_event"),
    ];

    /// <param name="dimm">The DIMM.</param>
    /// <param name="health">What it says of its health, if that is wanted and it says anything.</param>
    /// <param name="options">How.</param>
    public static JsonObject Make(DimmView dimm, DimmHealth? health, ListOptions options)
    {
        var json = new JsonObject { ["dev"] = dimm.Name };
        if (dimm.Id.Length > 0)
            json["id"] = dimm.Id;
        json["handle"] = NdctlNumber.Hex(dimm.Handle.Value, options.Human);
        if (dimm.PhysicalId < ushort.MaxValue)
            json["phys_id"] = NdctlNumber.Hex(dimm.PhysicalId, options.Human);
        if (!dimm.IsEnabled)
            json["state"] = "disabled";
        foreach ((NfitStateFlags flag, string name) in s_flags)
        {
            if (dimm.Details.Flags.HasFlag(flag))
                json[name] = true;
        }

        if (dimm.Details.Security is { } security)
        {
            json["security"] = security.State.ToString().ToLowerInvariant();
            if (security.IsFrozen)
                json["security_frozen"] = true;
        }

        if (options.Firmware && dimm.Details.Firmware is { } firmware)
            json["firmware"] = Firmware(firmware, options);
        if (health is not null)
            json["health"] = HealthJson.Make(health);
        return json;
    }

    private static JsonObject Firmware(DimmFirmware firmware, ListOptions options)
    {
        var json = new JsonObject { ["current_version"] = Version(firmware.CurrentVersion, firmware.CurrentRevision, options), ["can_update"] = firmware.CanUpdate };
        if (firmware.NextVersion is null)
            return json;
        json["next_version"] = Version(firmware.NextVersion, firmware.NextRevision, options);
        if (firmware.ActivateState is not null)
            json["activate_state"] = firmware.ActivateState;
        if (firmware.NeedsPowerCycle)
            json["need_powercycle"] = true;
        return json;
    }

    // ndctl knows numbers only; what is known as text alone stays text.
    private static JsonNode Version(string text, ulong? revision, ListOptions options)
    {
        if (revision is { } known)
            return NdctlNumber.Hex(known, options.Human);
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHex ? text.AsSpan(2) : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? NdctlNumber.Hex(number, options.Human) : JsonValue.Create(text);
    }
}
