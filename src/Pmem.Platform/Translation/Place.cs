using Pmem.Platform.InfoBlocks;

namespace Pmem.Platform.Translation;

/// <summary>What a place holds.</summary>
public enum PlaceKind
{
    /// <summary>Data of a namespace.</summary>
    Data,

    /// <summary>Memory of a region that no namespace has.</summary>
    Free,

    /// <summary>Media that no region has.</summary>
    Unmapped,

    /// <summary>The page before an info block, left for partition tables.</summary>
    Reserved,

    /// <summary>An info block.</summary>
    InfoBlock,

    /// <summary>The copy of an info block at the end of an arena.</summary>
    InfoBlockCopy,

    /// <summary>Page structures of an fsdax or devdax namespace, made anew whenever it is enabled.</summary>
    PageStructures,

    /// <summary>Bytes that alignment or rounding leaves unused.</summary>
    Padding,

    /// <summary>The map of a block translation table.</summary>
    BttMap,

    /// <summary>The flog of a block translation table.</summary>
    BttFlog,

    /// <summary>A block that is free to be written next.</summary>
    BttFreeBlock,

    /// <summary>A block that neither map nor flog names: it is lost to the table.</summary>
    BttLostBlock,

    /// <summary>An index block of a label storage area.</summary>
    LabelIndex,

    /// <summary>A slot of a label storage area.</summary>
    LabelSlot,

    /// <summary>A label storage area without an index block, or the rest behind its last slot.</summary>
    LabelArea,
}

/// <summary>A place as a module has it.</summary>
/// <param name="Module"><c>nmem0</c> and so on.</param>
/// <param name="Handle">Device handle.</param>
/// <param name="Address">DIMM physical address; null in the label storage area, which has none.</param>
/// <param name="File">The file of the module; null when there is none.</param>
/// <param name="FileOffset">Where in the file; null without one.</param>
public sealed record ModulePlace(string Module, uint Handle, ulong? Address, string? File, ulong? FileOffset);

/// <summary>A place as a region has it.</summary>
/// <param name="Region"><c>region0</c> and so on.</param>
/// <param name="Offset">From its start, in bytes.</param>
/// <param name="Sector">In its list of bad blocks: 512-byte sectors from its start.</param>
public sealed record RegionPlace(string Region, ulong Offset, ulong Sector);

/// <summary>A place as a namespace has it.</summary>
/// <param name="Namespace"><c>namespace0.0</c> and so on.</param>
/// <param name="Name">Friendly name; empty for none.</param>
/// <param name="Mode">What it is.</param>
/// <param name="Offset">From its start, in bytes.</param>
/// <param name="Sector">512-byte sectors from its start, as a raw device counts bad blocks.</param>
/// <param name="Device">The device that its users see.</param>
/// <param name="DeviceOffset">Where in that device, in bytes; null for what is not data.</param>
/// <param name="DeviceSector">512-byte sectors from the device's start, as its list of bad blocks counts; null for what is not data.</param>
public sealed record NamespacePlace(string Namespace, string Name, NamespaceMode Mode, ulong Offset, ulong Sector, string Device, ulong? DeviceOffset, ulong? DeviceSector);

/// <summary>A place as a block translation table has it.</summary>
/// <param name="Arena">Which arena.</param>
/// <param name="Block">The block as users number it (before the map), over all arenas; null where no block is behind the place.</param>
/// <param name="InternalBlock">The block of the arena's data area (after the map); null for metadata.</param>
/// <param name="BlockOffset">From the start of the block, in bytes; null for metadata.</param>
/// <param name="Entry">For map and flog: which entry, from the start of the arena's.</param>
/// <param name="State">What the map says of the block: <c>normal</c>, <c>initial</c> (never written), <c>zero</c>, <c>error</c>; empty where it says nothing.</param>
public sealed record BttPlace(int Arena, ulong? Block, ulong? InternalBlock, ulong? BlockOffset, ulong? Entry, string State);

/// <summary>A place as a label storage area has it.</summary>
/// <param name="Offset">From the start of the area, in bytes.</param>
/// <param name="Index">Which index block; null for other places.</param>
/// <param name="Slot">Which slot; null for other places.</param>
public sealed record LabelPlace(ulong Offset, int? Index, int? Slot);

/// <summary>One place in all its forms. A form that the place does not have is null.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="What">The same in words, with the entry that it is.</param>
/// <param name="SystemAddress">System physical address.</param>
/// <param name="Module">In its module.</param>
/// <param name="Region">In its region.</param>
/// <param name="Namespace">In its namespace.</param>
/// <param name="Btt">In its block translation table.</param>
/// <param name="Label">In its label storage area.</param>
/// <param name="Contiguous">Bytes from there on that lie behind one another in the module as in the system; 0 when not known.</param>
public sealed record Place(PlaceKind Kind, string What, ulong? SystemAddress, ModulePlace? Module, RegionPlace? Region, NamespacePlace? Namespace, BttPlace? Btt, LabelPlace? Label, ulong Contiguous)
{
    /// <summary>Whether a namespace, a table or a label area needs it to be what it is, rather than its users.</summary>
    public bool IsMetadata => Kind is PlaceKind.InfoBlock or PlaceKind.InfoBlockCopy or PlaceKind.PageStructures or PlaceKind.BttMap or PlaceKind.BttFlog or PlaceKind.LabelIndex or PlaceKind.LabelSlot or PlaceKind.LabelArea;
}
