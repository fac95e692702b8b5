namespace Pmem.Platform.Acpi;

/// <summary>What is known of a platform beside its NFIT. Rules that need what is not known are left out.</summary>
public sealed class NfitLintOptions
{
    /// <summary>The <c>_ADR</c> of each child of the NVDIMM root device; null if not known.</summary>
    public IReadOnlyCollection<NfitDeviceHandle>? Devices { get; init; }

    /// <summary>Proximity domains of the SRAT; null if not known.</summary>
    public IReadOnlyCollection<uint>? ProximityDomains { get; init; }

    /// <summary>The firmware's memory map; null if not known.</summary>
    public IReadOnlyCollection<E820Range>? MemoryMap { get; init; }
}
