namespace Pmem.Platform;

/// <summary>GUIDs of labels: range types and abstractions. On media they are mixed-endian GUIDs, in CXL labels RFC 4122 uuids.</summary>
public static class NvdimmGuids
{
    /// <summary>Range type: byte-addressable persistent memory (ACPI 6.5, table 5.121).</summary>
    public static readonly Guid PersistentMemory = new("66f0d379-b4f3-4074-ac43-0d3318b78cdb");

    /// <summary>Range type: NVDIMM control region; the type of block-window labels that kernels before 5.18 wrote.</summary>
    public static readonly Guid ControlRegion = new("92f701f6-13b4-405d-910b-299367e8234c");

    /// <summary>Abstraction: BTT 1.1, one page into the namespace.</summary>
    public static readonly Guid Btt1 = new("8aed63a2-29a2-4c66-8b12-f05d15d3922a");

    /// <summary>Abstraction: BTT 2.0, at the start of the namespace (UEFI <c>EFI_BTT_ABSTRACTION_GUID</c>).</summary>
    public static readonly Guid Btt2 = new("18633bfc-1735-4217-8ac9-17239282d3f8");

    /// <summary>Abstraction: fsdax with a PFN info block.</summary>
    public static readonly Guid Pfn = new("266400ba-fb9f-4677-bcb0-968f11d0d225");

    /// <summary>Abstraction: device DAX.</summary>
    public static readonly Guid Dax = new("97a86d9c-3cdd-4eda-986f-5068b4f80088");

    /// <summary>CXL label type: region (CXL 2.0, 9.13.2.4).</summary>
    public static readonly Guid CxlRegion = new("529d7c61-da07-47c4-a93f-ecdf2c06f444");

    /// <summary>CXL label type: namespace (CXL 2.0, 9.13.2.5).</summary>
    public static readonly Guid CxlNamespace = new("68bb2c0a-5a77-4937-9f85-3caf41a0f93c");
}
