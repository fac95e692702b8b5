using Pmem.Platform.Dsm;

namespace Pmem.Platform.Model;

/// <summary>From what DIMMs answer to health, by the rules of ndctl.</summary>
public static class HealthReading
{
    private const int SparesBit = 1;
    private const int MediaBit = 2;
    private const int ControllerBit = 4;
    private const int NonCriticalBit = 1;
    private const int CriticalBit = 2;
    private const int FatalBit = 4;

    /// <summary>Of Intel's functions 1 and 2.</summary>
    /// <param name="smart">What function 1 gave.</param>
    /// <param name="thresholds">What function 2 gave; null without it.</param>
    public static DimmHealth FromIntel(IntelSmartOutput smart, IntelThresholdsOutput? thresholds)
    {
        ArgumentNullException.ThrowIfNull(smart);
        bool Has(IntelSmartFlags flag) => smart.Valid.HasFlag(flag);
        bool? Alarm(int bit) => Has(IntelSmartFlags.Alarms) ? (smart.Alarms & bit) != 0 : null;
        return new DimmHealth
        {
            State = Has(IntelSmartFlags.Health) ? StateOf(smart.Health) : HealthState.Unknown,
            MediaTemperature = Has(IntelSmartFlags.MediaTemperature) ? IntelTemperature.ToCelsius(smart.MediaTemperature) : null,
            ControllerTemperature = Has(IntelSmartFlags.ControllerTemperature) ? IntelTemperature.ToCelsius(smart.ControllerTemperature) : null,
            PowerChipTemperature = Has(IntelSmartFlags.PmicTemperature) ? IntelTemperature.ToCelsius(smart.PmicTemperature) : null,
            Spares = Has(IntelSmartFlags.Spares) ? smart.SparesPercentage : null,
            SparesAlarm = Alarm(SparesBit),
            MediaTemperatureAlarm = Alarm(MediaBit),
            ControllerTemperatureAlarm = Alarm(ControllerBit),
            LifeUsed = Has(IntelSmartFlags.LifeUsed) ? smart.LifeUsedPercentage : null,
            LastShutdownWasDirty = Has(IntelSmartFlags.LastShutdown) ? smart.LastShutdownStatus != 0 : null,
            ShutdownCount = Has(IntelSmartFlags.ShutdownCount) ? smart.ShutdownCount : null,
            IsAddressTableDramEnabled = Has(IntelSmartFlags.AitDram) ? smart.AitDramStatus != 0 : null,
            Thresholds = thresholds is null ? null : new DimmThresholds
            {
                SparesEnabled = (thresholds.AlarmControl & SparesBit) != 0,
                Spares = thresholds.SparesThreshold,
                MediaTemperatureEnabled = (thresholds.AlarmControl & MediaBit) != 0,
                MediaTemperature = IntelTemperature.ToCelsius(thresholds.MediaTemperatureThreshold),
                ControllerTemperatureEnabled = (thresholds.AlarmControl & ControllerBit) != 0,
                ControllerTemperature = IntelTemperature.ToCelsius(thresholds.ControllerTemperatureThreshold),
            },
        };
    }

    /// <summary>Of Microsoft's function 11: what is worn out is fatal, what failed or passed an error threshold critical, what passed a warning threshold non-critical.</summary>
    public static DimmHealth FromMicrosoft(MicrosoftHealthOutput health)
    {
        ArgumentNullException.ThrowIfNull(health);
        int passed = health.ErrorThresholdStatus | health.WarningThresholdStatus;
        return new DimmHealth
        {
            State = health.LifetimePercentage == 0 ? HealthState.Fatal
                : health.ModuleHealth != 0 || health.ErrorThresholdStatus != 0 ? HealthState.Critical
                : health.WarningThresholdStatus != 0 ? HealthState.NonCritical : HealthState.Ok,
            MediaTemperature = health.Temperature,
            LifeUsed = Math.Max(0, 100 - health.LifetimePercentage),
            SparesAlarm = (passed & 3) != 0,
            ControllerTemperatureAlarm = (passed & 4) != 0,
        };
    }

    /// <summary>Of HPE's functions 1 and 2.</summary>
    /// <param name="smart">What function 1 gave.</param>
    /// <param name="thresholds">What function 2 gave; null without it.</param>
    public static DimmHealth FromHpe(HpeSmartOutput smart, HpeThresholdsOutput? thresholds)
    {
        const byte SaveWasGood = 2;
        const int HpeMediaBit = 1;
        const int HpeSparesBit = 2;
        ArgumentNullException.ThrowIfNull(smart);
        bool Has(HpeSmartFlags flag) => ((HpeSmartFlags)smart.Valid).HasFlag(flag);
        bool? Alarm(int bit) => Has(HpeSmartFlags.Alarms) ? (smart.Trips & bit) != 0 : null;
        return new DimmHealth
        {
            State = Has(HpeSmartFlags.Health) ? StateOf(smart.Summary) : HealthState.Unknown,
            MediaTemperature = Has(HpeSmartFlags.Temperature) ? IntelTemperature.ToCelsius(smart.Temperature) : null,
            Spares = Has(HpeSmartFlags.Spares) ? smart.Spares : null,
            SparesAlarm = Alarm(HpeSparesBit),
            MediaTemperatureAlarm = Alarm(HpeMediaBit),
            LifeUsed = Has(HpeSmartFlags.LifeUsed) ? smart.Life : null,
            LastShutdownWasDirty = Has(HpeSmartFlags.LastShutdown) ? smart.LastShutdown != SaveWasGood : null,
            Thresholds = thresholds is null ? null : new DimmThresholds
            {
                SparesEnabled = (thresholds.AlarmControl & HpeSparesBit) != 0,
                Spares = thresholds.Spares,
                MediaTemperatureEnabled = (thresholds.AlarmControl & HpeMediaBit) != 0,
                MediaTemperature = IntelTemperature.ToCelsius(thresholds.Temperature),
            },
        };
    }

    /// <summary>Of Hyper-V's functions 1 and 2.</summary>
    /// <param name="health">What function 1 gave.</param>
    /// <param name="shutdowns">What function 2 gave; null without it.</param>
    public static DimmHealth FromHyperV(HyperVHealthOutput health, HyperVShutdownOutput? shutdowns)
    {
        ArgumentNullException.ThrowIfNull(health);
        return new DimmHealth
        {
            State = (health.Health & 4) != 0 ? HealthState.Fatal : (health.Health & 3) != 0 ? HealthState.Critical : (health.Health & 0x38) != 0 ? HealthState.NonCritical : HealthState.Ok,
            ShutdownCount = shutdowns?.UnsafeShutdowns,
        };
    }

    private static HealthState StateOf(byte bits) =>
        (bits & FatalBit) != 0 ? HealthState.Fatal : (bits & CriticalBit) != 0 ? HealthState.Critical : (bits & NonCriticalBit) != 0 ? HealthState.NonCritical : HealthState.Ok;
}
