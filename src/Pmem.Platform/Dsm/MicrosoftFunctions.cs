using Pmem.Platform.Fields;

namespace Pmem.Platform.Dsm;

/// <summary>Output of Microsoft's function 1, identification of an NVDIMM-N. Timeouts in seconds follow as trailing bytes, 4 each.</summary>
public sealed class MicrosoftIdentificationOutput : DsmOutput
{
    /// <summary>Revision of the specification that the module follows.</summary>
    public ushort SpecificationRevision;

    /// <summary>Standard register pages.</summary>
    public ushort Pages;

    /// <summary>Revision of the hardware.</summary>
    public uint HardwareRevision;

    /// <summary>Revision of the firmware.</summary>
    public ushort FirmwareRevision;

    /// <summary>Slot that the firmware runs from.</summary>
    public byte FirmwareSlot;

    /// <summary>Slots for firmware.</summary>
    public byte FirmwareSlots;

    /// <summary>Capabilities.</summary>
    public byte Capabilities;

    /// <summary>What can start a save.</summary>
    public byte Triggers;

    /// <summary>Retries of an operation at most.</summary>
    public byte Retries;

    /// <summary>Events that are notified.</summary>
    public byte Events;

    private protected override string FirstField => "specificationRevision";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt16("specificationRevision", ref SpecificationRevision, FieldFormat.Hex);
        fields.UInt16("pages", ref Pages);
        fields.UInt32("hardwareRevision", ref HardwareRevision, FieldFormat.Hex);
        fields.UInt16("firmwareRevision", ref FirmwareRevision, FieldFormat.Hex);
        fields.UInt8("firmwareSlot", ref FirmwareSlot);
        fields.UInt8("firmwareSlots", ref FirmwareSlots);
        fields.UInt8("capabilities", ref Capabilities, FieldFormat.Hex);
        fields.UInt8("triggers", ref Triggers, FieldFormat.Hex);
        fields.UInt8("retries", ref Retries);
        fields.UInt8("events", ref Events, FieldFormat.Hex);
    }
}

/// <summary>Output of Microsoft's function 11, health of an NVDIMM-N: 13 bytes.</summary>
public sealed class MicrosoftHealthOutput : DsmOutput
{
    /// <summary>Health of the module: 0 is well, bits name what failed.</summary>
    public ushort ModuleHealth;

    /// <summary>Degrees Celsius.</summary>
    public ushort Temperature;

    /// <summary>Error thresholds that are passed.</summary>
    public byte ErrorThresholdStatus;

    /// <summary>Warning thresholds that are passed.</summary>
    public byte WarningThresholdStatus;

    /// <summary>Percent of life that is left.</summary>
    public byte LifetimePercentage;

    /// <summary>Uncorrectable errors of the DRAM.</summary>
    public byte UncorrectableErrors;

    /// <summary>Corrected errors of the DRAM.</summary>
    public byte CorrectableErrors;

    private protected override string FirstField => "moduleHealth";

    internal override void VisitAnswer<T>(ref T fields)
    {
        fields.UInt16("moduleHealth", ref ModuleHealth, FieldFormat.Hex);
        fields.UInt16("temperature", ref Temperature);
        fields.UInt8("errorThresholdStatus", ref ErrorThresholdStatus, FieldFormat.Hex);
        fields.UInt8("warningThresholdStatus", ref WarningThresholdStatus, FieldFormat.Hex);
        fields.UInt8("lifetimePercentage", ref LifetimePercentage);
        fields.UInt8("uncorrectableErrors", ref UncorrectableErrors);
        fields.UInt8("correctableErrors", ref CorrectableErrors);
    }
}

/// <summary>Output of Hyper-V's function 1, health: bits 0 and 1 critical, bit 2 fatal, bits 3 to 5 non-critical.</summary>
public sealed class HyperVHealthOutput : DsmOutput
{
    /// <summary>The bits.</summary>
    public uint Health;

    private protected override string FirstField => "health";

    internal override void VisitAnswer<T>(ref T fields) => fields.UInt32("health", ref Health, FieldFormat.Hex);
}

/// <summary>Output of Hyper-V's function 2, unsafe shutdowns.</summary>
public sealed class HyperVShutdownOutput : DsmOutput
{
    /// <summary>How many there were.</summary>
    public uint UnsafeShutdowns;

    private protected override string FirstField => "unsafeShutdowns";

    internal override void VisitAnswer<T>(ref T fields) => fields.UInt32("unsafeShutdowns", ref UnsafeShutdowns);
}
