using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>Status of Intel's functions.</summary>
public enum IntelStatus : ushort
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>The function is not there.</summary>
    NotSupported = 1,

    /// <summary>There is no such module.</summary>
    NonExistingDevice = 2,

    /// <summary>The input is not valid.</summary>
    InvalidInput = 3,

    /// <summary>The hardware failed.</summary>
    HardwareError = 4,

    /// <summary>To be tried again.</summary>
    Retry = 5,

    /// <summary>Failed for a reason that is not known.</summary>
    Unknown = 6,

    /// <summary>See the extended status.</summary>
    FunctionSpecific = 7,

    /// <summary>Out of resources.</summary>
    NoResources = 8,

    /// <summary>The hardware is not ready.</summary>
    NotReady = 9,

    /// <summary>Not possible in this state of security.</summary>
    InvalidSecurityState = 10,

    /// <summary>The passphrase is wrong.</summary>
    InvalidPassphrase = 11,
}

/// <summary>Temperatures in Intel's payloads: sixteenths of a degree Celsius, sign in bit 15.</summary>
public static class IntelTemperature
{
    private const ushort Sign = 0x8000;

    /// <summary>Degrees Celsius.</summary>
    public static double ToCelsius(ushort raw) => (raw & Sign) != 0 ? -(raw & ~Sign) / 16.0 : raw / 16.0;

    /// <summary>The number in a payload, for −2047 to 2047 degrees.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The temperature does not fit.</exception>
    public static ushort FromCelsius(double degrees)
    {
        double sixteenths = Math.Round(Math.Abs(degrees) * 16);
        if (double.IsNaN(sixteenths) || sixteenths > 0x7fff)
            throw new ArgumentOutOfRangeException(nameof(degrees), degrees, "−2047 to 2047 degrees");
        return (ushort)((ushort)sixteenths | (degrees < 0 && sixteenths != 0 ? Sign : 0));
    }
}

/// <summary>Which fields of Intel's SMART answer are valid.</summary>
[Flags]
public enum IntelSmartFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Health.</summary>
    Health = 1 << 0,

    /// <summary>Spares.</summary>
    Spares = 1 << 1,

    /// <summary>Life used.</summary>
    LifeUsed = 1 << 2,

    /// <summary>Media temperature.</summary>
    MediaTemperature = 1 << 3,

    /// <summary>Controller temperature.</summary>
    ControllerTemperature = 1 << 4,

    /// <summary>Dirty shutdown count.</summary>
    ShutdownCount = 1 << 5,

    /// <summary>Status of the module's DRAM.</summary>
    AitDram = 1 << 6,

    /// <summary>Temperature of the power management chip.</summary>
    PmicTemperature = 1 << 7,

    /// <summary>Alarms.</summary>
    Alarms = 1 << 9,

    /// <summary>Status of the last shutdown.</summary>
    LastShutdown = 1 << 10,

    /// <summary>Data of the vendor.</summary>
    Vendor = 1 << 11,
}

/// <summary>Output of Intel's function 1, SMART and health: 132 bytes.</summary>
public sealed class IntelSmartOutput : DsmOutput
{
    /// <summary>Bytes of the vendor's data.</summary>
    public const int VendorDataSize = 92;

    /// <summary>Which fields are valid.</summary>
    public IntelSmartFlags Valid;

    /// <summary>Bit 0 non-critical, bit 1 critical, bit 2 fatal.</summary>
    public byte Health;

    /// <summary>Percent of spare capacity that is left.</summary>
    public byte SparesPercentage;

    /// <summary>Percent of the expected life that is used.</summary>
    public byte LifeUsedPercentage;

    /// <summary>Bit 0 spares, bit 1 media temperature, bit 2 controller temperature.</summary>
    public byte Alarms;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort MediaTemperature;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort ControllerTemperature;

    /// <summary>Dirty shutdowns.</summary>
    public uint ShutdownCount;

    /// <summary>Status of the module's DRAM.</summary>
    public byte AitDramStatus;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort PmicTemperature;

    /// <summary>0: the last shutdown was clean.</summary>
    public byte LastShutdownStatus;

    /// <summary>Bytes of <see cref="VendorData"/> that count.</summary>
    public uint VendorSize;

    /// <summary>Data of the vendor.</summary>
    public byte[] VendorData = new byte[VendorDataSize];

    private ulong _reserved;
    private ulong _reserved2;

    private protected override string FirstField => "valid";

    internal override void VisitAnswer<T>(ref T fields)
    {
        uint valid = (uint)Valid;
        fields.UInt32("valid", ref valid, FieldFormat.Hex);
        Valid = (IntelSmartFlags)valid;
        fields.Reserved(4, ref _reserved);
        fields.UInt8("health", ref Health, FieldFormat.Hex);
        fields.UInt8("sparesPercentage", ref SparesPercentage);
        fields.UInt8("lifeUsedPercentage", ref LifeUsedPercentage);
        fields.UInt8("alarms", ref Alarms, FieldFormat.Hex);
        fields.UInt16("mediaTemperature", ref MediaTemperature);
        fields.UInt16("controllerTemperature", ref ControllerTemperature);
        fields.UInt32("shutdownCount", ref ShutdownCount);
        fields.UInt8("aitDramStatus", ref AitDramStatus);
        fields.UInt16("pmicTemperature", ref PmicTemperature);
        fields.Reserved(8, ref _reserved2);
        fields.UInt8("lastShutdownStatus", ref LastShutdownStatus);
        fields.UInt32("vendorSize", ref VendorSize);
        fields.Block("vendorData", ref VendorData, VendorDataSize);
    }
}

/// <summary>Output of Intel's function 2, thresholds: 12 bytes.</summary>
public sealed class IntelThresholdsOutput : DsmOutput
{
    /// <summary>Alarms that are on: bit 0 spares, bit 1 media temperature, bit 2 controller temperature.</summary>
    public ushort AlarmControl;

    /// <summary>Percent.</summary>
    public byte SparesThreshold;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort MediaTemperatureThreshold;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort ControllerTemperatureThreshold;

    private ulong _reserved;

    private protected override string FirstField => "alarmControl";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt16("alarmControl", ref AlarmControl, FieldFormat.Hex);
        fields.UInt8("sparesThreshold", ref SparesThreshold);
        fields.UInt16("mediaTemperatureThreshold", ref MediaTemperatureThreshold);
        fields.UInt16("controllerTemperatureThreshold", ref ControllerTemperatureThreshold);
        fields.Reserved(1, ref _reserved);
    }
}

/// <summary>Input of Intel's function 17, set thresholds.</summary>
public sealed class IntelSetThresholdsInput : DsmPayload
{
    /// <summary>Alarms to be on: bit 0 spares, bit 1 media temperature, bit 2 controller temperature.</summary>
    public ushort AlarmControl;

    /// <summary>Percent.</summary>
    public byte SparesThreshold;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort MediaTemperatureThreshold;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort ControllerTemperatureThreshold;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt16("alarmControl", ref AlarmControl, FieldFormat.Hex);
        fields.UInt8("sparesThreshold", ref SparesThreshold);
        fields.UInt16("mediaTemperatureThreshold", ref MediaTemperatureThreshold);
        fields.UInt16("controllerTemperatureThreshold", ref ControllerTemperatureThreshold);
    }
}

/// <summary>Input of Intel's function 18, inject health errors. Output status 7 with extended status 1: injection is disabled.</summary>
public sealed class IntelInjectInput : DsmPayload
{
    /// <summary>What to inject: bit 0 media temperature, bit 1 spares, bit 2 fatal health, bit 3 dirty shutdown.</summary>
    public ulong Which;

    /// <summary>1 injects, 0 takes back.</summary>
    public byte EnableMediaTemperature;

    /// <summary>See <see cref="IntelTemperature"/>.</summary>
    public ushort MediaTemperature;

    /// <summary>1 injects, 0 takes back.</summary>
    public byte EnableSpares;

    /// <summary>Percent.</summary>
    public byte Spares;

    /// <summary>1 injects, 0 takes back.</summary>
    public byte Fatal;

    /// <summary>1 injects, 0 takes back.</summary>
    public byte UnsafeShutdown;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt64("which", ref Which, FieldFormat.Hex);
        fields.UInt8("enableMediaTemperature", ref EnableMediaTemperature);
        fields.UInt16("mediaTemperature", ref MediaTemperature);
        fields.UInt8("enableSpares", ref EnableSpares);
        fields.UInt8("spares", ref Spares);
        fields.UInt8("fatal", ref Fatal);
        fields.UInt8("unsafeShutdown", ref UnsafeShutdown);
    }
}
