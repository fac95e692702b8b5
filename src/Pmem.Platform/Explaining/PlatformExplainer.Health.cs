using System.Globalization;
using Pmem.Platform.Evidence;
using Pmem.Platform.Model;

namespace Pmem.Platform.Explaining;

/// <content>What DIMMs say of themselves: health, temperature, spares, shutdowns, security.</content>
public sealed partial class PlatformExplainer
{
    private void ExplainHealth(ModuleEvidence module, string name)
    {
        ExplainSecurity(module, name);
        if (module is not { IsPresent: true, Health: { } health })
            return;
        if (health.State is HealthState.Fatal or HealthState.Critical)
            Add("dimm-health", health.State == HealthState.Fatal ? LintSeverity.Error : LintSeverity.Warning, name, "Linux goes on with it; what it holds may be lost at any time", $"the DIMM says that its health is {health.State.Text()}", "save what is on it now, and replace it; 'pmem smart' says more");
        if (health.MediaTemperatureAlarm == true)
            Add("dimm-temperature", LintSeverity.Warning, name, "Linux tells whoever listens ('pmem monitor'); the DIMM may slow down or switch itself off", $"its media have {Degrees(health.MediaTemperature)}, and the alarm is at {Degrees(health.Thresholds?.MediaTemperature)}", Cooling);
        if (health.ControllerTemperatureAlarm == true)
            Add("dimm-temperature", LintSeverity.Warning, name, "Linux tells whoever listens ('pmem monitor'); the DIMM may slow down or switch itself off", $"its controller has {Degrees(health.ControllerTemperature)}, and the alarm is at {Degrees(health.Thresholds?.ControllerTemperature)}", Cooling);
        if (health.SparesAlarm == true)
            Add("dimm-spares", LintSeverity.Warning, name, "Linux tells whoever listens ('pmem monitor'), and goes on", $"{health.Spares}% of its spare capacity is left, and the alarm is at {health.Thresholds?.Spares}%", "plan to replace it: without spares, blocks that wear out become errors");
        if (health.LastShutdownWasDirty == true)
            Add("dimm-dirty-shutdown", LintSeverity.Warning, name, "Linux shows flush_fail and counts on; PMDK refuses pools that were open at that time", $"its last shutdown was dirty ({health.ShutdownCount} in all): what was written shortly before may not be on media", "check what is on it ('pmem pool check', fsck), and restore from a copy or replica what was open for writing");
    }

    private const string Cooling = "cool it: fans, air flow, load; the alarm ends by itself. Where the threshold is wrong, 'pmem inject-smart --media-temperature-threshold DEGREES' changes it";

    private void ExplainSecurity(ModuleEvidence module, string name)
    {
        if (module is not { IsPresent: true, Details.Security: { } security })
            return;
        if (security.State == DimmSecurityState.Overwrite)
            Add("dimm-overwrite", LintSeverity.Error, name, "the DIMM cannot be used, nor can its regions (-EBUSY)", "its media are being overwritten", "wait for the end: 'pmem dimm security wait'; labels and namespaces are gone then");
        else if (security.IsExhausted == true)
            Add("dimm-exhausted", LintSeverity.Warning, name, "it takes no passphrase any more, and nothing of its security can be changed (-EIO)", "three wrong passphrases were given", "cycle its power; then give the right one");
        else if (security.IsFrozen || security.State == DimmSecurityState.Frozen)
            Add("dimm-frozen", LintSeverity.Info, name, "nothing of its security can be changed (-EIO)", "its security was frozen, by firmware or by a program", "none needed; a power cycle thaws it");
    }

    private static string Degrees(double? value) => value is { } degrees ? $"{degrees.ToString("0.#", CultureInfo.InvariantCulture)} °C" : "a value that it does not say";
}
