using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>Which fields of HPE's SMART answer are wanted, or valid.</summary>
[Flags]
public enum HpeSmartFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Health.</summary>
    Health = 1 << 0,

    /// <summary>Temperature.</summary>
    Temperature = 1 << 1,

    /// <summary>Spares.</summary>
    Spares = 1 << 2,

    /// <summary>Alarms.</summary>
    Alarms = 1 << 3,

    /// <summary>Life used.</summary>
    LifeUsed = 1 << 4,

    /// <summary>Last shutdown.</summary>
    LastShutdown = 1 << 5,

    /// <summary>Statistics.</summary>
    Statistics = 1 << 6,

    /// <summary>What failed.</summary>
    Detail = 1 << 7,

    /// <summary>Energy source.</summary>
    EnergySource = 1 << 8,

    /// <summary>Data of the vendor.</summary>
    Vendor = 1 << 9,
}

/// <summary>Input of HPE's function 1, SMART: which fields are wanted.</summary>
public sealed class HpeSmartInput : DsmPayload
{
    /// <summary>Bits of <see cref="HpeSmartFlags"/>.</summary>
    public uint Valid;

    internal override void Visit<T>(ref T fields) => fields.UInt32("valid", ref Valid, FieldFormat.Hex);
}

/// <summary>Output of HPE's function 1, SMART: 128 bytes.</summary>
public sealed class HpeSmartOutput : DsmOutput
{
    private const int VendorDataSize = 60;

    /// <summary>Which fields are valid: bits as in <see cref="HpeSmartInput.Valid"/>.</summary>
    public uint Valid;

    /// <summary>Bit 0 non-critical, bit 1 critical, bit 2 fatal.</summary>
    public byte Summary;

    /// <summary>Temperature in sixteenths of a degree, as Intel's.</summary>
    public ushort Temperature;

    /// <summary>Spare blocks.</summary>
    public byte Spares;

    /// <summary>Alarms: temperature, spares, and warnings and errors of life and energy source.</summary>
    public ushort Trips;

    /// <summary>Life of the device that is used, in percent, as ndctl takes it.</summary>
    public byte Life;

    /// <summary>Bit 1: the last save was good.</summary>
    public byte LastShutdown;

    /// <summary>How long the last save took.</summary>
    public ushort SaveDuration;

    /// <summary>How long the last restore took.</summary>
    public ushort RestoreDuration;

    /// <summary>How long the last erase took.</summary>
    public ushort EraseDuration;

    /// <summary>Saves, restores and erases of late and in the module's life, and its power cycles.</summary>
    public uint[] Counters = new uint[7];

    /// <summary>What failed: a bit for each part of the module and each operation.</summary>
    public uint ModuleHealth;

    /// <summary>Result of the last check of the energy source.</summary>
    public uint EnergySourceCheck;

    /// <summary>Life of the energy source, percent.</summary>
    public byte EnergySourceLife;

    /// <summary>Temperature of the energy source.</summary>
    public ushort EnergySourceTemperature;

    /// <summary>Run time of the energy source.</summary>
    public ushort EnergySourceRuntime;

    /// <summary>Bytes of <see cref="VendorData"/> that count.</summary>
    public ushort VendorSize;

    /// <summary>Data of the vendor.</summary>
    public byte[] VendorData = new byte[VendorDataSize];

    private ulong _reserved;
    private ulong _reserved2;

    private protected override string FirstField => "valid";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt32("valid", ref Valid, FieldFormat.Hex);
        fields.UInt8("summary", ref Summary, FieldFormat.Hex);
        fields.UInt16("temperature", ref Temperature);
        fields.UInt8("spares", ref Spares);
        fields.UInt16("trips", ref Trips, FieldFormat.Hex);
        fields.UInt8("life", ref Life);
        fields.UInt8("lastShutdown", ref LastShutdown, FieldFormat.Hex);
        fields.UInt16("saveDuration", ref SaveDuration);
        fields.UInt16("restoreDuration", ref RestoreDuration);
        fields.UInt16("eraseDuration", ref EraseDuration);
        fields.Reserved(2, ref _reserved);
        fields.Array32("counters", ref Counters, 7);
        fields.UInt32("moduleHealth", ref ModuleHealth, FieldFormat.Hex);
        fields.UInt32("energySourceCheck", ref EnergySourceCheck, FieldFormat.Hex);
        fields.UInt8("energySourceLife", ref EnergySourceLife);
        fields.UInt16("energySourceTemperature", ref EnergySourceTemperature);
        fields.Reserved(1, ref _reserved2);
        fields.UInt16("energySourceRuntime", ref EnergySourceRuntime);
        fields.UInt16("vendorSize", ref VendorSize);
        fields.Block("vendorData", ref VendorData, VendorDataSize);
    }
}

/// <summary>Output of HPE's function 2, thresholds: 36 bytes.</summary>
public sealed class HpeThresholdsOutput : DsmOutput
{
    /// <summary>Alarms that are on.</summary>
    public ushort AlarmControl;

    /// <summary>Temperature.</summary>
    public ushort Temperature;

    /// <summary>Spare blocks.</summary>
    public byte Spares;

    /// <summary>Life of the device at which there is a warning, and at which there is an error.</summary>
    public ushort DeviceLife;

    /// <summary>Life of the energy source at which there is a warning, and at which there is an error.</summary>
    public ushort EnergySourceLife;

    /// <summary>Temperature of the energy source at which there is a warning, and at which there is an error.</summary>
    public ushort EnergySourceTemperature;

    private ulong _reserved;
    private ulong _reserved2;
    private ulong _reserved3;
    private ulong _reserved4;

    private protected override string FirstField => "alarmControl";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt16("alarmControl", ref AlarmControl, FieldFormat.Hex);
        fields.UInt16("temperature", ref Temperature);
        fields.UInt8("spares", ref Spares);
        fields.Reserved(3, ref _reserved);
        fields.UInt16("deviceLife", ref DeviceLife, FieldFormat.MemoryOrder);
        fields.Reserved(6, ref _reserved2);
        fields.UInt16("energySourceLife", ref EnergySourceLife, FieldFormat.MemoryOrder);
        fields.UInt16("energySourceTemperature", ref EnergySourceTemperature, FieldFormat.MemoryOrder);
        fields.Reserved(4, ref _reserved3);
        fields.Reserved(8, ref _reserved4);
    }
}

/// <summary>Output of HPE's function 12, the last backup.</summary>
public sealed class HpeLastBackupOutput : DsmOutput
{
    /// <summary>Whether there is an image.</summary>
    public byte Image;

    /// <summary>How the backup ended.</summary>
    public byte Completion;

    /// <summary>What started it: bit 0 SAVE_n, 1 external, 2 CKE, 3 firmware, 4 RESET_n.</summary>
    public byte Initiation;

    /// <summary>State of the controller: bit 0 well, 1 fault of the DRAM, 2 other fault.</summary>
    public byte Controller;

    private protected override string FirstField => "image";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt8("image", ref Image);
        fields.UInt8("completion", ref Completion);
        fields.UInt8("initiation", ref Initiation, FieldFormat.Hex);
        fields.UInt8("controller", ref Controller, FieldFormat.Hex);
    }
}

/// <summary>Input of HPE's function 19, inject an error.</summary>
public sealed class HpeInjectInput : DsmPayload
{
    /// <summary>Which error.</summary>
    public byte Type;

    /// <summary>0 once, 1 until it is taken back, 2 take back.</summary>
    public byte Options;

    internal override void Visit<T>(ref T fields)
    {
        fields.UInt8("type", ref Type);
        fields.UInt8("options", ref Options);
    }
}

/// <summary>Output of HPE's function 20, what is injected.</summary>
public sealed class HpeInjectStatusOutput : DsmOutput
{
    /// <summary>0 nothing, 1 injected, 2 pending.</summary>
    public byte State;

    /// <summary>Which error.</summary>
    public byte Type;

    /// <summary>Options of the injection.</summary>
    public byte Options;

    private protected override string FirstField => "state";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt8("state", ref State);
        fields.UInt8("type", ref Type);
        fields.UInt8("options", ref Options);
    }
}

/// <summary>Output of HPE's function 10, identification of the module.</summary>
public sealed class HpeIdentityOutput : DsmOutput
{
    /// <summary>Revision of the specification that it follows.</summary>
    public byte SpecificationRevision;

    /// <summary>Standard pages.</summary>
    public byte Pages;

    /// <summary>Revision of the hardware.</summary>
    public uint HardwareRevision;

    /// <summary>What starts a backup: bit 0 CKE, 1 external, 2 12 V, 3 I2C, 4 SAVE_n.</summary>
    public byte BackupTriggers;

    /// <summary>How often an operation is tried again.</summary>
    public ushort Retries;

    /// <summary>Longest backup, restore, erase, arming and firmware operation.</summary>
    public uint[] Timeouts = new uint[5];

    /// <summary>Bytes of a block of a region.</summary>
    public uint RegionBlockSize;

    /// <summary>Lowest temperature at which it works.</summary>
    public ushort MinimumTemperature;

    /// <summary>Highest temperature at which it works.</summary>
    public ushort MaximumTemperature;

    /// <summary>Slot of the firmware that runs.</summary>
    public byte CurrentSlot;

    /// <summary>Slots for firmware; a revision of each follows as trailing bytes.</summary>
    public ushort Slots;

    private ulong _reserved;
    private ulong _reserved2;

    private protected override string FirstField => "specificationRevision";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt8("specificationRevision", ref SpecificationRevision, FieldFormat.Hex);
        fields.UInt8("pages", ref Pages);
        fields.UInt32("hardwareRevision", ref HardwareRevision, FieldFormat.Hex);
        fields.UInt8("backupTriggers", ref BackupTriggers, FieldFormat.Hex);
        fields.UInt16("retries", ref Retries);
        fields.Reserved(3, ref _reserved);
        fields.Array32("timeouts", ref Timeouts, 5);
        fields.UInt32("regionBlockSize", ref RegionBlockSize);
        fields.UInt16("minimumTemperature", ref MinimumTemperature);
        fields.UInt16("maximumTemperature", ref MaximumTemperature);
        fields.UInt8("currentSlot", ref CurrentSlot);
        fields.Reserved(1, ref _reserved2);
        fields.UInt16("slots", ref Slots);
    }
}

/// <summary>Output of HPE's function 11, identification of the energy source.</summary>
public sealed class HpeEnergySourceOutput : DsmOutput
{
    /// <summary>Policy.</summary>
    public byte Policy;

    /// <summary>Bit 0 built in, 1 tethered, 2 shared.</summary>
    public byte Attributes;

    /// <summary>Bit 0 undefined, 1 super capacitor, 2 battery, 3 hybrid capacitor.</summary>
    public byte Technology;

    /// <summary>Revision of the hardware.</summary>
    public ushort HardwareRevision;

    /// <summary>Revision of the firmware.</summary>
    public ushort FirmwareRevision;

    /// <summary>How long charging takes at most.</summary>
    public uint ChargeTimeout;

    /// <summary>Lowest temperature at which it works.</summary>
    public ushort MinimumTemperature;

    /// <summary>Highest temperature at which it works.</summary>
    public ushort MaximumTemperature;

    private ulong _reserved;

    private protected override string FirstField => "policy";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt8("policy", ref Policy);
        fields.UInt8("attributes", ref Attributes, FieldFormat.Hex);
        fields.UInt8("technology", ref Technology, FieldFormat.Hex);
        fields.Reserved(1, ref _reserved);
        fields.UInt16("hardwareRevision", ref HardwareRevision, FieldFormat.Hex);
        fields.UInt16("firmwareRevision", ref FirmwareRevision, FieldFormat.Hex);
        fields.UInt32("chargeTimeout", ref ChargeTimeout);
        fields.UInt16("minimumTemperature", ref MinimumTemperature);
        fields.UInt16("maximumTemperature", ref MaximumTemperature);
    }
}

/// <summary>Output of HPE's function 18, which errors can be injected.</summary>
public sealed class HpeInjectCapabilityOutput : DsmOutput
{
    private const int ErrorsSize = 32;

    /// <summary>A bit for each error, by its number in <see cref="HpeInjectInput.Type"/>.</summary>
    public byte[] Errors = new byte[ErrorsSize];

    private protected override string FirstField => "errors";

    internal override void VisitAnswer<T>(ref T fields) => fields.Block("errors", ref Errors, ErrorsSize);
}
