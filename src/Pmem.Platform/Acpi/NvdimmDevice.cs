namespace Pmem.Platform.Acpi;

/// <summary>By which methods the firmware of a module talks to the operating system.</summary>
public enum NvdimmMethods
{
    /// <summary>None: the device has an address only. Its regions come up without labels.</summary>
    None,

    /// <summary>Intel's <c>_DSM</c>: health (functions 1 and 2), its settings and injection (10, 17 and 18), the state of security and freezing it (19 and 23), and labels (4, 5 and 6).</summary>
    Intel,

    /// <summary>Microsoft's <c>_DSM</c> for health (function 11), and <c>_LSI</c>, <c>_LSR</c>, <c>_LSW</c> for labels, as ACPI 6.2 has them.</summary>
    Microsoft,
}

/// <summary>A module as its device in the ACPI namespace: where its firmware's registers are in system memory.</summary>
public sealed record NvdimmDevice
{
    /// <summary>The smallest label area that the methods can serve: they move 4096 bytes at once.</summary>
    public const uint MinimumLabelSize = 4096;

    /// <summary>Bytes of the health registers.</summary>
    public const uint HealthRegistersSize = 0x100;

    /// <summary>Where in the health registers what <see cref="NvdimmMethods.Intel"/> answers to function 2 is.</summary>
    public const uint ThresholdsPosition = 0x88;

    /// <summary>The module; the device's <c>_ADR</c>.</summary>
    public required NfitDeviceHandle Handle { get; init; }

    /// <summary>Which methods the device has.</summary>
    public NvdimmMethods Methods { get; init; }

    /// <summary>System physical address of the label storage area.</summary>
    public ulong LabelAddress { get; init; }

    /// <summary>Bytes of the label storage area; 0 for a module without labels.</summary>
    public uint LabelSize { get; init; }

    /// <summary>
    /// System physical address of the health registers, null for none. They hold the answers themselves, status first: Intel's as <see cref="NvdimmHealthRegisters"/>, or
    /// Microsoft's health answer of 13 bytes.
    /// </summary>
    public ulong? HealthAddress { get; init; }
}
