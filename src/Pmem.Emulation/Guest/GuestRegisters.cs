using Pmem.Platform.Acpi;
using Pmem.Platform.Dsm;
using Pmem.Platform.Model;

namespace Pmem.Emulation.Guest;

/// <summary>Where the methods of a platform's SSDT find what they answer: a page for each DIMM's health, its label storage area, all below 4 GiB.</summary>
internal static class GuestRegisters
{
    private const ulong HealthStart = 0x1_0000;
    private const ulong HintsStart = 0x11_0000;
    private const ulong HintDistance = 64;
    private const ulong LabelsStart = 0x40_0000;
    private const ulong Page = 0x1000;
    private const byte Frozen = 8;
    private const ulong LabelUnit = 0x1_0000;
    private const ulong WindowUnit = 2 << 20;

    private const IntelSmartFlags Known = IntelSmartFlags.Health | IntelSmartFlags.Spares | IntelSmartFlags.LifeUsed | IntelSmartFlags.MediaTemperature | IntelSmartFlags.ControllerTemperature
        | IntelSmartFlags.ShutdownCount | IntelSmartFlags.Alarms | IntelSmartFlags.LastShutdown;

    /// <summary>Bytes of the registers of all DIMMs.</summary>
    public static ulong Length(IReadOnlyList<VirtualDimm> dimms) => (LabelPosition(dimms, dimms.Count) + WindowUnit - 1) / WindowUnit * WindowUnit;

    /// <summary>Where the label storage area of a DIMM is, from the start of the registers.</summary>
    public static ulong LabelPosition(IReadOnlyList<VirtualDimm> dimms, int dimm)
    {
        ulong at = LabelsStart;
        for (int i = 0; i < dimm; i++)
            at += ((ulong)dimms[i].LabelSize + LabelUnit - 1) / LabelUnit * LabelUnit;
        return at;
    }

    /// <summary>Where the health of a DIMM is, from the start of the registers.</summary>
    public static ulong HealthPosition(int dimm) => HealthStart + ((ulong)dimm * Page);

    /// <summary>Hints that a DIMM may have.</summary>
    public const int MaximumHints = 32;

    /// <summary>Where the flush hints of a DIMM are in system memory: a page of its own for each DIMM, because kernels map them by the page.</summary>
    public static ulong[] HintsOf(int dimm, int count) => [.. Enumerable.Range(0, count).Select(hint => GuestMemory.RegistersStart + HintsStart + ((ulong)dimm * Page) + ((ulong)hint * HintDistance))];

    /// <summary>The device of a DIMM, whose methods read these registers.</summary>
    public static NvdimmDevice Device(IReadOnlyList<VirtualDimm> dimms, int dimm, ulong start) => new()
    {
        Handle = new NfitDeviceHandle(dimms[dimm].Handle),
        Methods = NvdimmMethods.Intel,
        LabelAddress = start + LabelPosition(dimms, dimm),
        LabelSize = dimms[dimm].LabelSize < NvdimmDevice.MinimumLabelSize ? 0 : (uint)dimms[dimm].LabelSize,
        HealthAddress = start + HealthPosition(dimm),
    };

    /// <summary>The registers of a DIMM's health.</summary>
    public static NvdimmHealthRegisters HealthOf(VirtualDimm dimm)
    {
        PretendedHealth? pretended = dimm.Pretended;
        return new NvdimmHealthRegisters
        {
            Smart = Smart(dimm.GetHealth()),
            Thresholds = Thresholds(dimm),
            IsLatched = dimm.IsShutdownLatched,
            InjectedMediaTemperature = pretended?.MediaTemperature is { } degrees ? IntelTemperature.FromCelsius(degrees) : null,
            InjectedSpares = (byte?)pretended?.Spares,
            IsFatalInjected = pretended?.Fatal == true,
            IsUnsafeShutdownInjected = pretended?.UnsafeShutdown == true,
            Security = new SecurityStateOutput { State = dimm.Security.StateBits, ExtendedState = dimm.Security.ExtendedBits },
            // Function 18 does not know of the controller's temperature: what is pretended of it is taken for true.
            Truth = pretended is null ? null : Smart((dimm with { Pretended = pretended with { MediaTemperature = null, Spares = null, Fatal = false, UnsafeShutdown = false } }).GetHealth()),
        };
    }

    /// <summary>A DIMM with what was changed in its registers. What a guest wrote there that a DIMM cannot have stays as it was.</summary>
    public static VirtualDimm WithHealth(VirtualDimm before, NvdimmHealthRegisters registers)
    {
        var pretended = new PretendedHealth(
            registers.InjectedMediaTemperature is { } raw ? IntelTemperature.ToCelsius(raw) : null,
            before.Pretended?.ControllerTemperature,
            registers.InjectedSpares is <= 100 and var spares ? spares : null,
            registers.IsFatalInjected,
            registers.IsUnsafeShutdownInjected);
        IntelThresholdsOutput thresholds = registers.Thresholds;
        return before with
        {
            Pretended = pretended == new PretendedHealth(null, null, null, false, false) ? null : pretended,
            IsShutdownLatched = registers.IsLatched,
            // A guest can freeze what is protected, and do nothing else to it.
            Security = before.Security is { Passphrase: not null, IsLocked: false } && (registers.Security.State & Frozen) != 0 ? before.Security with { IsFrozen = true } : before.Security,
            SparesAlarmEnabled = (thresholds.AlarmControl & 1) != 0,
            MediaTemperatureAlarmEnabled = (thresholds.AlarmControl & 2) != 0,
            ControllerTemperatureAlarmEnabled = (thresholds.AlarmControl & 4) != 0,
            SparesThreshold = thresholds.SparesThreshold <= 100 ? thresholds.SparesThreshold : before.SparesThreshold,
            MediaTemperatureThreshold = IntelTemperature.ToCelsius(thresholds.MediaTemperatureThreshold),
            ControllerTemperatureThreshold = IntelTemperature.ToCelsius(thresholds.ControllerTemperatureThreshold),
        };
    }

    /// <summary>What a DIMM answers when it is asked for its health.</summary>
    public static IntelSmartOutput Smart(DimmHealth health) => new()
    {
        Valid = Known,
        Health = health.State switch { HealthState.Fatal => 4, HealthState.Critical => 2, HealthState.NonCritical => 1, _ => 0 },
        SparesPercentage = (byte)(health.Spares ?? 0),
        LifeUsedPercentage = (byte)(health.LifeUsed ?? 0),
        Alarms = (byte)((health.SparesAlarm == true ? 1 : 0) | (health.MediaTemperatureAlarm == true ? 2 : 0) | (health.ControllerTemperatureAlarm == true ? 4 : 0)),
        MediaTemperature = IntelTemperature.FromCelsius(health.MediaTemperature ?? 0),
        ControllerTemperature = IntelTemperature.FromCelsius(health.ControllerTemperature ?? 0),
        ShutdownCount = (uint)(health.ShutdownCount ?? 0),
        LastShutdownStatus = health.LastShutdownWasDirty == true ? (byte)1 : (byte)0,
    };

    /// <summary>At which values a DIMM raises alarms.</summary>
    public static IntelThresholdsOutput Thresholds(VirtualDimm dimm) => new()
    {
        AlarmControl = (ushort)((dimm.SparesAlarmEnabled ? 1 : 0) | (dimm.MediaTemperatureAlarmEnabled ? 2 : 0) | (dimm.ControllerTemperatureAlarmEnabled ? 4 : 0)),
        SparesThreshold = (byte)dimm.SparesThreshold,
        MediaTemperatureThreshold = IntelTemperature.FromCelsius(dimm.MediaTemperatureThreshold),
        ControllerTemperatureThreshold = IntelTemperature.FromCelsius(dimm.ControllerTemperatureThreshold),
    };
}
