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
    /// <summary>Block windows, and with them labels of block namespaces.</summary>
    public static KernelDifference BlockWindows { get; } = new(
        "block-windows",
        new Version(5, 18),
        "a DIMM with block windows has a block region, whose labels (LOCAL) the persistent region passes over",
        "there are no block regions; a LOCAL label of the control region's type disables the persistent region that it lies in",
        "Linux 5.18: \"nvdimm/blk: Delete the block-aperture window driver\" and \"nvdimm/namespace: Delete nd_namespace_blk\"",
        "the new way on 6.1 and 6.12 (guest tests of labels); the old way read in drivers/nvdimm/namespace_devs.c of 5.10, not booted");

    /// <summary>The class of device-dax devices.</summary>
    public static KernelDifference DaxClass { get; } = new(
        "dax-class",
        new Version(5, 17),
        "a devdax device may be found at /sys/class/dax, where a distribution chose CONFIG_DEV_DAX_PMEM_COMPAT",
        "devdax devices are found at /sys/bus/dax/devices alone",
        "Linux 5.17: \"dax: Kill DEV_DAX_PMEM_COMPAT\"",
        "the new way on 6.1 (guest tests of lists); the old way read in drivers/dax/pmem/compat.c of 5.10, not booted");

    /// <summary>XFS with shared extents and DAX.</summary>
    public static KernelDifference XfsReflink { get; } = new(
        "xfs-reflink",
        new Version(6, 0),
        "XFS is mounted with -o dax only when it was made with -m reflink=0, which is not mkfs.xfs's default",
        "XFS with reflink is mounted with -o dax, and owners of bad blocks are told",
        "Linux 6.0: \"xfs: Implement ->notify_failure() for XFS\" and \"fsdax,xfs: … reflink\"",
        "read in fs/xfs/xfs_super.c, not booted");

    /// <summary>Clearing errors through a DAX file system.</summary>
    public static KernelDifference RecoveryWrite { get; } = new(
        "dax-recovery-write",
        new Version(6, 0),
        "write(2) to a bad block of a file on a DAX file system fails with EIO: clear it through the device",
        "write(2) of whole pages over a bad block of a file on a DAX file system clears it",
        "Linux 5.19 and 6.0: \"pmem: implement pmem_recovery_write()\"",
        "read in drivers/nvdimm/pmem.c, not booted");

    /// <summary>Persistent regions of CXL devices.</summary>
    public static KernelDifference CxlRegions { get; } = new(
        "cxl-regions",
        new Version(6, 0),
        "persistent memory of CXL devices has no regions",
        "regions of CXL devices appear on a bus of provider CXL, with labels of version 1.2; labels of CXL 2.0 (2.1) are not read",
        "Linux 6.0: \"cxl/region: Add region driver boiler plate\" and \"cxl/region: Introduce cxl_pmem_region objects\"",
        "read in drivers/cxl/core/region.c, not booted");

    /// <summary>Info blocks that leave no room for data.</summary>
    public static KernelDifference ZeroSize { get; } = new(
        "pfn-zero-size",
        new Version(6, 6),
        "an fsdax or devdax namespace whose page structures and padding leave no room is enabled with size 0, or less",
        "such a namespace cannot be enabled (-EOPNOTSUPP, \"bad offset with small namespace\"), nor made",
        "Linux 6.6: \"nvdimm/pfn_dev: Prevent the creation of zero-sized namespaces\"",
        "the old way on 6.1, the new way on 6.12 (guest tests of poison)");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelDifference> All { get; } = [BlockWindows, DaxClass, XfsReflink, RecoveryWrite, CxlRegions, ZeroSize];
}
