using System.Text;

namespace Pmem.Pools;

/// <summary>
/// The modules that hold a file, as Linux shows them: their dirty-shutdown counts and ids. A file that does not lie on persistent memory has
/// none, and contributes nothing to the shutdown state.
/// </summary>
internal static class ShutdownDevices
{
    private const string BusPath = "/sys/bus/nd/devices";
    private const string MountsPath = "/proc/self/mounts";
    private const string DaxPath = "/sys/bus/dax/devices";

    /// <summary>Adds up the modules that hold a map: those that it names, or else those of the region that holds its file.</summary>
    public static ShutdownState Current(PersistentMap map) => map.Modules is { } modules ? Sum(modules) : Current(map.Path);

    /// <summary>Adds up the modules of the region that holds a file, or a device-DAX node.</summary>
    public static ShutdownState Current(string? path, string busPath = BusPath, string mountsPath = MountsPath, string daxPath = DaxPath)
    {
        if (path is null || !OperatingSystem.IsLinux() || (FindRegionOfDevice(path, daxPath) ?? FindRegion(path, busPath, mountsPath)) is not { } region)
            return default;

        var modules = new List<MapModule>();
        for (int i = 0; File.Exists(Path.Combine(region, $"mapping{i}")); i++)
        {
            // mappingN is "nmemX,offset,length,position".
            string module = File.ReadAllText(Path.Combine(region, $"mapping{i}")).Split(',')[0].Trim();
            string nfit = Path.Combine(busPath, module, "nfit");
            modules.Add(new MapModule(ReadText(Path.Combine(nfit, "id")), ulong.TryParse(ReadText(Path.Combine(nfit, "dirty_shutdown")), out ulong count) ? count : null));
        }

        return Sum(modules);
    }

    private static ShutdownState Sum(IReadOnlyList<MapModule> modules)
    {
        ShutdownState state = default;
        var ids = new StringBuilder();
        foreach (MapModule module in modules)
        {
            ids.Append(module.Id);
            state.UnsafeShutdownCount += module.DirtyShutdowns ?? 0;
        }

        // One module that does not count makes the sum worthless; C then takes 0.
        if (modules.Any(module => module.DirtyShutdowns is null))
            state.UnsafeShutdownCount = 0;

        // C pads the text with its NUL to the next multiple of four, by at least one byte.
        int length = ids.Length + 1;
        byte[] bytes = new byte[length + (4 - (length % 4))];
        Encoding.ASCII.GetBytes(ids.ToString(), bytes);
        state.DeviceId = Fletcher64.Compute(bytes);
        return state;
    }

    private static string ReadText(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : string.Empty;

    private static string? FindRegionOfDevice(string path, string daxPath)
    {
        // The node has no length, and the name that sysfs knows.
        if (!Directory.Exists(daxPath) || !File.Exists(path) || LinkedFile.LengthOf(path) != 0)
            return null;
        string device = Path.Combine(daxPath, Path.GetFileName(LinkedFile.RealPath(path)));
        if (!Directory.Exists(device))
            return null;

        // The region is an ancestor of the device: …/ndbusN/regionM/daxX/…
        string? folder = new DirectoryInfo(device).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? device;
        while (folder is not null && !File.Exists(Path.Combine(folder, "mapping0")))
            folder = Path.GetDirectoryName(folder);
        return folder;
    }

    private static string? FindRegion(string path, string busPath, string mountsPath)
    {
        if (!Directory.Exists(busPath))
            return null;
        string? device = MountedDevice(path, mountsPath);
        if (device is null)
            return null;

        // The disk of a raw namespace hangs below the namespace, that of an fsdax or sector one below the pfn or btt device that claims it.
        foreach (string owner in (ReadOnlySpan<string>)["namespace", "pfn", "btt"])
        {
            foreach (string entry in Directory.EnumerateFileSystemEntries(busPath, $"{owner}*"))
            {
                if (!Directory.Exists(Path.Combine(entry, "block", device)))
                    continue;

                // namespaceR.N, pfnR.N and bttR.N lie in regionR.
                string number = Path.GetFileName(entry)[owner.Length..].Split('.')[0];
                string region = Path.Combine(busPath, $"region{number}");
                return Directory.Exists(region) ? region : null;
            }
        }

        return null;
    }

    private static string? MountedDevice(string path, string mountsPath)
    {
        string full = Path.GetFullPath(path);
        string? device = null;
        int longest = -1;
        foreach (string line in File.ReadLines(mountsPath))
        {
            string[] fields = line.Split(' ');
            if (fields.Length < 2)
                continue;

            // Later mounts cover earlier ones at the same place.
            string mount = Unescape(fields[1]);
            if (mount.Length < longest || !IsBelow(full, mount))
                continue;
            longest = mount.Length;
            device = fields[0].StartsWith("/dev/pmem", StringComparison.Ordinal) ? Path.GetFileName(fields[0]) : null;
        }

        return device;
    }

    private static bool IsBelow(string path, string folder) =>
        path.StartsWith(folder, StringComparison.Ordinal) && (folder.EndsWith('/') || path.Length == folder.Length || path[folder.Length] == '/');

    private static string Unescape(string mount) =>
        mount.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
}
