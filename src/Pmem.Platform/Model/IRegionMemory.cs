using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <summary>The memory of a region, in the order of system addresses.</summary>
public interface IRegionMemory
{
    /// <summary>Maps a range; the caller disposes the map.</summary>
    /// <param name="offset">First byte, from the start of the region; a multiple of 4096.</param>
    /// <param name="length">Bytes; a multiple of 4096.</param>
    /// <param name="readOnly">Only to be read.</param>
    /// <exception cref="PmemException">It cannot be mapped; a DIMM is missing.</exception>
    PersistentMap Map(long offset, long length, bool readOnly = false);

    /// <summary>Whether a range has no error that is known of beforehand. Emulated errors lie in no mapping, so that a read of one would not fail by itself.</summary>
    /// <param name="offset">First byte, from the start of the region.</param>
    /// <param name="length">Bytes.</param>
    bool IsReadable(long offset, long length) => true;
}

/// <summary>A DIMM from which a <see cref="LabelledPlatform"/> is made.</summary>
/// <param name="Handle">Device handle.</param>
/// <param name="PhysicalId">SMBIOS handle.</param>
/// <param name="Id">Identity.</param>
/// <param name="Capacity">Bytes of media.</param>
/// <param name="Labels">Its label storage area; null without one, or when it cannot be reached.</param>
public sealed record PlatformDimm(NfitDeviceHandle Handle, ushort PhysicalId, string Id, ulong Capacity, ILabelStorage? Labels);

/// <summary>A region from which a <see cref="LabelledPlatform"/> is made.</summary>
/// <param name="Description">Address, type, mappings.</param>
/// <param name="Dimms">For each mapping, which DIMM of the platform.</param>
/// <param name="Memory">Its memory.</param>
/// <param name="Domain">Where stores are safe; null when not known.</param>
/// <param name="IsReadOnly">Whether nothing may be written.</param>
public sealed record PlatformRegion(RegionDescription Description, IReadOnlyList<int> Dimms, IRegionMemory Memory, PersistenceDomain? Domain = null, bool IsReadOnly = false)
{
    /// <summary>Why its memory cannot be reached at all; null when it can.</summary>
    public string? Closed { get; init; }

    /// <summary>What to do about it.</summary>
    public string ClosedRemedy { get; init; } = string.Empty;
}
