namespace Pmem.Platform.Explaining;

/// <summary>Something in which kernels differ, as far as persistent memory shows it.</summary>
/// <param name="Id">Name of the difference, stable across versions.</param>
/// <param name="Since">The first kernel that does it the new way.</param>
/// <param name="Before">What older ones do.</param>
/// <param name="After">What it and newer ones do.</param>
/// <param name="Source">Where that is from: a commit's title, or a section of the kernel's documentation.</param>
/// <param name="Seen">On which kernels it was seen in a guest, or that it was read only.</param>
public sealed record KernelDifference(string Id, Version Since, string Before, string After, string Source, string Seen)
{
    /// <summary>Whether a kernel does it the new way.</summary>
    public bool AppliesTo(KernelVersion kernel) => kernel.Number() >= Since;
}

/// <summary>The differences that predictions know.</summary>
public static class KernelDifferences
{
    // Read in 5.10.198, 6.1.192 and 6.12.117; where stable releases took a change back to older kernels, that is said.
    private const string Read = "not booted";

    /// <summary>Ranges with a location cookie.</summary>
    public static KernelDifference LocationCookie { get; } = new(
        "range-location-cookie",
        new Version(5, 13),
        "a range structure has 56 bytes: one of 64, with a location cookie (ACPI 6.4), stops the whole bus (-ENOMEM)",
        "a range structure has 64 bytes when its flags say that there is a location cookie, 56 when not",
        "Linux 5.13: \"ACPI: NFIT: Fix support for variable 'SPA' structure size\"",
        $"the new way on 6.1 (guest tests of tables); the old way read in add_spa of 5.10.198 (drivers/acpi/nfit/core.c), {Read}");

    /// <summary>Block windows, and with them labels of block namespaces.</summary>
    public static KernelDifference BlockWindows { get; } = new(
        "block-windows",
        new Version(5, 18),
        "a persistent region passes over LOCAL labels on its first DIMM, and what they take is not free; a DIMM with block windows has a block region that shows them",
        "there are no block regions, and LOCAL is not looked at: a label of the control region's type disables the persistent region that it lies in",
        "Linux 5.18: \"nvdimm/blk: Delete the block-aperture window driver\" and \"nvdimm/namespace: Delete nd_namespace_blk\"",
        $"the new way on 6.1 and 6.12 (guest tests of labels); the old way read in scan_labels and nd_pmem_available_dpa of 5.10.198 (drivers/nvdimm), {Read}; DIMMs of Hyper-V are excepted there");

    /// <summary>Regions that are made writable.</summary>
    public static KernelDifference ReadOnlyRegions { get; } = new(
        "read-only-disks",
        new Version(5, 12),
        "when read_only of a region is cleared, its disks stay read-only until their namespaces are disabled and enabled",
        "when read_only of a region is cleared or set, its disks follow",
        "Linux 5.12: \"libnvdimm: Notify disk drivers to revalidate region read-only\"",
        $"read in read_only_store and nvdimm_check_and_set_ro of 5.10.198, 6.1.192 and 6.12.117 (drivers/nvdimm), {Read}");

    /// <summary>The class of device-dax devices.</summary>
    public static KernelDifference DaxClass { get; } = new(
        "dax-class",
        new Version(5, 17),
        "a devdax device is found at /sys/class/dax instead where dax_pmem_compat drives it (CONFIG_DEV_DAX_PMEM_COMPAT, the default of kernels with modules)",
        "devdax devices are found at /sys/bus/dax/devices alone",
        "Linux 5.17: \"dax: Kill DEV_DAX_PMEM_COMPAT\"",
        $"the new way on 6.1 (guest tests of lists); the old way read in drivers/dax/pmem/compat.c and drivers/dax/Kconfig of 5.10.198, {Read}");

    /// <summary>XFS with shared extents and DAX.</summary>
    public static KernelDifference XfsReflink { get; } = new(
        "xfs-reflink",
        new Version(6, 0),
        "XFS is mounted with -o dax only when it was made with -m reflink=0, which is not mkfs.xfs's default (\"DAX and reflink cannot be used together!\")",
        "XFS with reflink is mounted with -o dax on a whole device, not on a partition, and owners of bad blocks are told",
        "Linux 6.0: \"xfs: Implement ->notify_failure() for XFS\" and \"xfs: fail dax mount if reflink is enabled on a partition\"",
        $"read in fs/xfs/xfs_super.c of 5.10.198, 6.1.192 and 6.12.117, {Read}");

    /// <summary>Clearing errors through a DAX file system.</summary>
    public static KernelDifference RecoveryWrite { get; } = new(
        "dax-recovery-write",
        new Version(5, 19),
        "write(2) to a bad block of a file on a DAX file system fails with EIO: clear it through the device",
        "write(2) of whole pages over a bad block of a file on a DAX file system clears it",
        "Linux 5.19: \"pmem: implement pmem_recovery_write()\"",
        $"read in drivers/nvdimm/pmem.c of 5.10.198, 6.1.192 and 6.12.117, and in fs/dax.c of the newer ones, {Read}");

    /// <summary>Persistent regions of CXL devices.</summary>
    public static KernelDifference CxlRegions { get; } = new(
        "cxl-regions",
        new Version(6, 0),
        "persistent memory of CXL devices has no regions",
        "regions of CXL devices appear on a bus of provider CXL, with labels of version 1.2; labels of CXL 2.0 (2.1) are not read",
        "Linux 6.0: \"cxl/region: Add region driver boiler plate\" and \"cxl/region: Introduce cxl_pmem_region objects\"",
        $"read in drivers/cxl/pmem.c and drivers/nvdimm/nd.h of 6.1.192 and 6.12.117 (5.10.198 has no drivers/cxl), {Read}");

    /// <summary>Processor caches after a DIMM was unlocked or erased.</summary>
    public static KernelDifference UnlockedCaches { get; } = new(
        "unlocked-caches",
        new Version(6, 2),
        "unlocking or erasing a DIMM empties the processors' caches at once",
        "caches are emptied when a region of a DIMM that was unlocked or erased is enabled; a guest of a hypervisor cannot do it, and its region is not enabled (-ENXIO)",
        "Linux 6.2: \"nvdimm/region: Move cache management to the region driver\"",
        $"read in drivers/acpi/nfit/intel.c and drivers/nvdimm/region_devs.c of 5.10.198, 6.1.192 and 6.12.117, and in arch/x86/mm/pat/set_memory.c of the newest, {Read}");

    /// <summary>Info blocks that leave no room for data.</summary>
    public static KernelDifference ZeroSize { get; } = new(
        "pfn-zero-size",
        new Version(6, 6),
        "an fsdax or devdax namespace whose page structures and padding leave no room is enabled with size 0, or less",
        "such a namespace cannot be enabled (-EOPNOTSUPP, \"bad offset with small namespace\"), nor made",
        "Linux 6.6: \"nvdimm/pfn_dev: Prevent the creation of zero-sized namespaces\"",
        "the old way on 6.1, the new way on 6.12 (guest tests of poison); 5.10.198 read in nd_pfn_validate (drivers/nvdimm/pfn_devs.c): as 6.1");

    /// <summary>All of them, old to new.</summary>
    public static IReadOnlyList<KernelDifference> All { get; } = [ReadOnlyRegions, LocationCookie, DaxClass, BlockWindows, RecoveryWrite, XfsReflink, CxlRegions, UnlockedCaches, ZeroSize];
}
