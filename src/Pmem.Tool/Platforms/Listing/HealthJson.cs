using System.Text.Json.Nodes;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Listing;

/// <summary>Health with the members of <c>ndctl list -H</c>, in its order; what a DIMM does not say is missing.</summary>
internal static class HealthJson
{
    public static JsonObject Make(DimmHealth health)
    {
        var json = new JsonObject { ["health_state"] = health.State.Text() };
        Add(json, "temperature_celsius", health.MediaTemperature);
        Add(json, "controller_temperature_celsius", health.ControllerTemperature);
        Add(json, "spares_percentage", health.Spares);
        Add(json, "alarm_temperature", health.MediaTemperatureAlarm);
        Add(json, "alarm_controller_temperature", health.ControllerTemperatureAlarm);
        Add(json, "alarm_spares", health.SparesAlarm);
        if (health.Thresholds is { } limits)
        {
            Add(json, "alarm_enabled_media_temperature", limits.MediaTemperatureEnabled);
            Add(json, "temperature_threshold", limits.MediaTemperatureEnabled ? limits.MediaTemperature : null);
            Add(json, "alarm_enabled_ctrl_temperature", limits.ControllerTemperatureEnabled);
            Add(json, "controller_temperature_threshold", limits.ControllerTemperatureEnabled ? limits.ControllerTemperature : null);
            Add(json, "alarm_enabled_spares", limits.SparesEnabled);
            Add(json, "spares_threshold", limits.SparesEnabled ? limits.Spares : null);
        }

        Add(json, "life_used_percentage", health.LifeUsed);
        if (health.LastShutdownWasDirty is { } isDirty)
            json["shutdown_state"] = isDirty ? "dirty" : "clean";
        Add(json, "shutdown_count", health.ShutdownCount);
        return json;
    }

    private static void Add(JsonObject json, string name, double? value)
    {
        if (value is { } number)
            json[name] = number;
    }

    private static void Add(JsonObject json, string name, long? value)
    {
        if (value is { } number)
            json[name] = number;
    }

    private static void Add(JsonObject json, string name, bool? value)
    {
        if (value is { } flag)
            json[name] = flag;
    }
}
