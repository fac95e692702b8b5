namespace Pmem.Platform.Acpi;

/// <summary>The GUIDs that say what a range is. Their bytes in tables are in GUID (mixed-endian) order.</summary>
public static class NfitRangeType
{
    /// <summary>Volatile memory.</summary>
    public static readonly Guid Volatile = new("7305944f-fdda-44e3-b16c-3f22d252e5d0");

    /// <summary>Byte-addressable persistent memory.</summary>
    public static readonly Guid PersistentMemory = NvdimmGuids.PersistentMemory;

    /// <summary>NVDIMM control region.</summary>
    public static readonly Guid ControlRegion = NvdimmGuids.ControlRegion;

    /// <summary>NVDIMM block data window region.</summary>
    public static readonly Guid BlockDataWindow = new("91af0530-5d86-470e-a6b0-0a2db9408249");

    /// <summary>RAM disk: volatile virtual disk.</summary>
    public static readonly Guid VolatileVirtualDisk = new("77ab535a-45fc-624b-5560-f7b281d1f96e");

    /// <summary>RAM disk: volatile virtual CD.</summary>
    public static readonly Guid VolatileVirtualCd = new("3d5abd30-4175-87ce-6d64-d2ade523c4bb");

    /// <summary>RAM disk: persistent virtual disk.</summary>
    public static readonly Guid PersistentVirtualDisk = new("5cea02c9-4d07-69d3-269f-4496fbe096f9");

    /// <summary>RAM disk: persistent virtual CD.</summary>
    public static readonly Guid PersistentVirtualCd = new("08018188-42cd-bb48-100f-5387d53ded3d");

    /// <summary>Mailboxes of Intel Optane modules, which only Intel's tools use.</summary>
    public static readonly Guid IntelMailbox = new("48d7624d-5cd8-4924-afd5-dbcbf850cc2b");

    private static readonly (Guid Guid, string Short, string Name)[] s_all =
    [
        (Volatile, "volatile", "Volatile Memory"),
        (PersistentMemory, "pm", "Persistent Memory"),
        (ControlRegion, "dcr", "NVDIMM Control Region"),
        (BlockDataWindow, "bdw", "NVDIMM Block Data Window Region"),
        (VolatileVirtualDisk, "vdisk", "Volatile Virtual Disk"),
        (VolatileVirtualCd, "vcd", "Volatile Virtual CD"),
        (PersistentVirtualDisk, "pdisk", "Persistent Virtual Disk"),
        (PersistentVirtualCd, "pcd", "Persistent Virtual CD"),
        (IntelMailbox, "mailbox", "Intel Optane mailbox"),
    ];

    /// <summary>The GUIDs with a short and a full name each.</summary>
    public static IReadOnlyList<(Guid Guid, string Short, string Name)> All => s_all;

    /// <summary>The full name; null for a GUID that is not in the list.</summary>
    public static string? NameOf(Guid guid) => Array.Find(s_all, entry => entry.Guid == guid).Name;

    /// <summary>Whether a range is a RAM disk: only these may have index 0.</summary>
    public static bool IsVirtual(Guid guid) =>
        guid == VolatileVirtualDisk || guid == VolatileVirtualCd || guid == PersistentVirtualDisk || guid == PersistentVirtualCd;
}
