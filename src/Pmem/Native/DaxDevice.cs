namespace Pmem.Native;

/// <summary>A device-DAX node as sysfs describes it.</summary>
/// <param name="Length">Bytes of the device.</param>
/// <param name="Alignment">Offsets and lengths of maps are multiples of this.</param>
/// <param name="DeepFlushPath">Where to ask the region for a deep flush, or null.</param>
internal sealed record DaxDevice(long Length, long Alignment, string? DeepFlushPath)
{
    private const long DefaultAlignment = 2L << 20;

    /// <summary>The device behind a character node, or null when the path is something else.</summary>
    public static DaxDevice? TryFind(string path, string sysfs = "/sys")
    {
        // /sys/bus/dax/devices/daxX.Y exists exactly for DAX devices; the node carries the same name, and to stat it has no length.
        string? target = File.Exists(path) ? LinkedFile.RealPath(path) : null;
        if (target is null || new FileInfo(target).Length != 0)
            return null;
        string device = System.IO.Path.Combine(sysfs, "bus/dax/devices", System.IO.Path.GetFileName(target));
        if (!Directory.Exists(device) || !TryReadNumber(System.IO.Path.Combine(device, "size"), out long length))
            return null;
        if (!TryReadNumber(System.IO.Path.Combine(device, "align"), out long alignment)
            && !TryReadNumber(System.IO.Path.Combine(device, "dax_region/align"), out alignment))
        {
            alignment = DefaultAlignment;
        }

        return new DaxDevice(length, alignment, FindDeepFlush(device));
    }

    private static bool TryReadNumber(string file, out long value)
    {
        value = 0;
        return File.Exists(file) && long.TryParse(File.ReadAllText(file).AsSpan().Trim(), out value);
    }

    private static string? FindDeepFlush(string device)
    {
        // The region is an ancestor of the device: …/ndbusN/regionM/daxX/…
        string? folder = new DirectoryInfo(device).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? device;
        for (; folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
        {
            string file = System.IO.Path.Combine(folder, "deep_flush");
            if (System.IO.Path.GetFileName(folder).StartsWith("region", StringComparison.Ordinal) && File.Exists(file))
                return file;
        }

        return null;
    }
}
