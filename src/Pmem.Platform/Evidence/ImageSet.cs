using Pmem.Platform.Acpi;
using Pmem.Platform.Labels;

namespace Pmem.Platform.Evidence;

/// <summary>Evidence from image files: one for each module, its media first and, at its end, its label storage area, as QEMU's nvdimm device keeps them.</summary>
public static class ImageSet
{
    /// <summary>Where QEMU puts modules unless the machine has more memory below them.</summary>
    public const ulong QemuAddress = 0x1_0000_0000;

    private const uint QemuSerial = 0x123456;
    private const ushort QemuVendor = 0x8086;
    private const int UsualLabelSize = 128 << 10;
    private const ulong Gigabyte = 1 << 30;

    /// <summary>Evidence of modules that QEMU would make of images, in the order of its slots: each a range of its own.</summary>
    /// <param name="paths">The images.</param>
    /// <param name="labelSize">Bytes of each label storage area; null looks for one of the usual size.</param>
    /// <param name="start">System physical address of the first.</param>
    /// <exception cref="PmemException">An image is too small.</exception>
    public static PlatformEvidence OfQemu(IReadOnlyList<string> paths, int? labelSize = null, ulong start = QemuAddress)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var builder = new NfitBuilder();
        var modules = new List<ModuleEvidence>();
        try
        {
            for (int slot = 0; slot < paths.Count; slot++)
            {
                var handle = new NfitDeviceHandle((uint)slot + 1);
                ModuleEvidence module = Open(paths[slot], handle, labelSize);
                modules.Add(module);
                ulong capacity = module.Capacity / 4096 * 4096;
                if (capacity == 0)
                    throw new PmemException($"{paths[slot]} has {module.Capacity} bytes of media, less than a page: name the size of its label storage area with --label-size");
                builder.AddSet(start, [new NfitModule { Handle = handle, PhysicalId = (ushort)slot, VendorId = QemuVendor, SerialNumber = QemuSerial + (uint)slot }], capacity);
                start = (start + capacity + Gigabyte - 1) / Gigabyte * Gigabyte;
            }

            return new PlatformEvidence(string.Join(", ", paths.Select(Path.GetFileName)), builder.Build().ToBytes(), modules);
        }
        catch
        {
            Close(modules);
            throw;
        }
    }

    /// <summary>Evidence of a table and images of its modules, in the order of their handles. Modules without an image are known by the table alone.</summary>
    /// <param name="nfit">The NFIT.</param>
    /// <param name="paths">The images.</param>
    /// <param name="labelSize">Bytes of each label storage area; null takes what follows the media that the table describes.</param>
    /// <param name="ssdts">Tables with the modules' devices.</param>
    /// <exception cref="PmemException">There are more images than modules, or the bytes are no NFIT.</exception>
    public static PlatformEvidence OfTable(ReadOnlySpan<byte> nfit, IReadOnlyList<string> paths, int? labelSize = null, params IReadOnlyList<byte[]> ssdts)
    {
        ArgumentNullException.ThrowIfNull(paths);
        Nfit table = Nfit.FromScan(NfitScan.Read(nfit));
        IGrouping<NfitDeviceHandle, NfitRegionMapping>[] known = [.. table.Of<NfitRegionMapping>().GroupBy(mapping => mapping.Handle).OrderBy(group => group.Key.Value)];
        if (paths.Count > known.Length)
            throw new PmemException($"the table has {known.Length} module(s), and {paths.Count} images were given: give one for each module, in the order of the handles {string.Join(", ", known.Select(group => group.Key))}");
        var modules = new List<ModuleEvidence>();
        try
        {
            for (int i = 0; i < known.Length; i++)
            {
                ulong capacity = known[i].Where(mapping => mapping.RangeIndex != 0).Select(mapping => unchecked(mapping.DpaBase + mapping.RegionSize)).DefaultIfEmpty(0UL).Max();
                modules.Add(i < paths.Count ? Open(paths[i], known[i].Key, labelSize, capacity) : new ModuleEvidence(known[i].Key, capacity));
            }

            return new PlatformEvidence(paths.Count == 0 ? "NFIT" : string.Join(", ", paths.Select(Path.GetFileName)), nfit, modules, ssdts);
        }
        catch
        {
            Close(modules);
            throw;
        }
    }

    private static ModuleEvidence Open(string path, NfitDeviceHandle handle, int? labelSize, ulong capacity = 0)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"there is no file {path}");
        long length = LinkedFile.LengthOf(path);
        long area = labelSize ?? (capacity > 0 && (ulong)length > capacity ? length - (long)capacity : HasLabels(path, length) ? UsualLabelSize : 0);
        if (area > length || area > LabelAreaGeometry.MaximumAreaSize)
            throw new PmemException($"{path} has {length} bytes and cannot end in a label storage area of {area}: name its size with --label-size");
        ulong media = (ulong)(length - area);
        return new ModuleEvidence(handle, media)
        {
            File = path,
            LabelOffset = area == 0 ? null : media,
            Labels = area == 0 ? null : LabelArea.Parse(ReadEnd(path, (int)area)),
            Media = new FileMedia(path, media),
        };
    }

    private static bool HasLabels(string path, long length) => length > UsualLabelSize && LabelArea.Parse(ReadEnd(path, UsualLabelSize)).Current is not null;

    private static byte[] ReadEnd(string path, int size)
    {
        byte[] bytes = new byte[size];
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(-size, SeekOrigin.End);
        file.ReadExactly(bytes);
        return bytes;
    }

    private static void Close(List<ModuleEvidence> modules)
    {
        foreach (ModuleEvidence module in modules)
            (module.Media as IDisposable)?.Dispose();
    }
}
