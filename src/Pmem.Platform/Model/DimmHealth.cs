namespace Pmem.Platform.Model;

/// <summary>How a DIMM is (ndctl's <c>health_state</c>).</summary>
public enum HealthState
{
    /// <summary>The DIMM does not say.</summary>
    Unknown,

    /// <summary>In order.</summary>
    Ok,

    /// <summary>Works, and asks for attention.</summary>
    NonCritical,

    /// <summary>Works, and must be replaced soon.</summary>
    Critical,

    /// <summary>Does not work.</summary>
    Fatal,
}

/// <summary>
/// What a DIMM says of its health: what <c>ndctl list -H</c>, <c>ipmctl show -sensor</c> and <c>Get-PmemPhysicalDevice</c> show. A value that is null is one that
/// the DIMM does not report.
/// </summary>
public sealed record DimmHealth
{
    /// <summary>How it is.</summary>
    public HealthState State { get; init; }

    /// <summary>Temperature of the media in degrees Celsius.</summary>
    public double? MediaTemperature { get; init; }

    /// <summary>Temperature of the controller in degrees Celsius.</summary>
    public double? ControllerTemperature { get; init; }

    /// <summary>Temperature of the power management chip in degrees Celsius.</summary>
    public double? PowerChipTemperature { get; init; }

    /// <summary>Spare capacity that is left, in percent.</summary>
    public int? Spares { get; init; }

    /// <summary>Whether the media is warmer than its threshold.</summary>
    public bool? MediaTemperatureAlarm { get; init; }

    /// <summary>Whether the controller is warmer than its threshold.</summary>
    public bool? ControllerTemperatureAlarm { get; init; }

    /// <summary>Whether spares are below their threshold.</summary>
    public bool? SparesAlarm { get; init; }

    /// <summary>Life used, in percent.</summary>
    public int? LifeUsed { get; init; }

    /// <summary>Whether the last shutdown was one at which data may have been lost.</summary>
    public bool? LastShutdownWasDirty { get; init; }

    /// <summary>Such shutdowns in all.</summary>
    public long? ShutdownCount { get; init; }

    /// <summary>Whether the DRAM in which the module keeps its address table is in use (ipmctl's <c>AitDramEnabled</c>).</summary>
    public bool? IsAddressTableDramEnabled { get; init; }

    /// <summary>At which values alarms are raised; null when the DIMM does not say.</summary>
    public DimmThresholds? Thresholds { get; init; }

    /// <summary>Whether any alarm is raised.</summary>
    public bool HasAlarm => MediaTemperatureAlarm == true || ControllerTemperatureAlarm == true || SparesAlarm == true;
}

/// <summary>At which values a DIMM raises its alarms. An alarm that is off has no meaning for its threshold.</summary>
public sealed record DimmThresholds
{
    /// <summary>Whether the alarm of the media's temperature is on.</summary>
    public bool MediaTemperatureEnabled { get; init; }

    /// <summary>Degrees Celsius.</summary>
    public double MediaTemperature { get; init; }

    /// <summary>Whether the alarm of the controller's temperature is on.</summary>
    public bool ControllerTemperatureEnabled { get; init; }

    /// <summary>Degrees Celsius.</summary>
    public double ControllerTemperature { get; init; }

    /// <summary>Whether the alarm of the spares is on.</summary>
    public bool SparesEnabled { get; init; }

    /// <summary>Percent.</summary>
    public int Spares { get; init; }
}

/// <summary>The words of ndctl.</summary>
public static class HealthStates
{
    /// <summary><c>ok</c>, <c>non-critical</c>, <c>critical</c>, <c>fatal</c> or <c>unknown</c>.</summary>
    public static string Text(this HealthState state) => state switch
    {
        HealthState.Ok => "ok",
        HealthState.NonCritical => "non-critical",
        HealthState.Critical => "critical",
        HealthState.Fatal => "fatal",
        _ => "unknown",
    };
}
