using System.Text;

namespace Pmem.Pools;

/// <summary>
/// The modules that hold a file, as Linux shows them: their dirty-shutdown counts and ids. A file that does not lie on persistent memory has
/// none, and contributes nothing to the shutdown state.
/// </summary>
internal static class ShutdownDevices
{
    private const string BusPath = "/sys/bus/nd/devices";

    /// <summary>Adds up the modules of the region that holds a file.</summary>
    public static ShutdownState Current(string? path, string busPath = BusPath)
    {
        ShutdownState state = default;
        if (path is null || !OperatingSystem.IsLinux() || FindRegion(path, busPath) is not { } region)
            return state;

        var ids = new StringBuilder();
        for (int i = 0; File.Exists(Path.Combine(region, $"mapping{i}")); i++)
        {
            // mappingN is "nmemX,offset,length,position".
            string module = File.ReadAllText(Path.Combine(region, $"mapping{i}")).Split(',')[0].Trim();
            string nfit = Path.Combine(busPath, module, "nfit");
            ids.Append(ReadText(Path.Combine(nfit, "id")));
            string count = ReadText(Path.Combine(nfit, "dirty_shutdown"));
            if (ulong.TryParse(count, out ulong value))
                state.UnsafeShutdownCount += value;
        }

        // C pads the text with its NUL to the next multiple of four, by at least one byte.
        int length = ids.Length + 1;
        byte[] bytes = new byte[length + (4 - (length % 4))];
        Encoding.ASCII.GetBytes(ids.ToString(), bytes);
        state.DeviceId = Fletcher64.Compute(bytes);
        return state;
    }

    private static string ReadText(string file) => File.Exists(file) ? File.ReadAllText(file).Trim() : string.Empty;

    private static string? FindRegion(string path, string busPath)
    {
        if (!Directory.Exists(busPath))
            return null;
        string? device = MountedDevice(path);
        if (device is null)
            return null;
        foreach (string entry in Directory.EnumerateFileSystemEntries(busPath, "namespace*"))
        {
            string block = Path.Combine(entry, "block", device);
            if (!Directory.Exists(block))
                continue;
            // namespaceR.N lies in regionR.
            string name = Path.GetFileName(entry)["namespace".Length..].Split('.')[0];
            string region = Path.Combine(busPath, $"region{name}");
            return Directory.Exists(region) ? region : null;
        }

        return null;
    }

    private static string? MountedDevice(string path)
    {
        const string Mounts = "/proc/self/mounts";
        string full = Path.GetFullPath(path);
        string? device = null;
        int longest = -1;
        foreach (string line in File.ReadLines(Mounts))
        {
            string[] fields = line.Split(' ');
            if (fields.Length < 2 || fields[1].Length <= longest || !full.StartsWith(fields[1], StringComparison.Ordinal))
                continue;
            longest = fields[1].Length;
            device = fields[0].StartsWith("/dev/pmem", StringComparison.Ordinal) ? Path.GetFileName(fields[0]) : null;
        }

        return device;
    }
}
