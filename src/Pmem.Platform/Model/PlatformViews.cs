using Pmem.Platform.Acpi;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Model;

/// <summary>A bus of NVDIMMs: what one driver found. Most machines have one, of the firmware's table; memory that the kernel's command line declares is on another.</summary>
/// <param name="Name"><c>ndbus0</c> and so on.</param>
/// <param name="Provider">Who announced what is on it: <c>ACPI.NFIT</c>, <c>e820</c>, or a folder.</param>
/// <param name="Scrub">Its search for media errors.</param>
public sealed record BusView(string Name, string Provider, ScrubStatus Scrub)
{
    /// <summary>Name of the only bus of a platform that has one.</summary>
    public const string First = "ndbus0";

    /// <summary>How firmware of its DIMMs comes to run; null where it does after a restart alone.</summary>
    public FirmwareActivation? Activation { get; init; }
}

/// <summary>A DIMM as it is now.</summary>
/// <param name="Name"><c>nmem0</c> and so on.</param>
/// <param name="Handle">Device handle.</param>
/// <param name="PhysicalId">SMBIOS handle.</param>
/// <param name="Id">Identity: vendor, location, date and serial number.</param>
/// <param name="Capacity">Bytes of media.</param>
/// <param name="LabelSize">Bytes of the label storage area; 0 without one.</param>
/// <param name="LabelFormat">Form of the labels; null when unlabelled.</param>
/// <param name="AvailableSlots">Slots that may be used: free ones less the one that must stay free.</param>
/// <param name="IsEnabled">Whether a kernel enables it.</param>
public sealed record DimmView(string Name, NfitDeviceHandle Handle, ushort PhysicalId, string Id, ulong Capacity, int LabelSize, LabelFormat? LabelFormat, int AvailableSlots, bool IsEnabled)
{
    /// <summary>Name of its bus.</summary>
    public string Bus { get; init; } = BusView.First;

    /// <summary>Identity, flags, security, firmware, as far as they are known.</summary>
    public DimmDetails Details { get; init; } = new();
}

/// <summary>A DIMM's part of a region.</summary>
/// <param name="Dimm">Name of the DIMM.</param>
/// <param name="Offset">DIMM physical address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Position">Rank in the set.</param>
public sealed record MappingView(string Dimm, ulong Offset, ulong Length, int Position);

/// <summary>A region as it is now.</summary>
public sealed record RegionView
{
    /// <summary><c>region0</c> and so on.</summary>
    public required string Name { get; init; }

    /// <summary>Name of its bus.</summary>
    public string Bus { get; init; } = BusView.First;

    /// <summary>System physical address.</summary>
    public required ulong Start { get; init; }

    /// <summary>Bytes.</summary>
    public required ulong Size { get; init; }

    /// <summary>Unit of namespace sizes.</summary>
    public required ulong Alignment { get; init; }

    /// <summary>Free bytes, summed over the DIMMs; may be scattered.</summary>
    public required ulong AvailableSize { get; init; }

    /// <summary>Size of the largest namespace that can be created.</summary>
    public required ulong MaximumExtent { get; init; }

    /// <summary>Interleave set cookie for the form of labels that is in use.</summary>
    public required ulong SetCookie { get; init; }

    /// <summary>What becomes of the region.</summary>
    public required RegionState State { get; init; }

    /// <summary>Why it is not enabled, or came up without labels.</summary>
    public required string Reason { get; init; }

    /// <summary>What to do about it; empty when nothing is to be done.</summary>
    public string Remedy { get; init; } = string.Empty;

    /// <summary>Whether nothing may be written: a DIMM is not armed.</summary>
    public required bool IsReadOnly { get; init; }

    /// <summary>Where stores are safe when power fails; null when not known.</summary>
    public PersistenceDomain? Domain { get; init; }

    /// <summary>NUMA node whose processors are nearest; null when not known.</summary>
    public int? NumaNode { get; init; }

    /// <summary>NUMA node that it would be as memory of the system; null when not known.</summary>
    public int? TargetNode { get; init; }

    /// <summary>The DIMMs, in the order of the table.</summary>
    public required IReadOnlyList<MappingView> Mappings { get; init; }

    /// <summary>Its namespaces, in the order of their numbers.</summary>
    public required IReadOnlyList<NamespaceView> Namespaces { get; init; }
}

/// <summary>A namespace as it is now.</summary>
public sealed record NamespaceView
{
    /// <summary><c>namespace0.0</c> and so on.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the region.</summary>
    public required string Region { get; init; }

    /// <summary>What it is.</summary>
    public required NamespaceMode Mode { get; init; }

    /// <summary>What its label says that it is, whatever is found in it; <see cref="NamespaceClass.None"/> when no label says so. Linux says <see cref="NamespaceClass.Btt"/> of both versions.</summary>
    public NamespaceClass Class { get; init; }

    /// <summary>Where page structures are kept; <see cref="PageMapMode.None"/> in raw and sector mode.</summary>
    public PageMapMode Map { get; init; }

    /// <summary>Bytes that its users see.</summary>
    public required ulong Size { get; init; }

    /// <summary>Bytes that it takes of the region.</summary>
    public required ulong RawSize { get; init; }

    /// <summary>System physical address.</summary>
    public required ulong Start { get; init; }

    /// <summary>First byte of data, from the start; of sector mode the first arena.</summary>
    public ulong DataOffset { get; init; }

    /// <summary>Uuid of the info block; of the namespace in raw mode.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>Uuid of the namespace; empty without labels.</summary>
    public required Guid RawUuid { get; init; }

    /// <summary>Friendly name.</summary>
    public string FriendlyName { get; init; } = string.Empty;

    /// <summary>Bytes of a sector; 0 for devdax.</summary>
    public int SectorSize { get; init; }

    /// <summary>Alignment of data; 0 in raw and sector mode.</summary>
    public ulong Alignment { get; init; }

    /// <summary>The device that Linux gives it: <c>pmem0</c>, <c>pmem0.1s</c>, <c>dax0.0</c>.</summary>
    public required string Device { get; init; }

    /// <summary>Whether it is enabled.</summary>
    public required bool IsEnabled { get; init; }

    /// <summary>Whether its info block lets it be enabled.</summary>
    public bool CanBeEnabled { get; init; } = true;

    /// <summary>Why it is what it is.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>What would make it what it was meant to be; empty when it is.</summary>
    public string Remedy { get; init; } = string.Empty;
}
