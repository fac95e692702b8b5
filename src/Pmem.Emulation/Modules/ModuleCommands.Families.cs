using Pmem.Platform.Dsm;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Modules;

/// <content>Families other than Intel's: modules that save DRAM to flash, and those of a hypervisor.</content>
internal sealed partial class ModuleCommands
{
    private const int HpeErrors = 18;

    private DsmOutput RunHpe(int function, DsmPayload input)
    {
        switch (function)
        {
            case 1:
                return HpeSmart(((HpeSmartInput)input).Valid);
            case 2:
                return new HpeThresholdsOutput { AlarmControl = (ushort)((Module.MediaTemperatureAlarmEnabled ? 1 : 0) | (Module.SparesAlarmEnabled ? 2 : 0)), Temperature = IntelTemperature.FromCelsius(Module.MediaTemperatureThreshold), Spares = (byte)Module.SparesThreshold, DeviceLife = Module.LifeThreshold };
            case >= 4 and <= 6:
                return RunLabels(function, input);
            case 10:
                return new HpeIdentityOutput { SpecificationRevision = 1, Pages = 1, HardwareRevision = 1, BackupTriggers = 1, Retries = 3, MaximumTemperature = 85, Slots = 1 };
            case 11:
                return new HpeEnergySourceOutput { Attributes = 2, Technology = 2, HardwareRevision = 1, FirmwareRevision = 1, ChargeTimeout = 60, MaximumTemperature = 55 };
            case 12:
                return new HpeLastBackupOutput { Image = Module.SaveFailed ? (byte)0 : (byte)1, Completion = Module.SaveFailed ? (byte)1 : (byte)0, Initiation = 1, Controller = 1 };
            case 13:
                return Change(Module with { LifeThreshold = ((DsmByteInput)input).Value });
            case 18:
                var capability = new HpeInjectCapabilityOutput();
                for (int error = 1; error <= HpeErrors; error++)
                    capability.Errors[error / 8] |= (byte)(1 << (error % 8));
                return capability;
            case 19:
                var inject = (HpeInjectInput)input;
                return inject.Type is 0 or > HpeErrors || inject.Options > 2
                    ? Status(IntelStatus.InvalidInput)
                    : Change(Module with { InjectedError = inject.Options == 2 ? (byte)0 : inject.Type, InjectedErrorStays = inject.Options == 1 });
            case 20:
                return new HpeInjectStatusOutput { State = Module.InjectedError == 0 ? (byte)0 : (byte)1, Type = Module.InjectedError, Options = Module.InjectedErrorStays ? (byte)1 : (byte)0 };
            default:
                return Status(IntelStatus.NotSupported);
        }
    }

    private HpeSmartOutput HpeSmart(uint wanted)
    {
        const HpeSmartFlags Known = HpeSmartFlags.Health | HpeSmartFlags.Temperature | HpeSmartFlags.Spares | HpeSmartFlags.Alarms | HpeSmartFlags.LifeUsed | HpeSmartFlags.LastShutdown
            | HpeSmartFlags.Statistics | HpeSmartFlags.Detail;
        DimmHealth health = Module.GetHealth();
        return new HpeSmartOutput
        {
            Valid = wanted & (uint)Known,
            Summary = Bits(health.State),
            Temperature = IntelTemperature.FromCelsius(health.MediaTemperature ?? 0),
            Spares = (byte)(health.Spares ?? 0),
            Trips = (ushort)((health.MediaTemperatureAlarm == true ? 1 : 0) | (health.SparesAlarm == true ? 2 : 0)),
            Life = (byte)(health.LifeUsed ?? 0),
            LastShutdown = health.LastShutdownWasDirty == true ? (byte)0 : (byte)2,
            ModuleHealth = (Module.SaveFailed ? 1u << 4 : 0) | (Module.RestoreFailed ? 1u << 5 : 0) | (Module.IsNotArmed ? 1u << 6 : 0),
        };
    }

    private DsmOutput RunMicrosoft(int function)
    {
        DimmHealth health = Module.GetHealth();
        return function switch
        {
            1 => new MicrosoftIdentificationOutput(),
            11 => new MicrosoftHealthOutput
            {
                ModuleHealth = (ushort)(health.State == HealthState.Critical || Module.SaveFailed || Module.RestoreFailed || Module.IsNotArmed ? 1 : 0),
                Temperature = (ushort)Math.Clamp(health.MediaTemperature ?? 0, 0, ushort.MaxValue),
                WarningThresholdStatus = (byte)((health.SparesAlarm == true ? 1 : 0) | (health.ControllerTemperatureAlarm == true ? 4 : 0)),
                LifetimePercentage = health.State == HealthState.Fatal ? (byte)0 : (byte)Math.Clamp(100 - (health.LifeUsed ?? 0), 1, 100),
            },
            _ => Status(IntelStatus.NotSupported),
        };
    }

    private DsmOutput RunHyperV(int function)
    {
        DimmHealth health = Module.GetHealth();
        return function switch
        {
            1 => new HyperVHealthOutput { Health = health.State switch { HealthState.Fatal => 4u, HealthState.Critical => 1u, HealthState.NonCritical => 8u, _ => 0u } },
            2 => new HyperVShutdownOutput { UnsafeShutdowns = (uint)(health.ShutdownCount ?? 0) },
            _ => Status(IntelStatus.NotSupported),
        };
    }

    private static byte Bits(HealthState state) => state switch { HealthState.Fatal => 4, HealthState.Critical => 2, HealthState.NonCritical => 1, _ => 0 };
}
