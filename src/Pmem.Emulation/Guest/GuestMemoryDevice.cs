namespace Pmem.Emulation.Guest;

/// <summary>Persistent memory that a virtual machine gives its guest, backed by a file of the host.</summary>
/// <param name="Path">The file; what the guest stores is in it.</param>
/// <param name="Size">Bytes of the file that the guest gets.</param>
public abstract record GuestMemoryDevice(string Path, long Size)
{
    /// <summary>Arguments for QEMU.</summary>
    /// <param name="number">Number of the device: ids and slots.</param>
    internal abstract IEnumerable<string> GetArguments(int number);

    /// <summary>Path in an option of QEMU, where a comma is written twice.</summary>
    private protected string QuotedPath => System.IO.Path.GetFullPath(Path).Replace(",", ",,", StringComparison.Ordinal);
}

/// <summary>QEMU's nvdimm device: media, and behind it in the file a label storage area. QEMU's own firmware announces it.</summary>
/// <param name="Path">The file.</param>
/// <param name="Size">Bytes of media and labels together.</param>
/// <param name="LabelSize">Bytes of the label storage area at the end; 0 for none.</param>
public sealed record GuestNvdimm(string Path, long Size, long LabelSize) : GuestMemoryDevice(Path, Size)
{
    /// <summary>The module is not armed: the guest's region is read-only. <c>unarmed=on</c>.</summary>
    public bool IsNotArmed { get; init; }

    /// <summary>Its slot: QEMU makes handle (slot + 1) and serial number (0x123456 + slot) of it. The device's place in the list if it is null.</summary>
    public int? Slot { get; init; }

    internal override IEnumerable<string> GetArguments(int number) =>
    [
        "-object", $"memory-backend-file,id=pm{number},share=on,mem-path={QuotedPath},size={Size}",
        "-device", $"nvdimm,id=nv{number},memdev=pm{number},slot={Slot ?? number}{(LabelSize > 0 ? $",label-size={LabelSize}" : string.Empty)}{(IsNotArmed ? ",unarmed=on" : string.Empty)}",
    ];
}

/// <summary>A virtio-pmem device: memory without labels that the guest flushes with a request, so that the host's page cache is safe too (OASIS virtio 1.2, section 5.19).</summary>
/// <param name="Path">The file.</param>
/// <param name="Size">Bytes; a multiple of 2 MiB suits guests best.</param>
public sealed record GuestVirtioPmem(string Path, long Size) : GuestMemoryDevice(Path, Size)
{
    internal override IEnumerable<string> GetArguments(int number) =>
    [
        "-object", $"memory-backend-file,id=pm{number},share=on,mem-path={QuotedPath},size={Size}",
        "-device", $"virtio-pmem-pci,id=vp{number},memdev=pm{number}",
    ];
}
