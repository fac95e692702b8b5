namespace Pmem.Platform.Model;

/// <summary>
/// What a DIMM shall pretend of its health, and at which values it shall raise alarms (<c>ndctl inject-smart</c>). What is null stays. Thresholds and their switches are
/// settings of the DIMM, which stay; values are injected, and can be taken back.
/// </summary>
public sealed record HealthInjection
{
    /// <summary>Degrees Celsius.</summary>
    public double? MediaTemperature { get; init; }

    /// <summary>Degrees Celsius at which the alarm is raised.</summary>
    public double? MediaTemperatureThreshold { get; init; }

    /// <summary>Whether the alarm is on.</summary>
    public bool? MediaTemperatureAlarm { get; init; }

    /// <summary>Degrees Celsius.</summary>
    public double? ControllerTemperature { get; init; }

    /// <summary>Degrees Celsius at which the alarm is raised.</summary>
    public double? ControllerTemperatureThreshold { get; init; }

    /// <summary>Whether the alarm is on.</summary>
    public bool? ControllerTemperatureAlarm { get; init; }

    /// <summary>Percent.</summary>
    public int? Spares { get; init; }

    /// <summary>Percent below which the alarm is raised.</summary>
    public int? SparesThreshold { get; init; }

    /// <summary>Whether the alarm is on.</summary>
    public bool? SparesAlarm { get; init; }

    /// <summary>Whether the DIMM is broken; false takes it back.</summary>
    public bool? Fatal { get; init; }

    /// <summary>Whether the last shutdown is to look like one at which data was lost; false takes it back.</summary>
    public bool? UnsafeShutdown { get; init; }

    /// <summary>Take back an injected media temperature.</summary>
    public bool UninjectMediaTemperature { get; init; }

    /// <summary>Take back an injected controller temperature.</summary>
    public bool UninjectControllerTemperature { get; init; }

    /// <summary>Take back injected spares.</summary>
    public bool UninjectSpares { get; init; }

    /// <summary>Everything that was injected taken back.</summary>
    public static HealthInjection UninjectAll { get; } = new() { UninjectMediaTemperature = true, UninjectControllerTemperature = true, UninjectSpares = true, Fatal = false, UnsafeShutdown = false };
}
