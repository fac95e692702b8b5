using System.Globalization;
using Pmem.Platform.Acpi;
using Pmem.Platform.Model;

namespace Pmem.Tool.Platforms.Dimms;

/// <summary>What <c>ipmctl show -dimm</c> says of a DIMM, in its words; what is not known of it is missing.</summary>
internal static class DimmAttributes
{
    /// <summary>The columns that are shown unless more are asked for.</summary>
    public static readonly string[] Columns = ["DimmID", "Capacity", "LockState", "HealthState", "FWVersion"];

    /// <param name="dimm">The DIMM.</param>
    /// <param name="health">Its health; null when it does not say.</param>
    /// <param name="mapped">Bytes of it that are in regions.</param>
    /// <param name="size">How sizes are written.</param>
    public static List<(string Name, string Value)> Of(DimmView dimm, DimmHealth? health, ulong mapped, Func<ulong, string> size)
    {
        NfitDeviceHandle handle = dimm.Handle;
        var found = new List<(string, string)>
        {
            ("DimmID", Hex(handle.Value, 4)),
            ("Capacity", size(dimm.Capacity)),
            ("LockState", dimm.Details.Security is { } security ? LockStateOf(security) : "Not Supported"),
            ("HealthState", !dimm.Details.IsPresent ? "Non-functional" : health is null ? "Unknown" : StateOf(health.State)),
        };
        if (health is not null)
            found.Add(("HealthStateReason", ReasonOf(health)));
        if (dimm.Details.Firmware is { } firmware)
            found.Add(("FWVersion", firmware.CurrentVersion));
        if (dimm.Details.Security is not null)
            found.Add(("SecurityCapabilities", "Encryption, Erase"));
        if (dimm.Details.Security is { State: DimmSecurityState.Overwrite })
            found.Add(("OverwriteStatus", "In Progress"));
        found.AddRange(
        [
            ("ManageabilityState", dimm.IsEnabled ? "Manageable" : "Unmanageable"),
            ("PhysicalID", Hex(dimm.PhysicalId, 4)),
            ("DimmHandle", Hex(handle.Value, 8)),
            ("DimmUID", dimm.Id),
            ("SocketID", Hex((uint)handle.Socket, 4)),
            ("MemControllerID", Hex((uint)handle.MemoryController, 4)),
            ("ChannelID", Hex((uint)handle.Channel, 4)),
            ("ChannelPos", $"{handle.Dimm}"),
        ]);
        if (dimm.Details.Control is { } control)
            AddControl(found, control);
        found.AddRange([("MemoryCapacity", size(0)), ("AppDirectCapacity", size(mapped)), ("UnconfiguredCapacity", size(dimm.Capacity - Math.Min(mapped, dimm.Capacity)))]);
        if (health?.LastShutdownWasDirty is { } isDirty)
            found.Add(("LatchedLastShutdownStatus", isDirty ? "Unclean" : "Clean"));
        if (health?.ShutdownCount is { } count)
            found.Add(("LatchedDirtyShutdownCount", $"{count}"));
        return found;
    }

    private static void AddControl(List<(string, string)> found, NfitControlRegion control) => found.AddRange(
    [
        ("VendorID", Hex(control.VendorId, 4)),
        ("DeviceID", Hex(control.DeviceId, 4)),
        ("RevisionID", Hex(control.RevisionId, 4)),
        ("SubsystemVendorID", Hex(control.SubsystemVendorId, 4)),
        ("SubsystemDeviceID", Hex(control.SubsystemDeviceId, 4)),
        ("SubsystemRevisionID", Hex(control.SubsystemRevisionId, 4)),
        ("SerialNumber", Hex(control.SerialNumber, 8)),
    ]);

    private static string Hex(uint value, int digits) => $"0x{value.ToString($"x{digits}", CultureInfo.InvariantCulture)}";

    private static string LockStateOf(DimmSecurity security) => string.Join(", ", new[]
    {
        security.State switch { DimmSecurityState.Overwrite => "Disabled", DimmSecurityState state => state.ToString() },
        security.IsExhausted == true ? "Exceeded" : string.Empty,
        security.IsMasterExhausted == true ? "MP Exceeded" : string.Empty,
        security is { IsFrozen: true, IsExhausted: not true, State: not DimmSecurityState.Frozen } ? "Frozen" : string.Empty,
    }.Where(word => word.Length > 0));

    private static string StateOf(HealthState state) => state switch
    {
        HealthState.Ok => "Healthy",
        HealthState.NonCritical => "Noncritical failure",
        HealthState.Critical => "Critical failure",
        HealthState.Fatal => "Fatal failure",
        _ => "Unknown",
    };

    private static string ReasonOf(DimmHealth health)
    {
        string[] reasons = [.. new[] { (health.SparesAlarm, "PercentageRemaining"), (health.MediaTemperatureAlarm, "MediaTemperature"), (health.ControllerTemperatureAlarm, "ControllerTemperature") }.Where(alarm => alarm.Item1 == true).Select(alarm => alarm.Item2)];
        return reasons.Length == 0 ? "None" : string.Join(", ", reasons);
    }
}
