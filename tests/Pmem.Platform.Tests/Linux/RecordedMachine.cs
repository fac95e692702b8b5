using Pmem.Platform.Linux;

namespace Pmem.Platform.Tests.Linux;

/// <summary>
/// A folder with the attributes that a guest showed. It can play the kernel in so far as binding and unbinding move the links of drivers, and sizes give seeds away.
/// </summary>
internal sealed class RecordedMachine : IDisposable
{
    private readonly string _root = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"pmem-linux-{Guid.NewGuid():n}");
    private readonly List<(string Path, string Value)> _writes = [];

    public RecordedMachine()
    {
        string devices = Path.Combine(_root, "sys/bus/nd/devices");
        Directory.CreateDirectory(devices);
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Linux", "guest-sysfs.txt")).Where(line => !line.StartsWith('#')))
        {
            int at = line.IndexOf(" = ", StringComparison.Ordinal);
            bool isLink = line.Contains(" -> ", StringComparison.Ordinal);
            string name = isLink ? line.Split(" -> ")[0] : at < 0 ? line[..line.IndexOf(" =", StringComparison.Ordinal)] : line[..at];
            string path = Path.Combine(_root, "sys/devices/platform", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (isLink)
                Link(path, line.Split(" -> ")[1]);
            else
                File.WriteAllText(path, $"{(at < 0 ? string.Empty : line[(at + 3)..].Replace('|', '\n'))}\n");
            string[] parts = name.Split('/');
            for (int i = 1; i <= parts.Length; i++)
            {
                string device = parts[i - 1];
                if (!device.StartsWith("ndbus", StringComparison.Ordinal) && !IsDevice(device))
                    continue;
                string link = Path.Combine(devices, device);
                if (!Directory.Exists(link) && Directory.Exists(Path.Combine(_root, "sys/devices/platform", string.Join('/', parts[..i]))))
                    Directory.CreateSymbolicLink(link, Path.Combine(_root, "sys/devices/platform", string.Join('/', parts[..i])));
            }
        }

        foreach (string driver in (string[])["nd_pmem", "dax_pmem", "nd_region", "nvdimm"])
            File.WriteAllText(Path.Combine(DriverFolder(driver), "bind"), string.Empty);
    }

    /// <summary>What was written, in its order; paths from the folder of devices on.</summary>
    public IReadOnlyList<(string Path, string Value)> Writes => _writes;

    /// <summary>What else a write does.</summary>
    public Action<string, string>? Kernel { get; set; }

    public LinuxPlatform Look() => new(_root, OnWrite);

    public string PathOf(string path) => Path.Combine(_root, path);

    public string Attribute(string path) => PathOf($"sys/bus/nd/devices/{path}");

    public void Set(string path, string value) => File.WriteAllText(Attribute(path), $"{value}\n");

    /// <summary>Adds a bus with a region that is one namespace.</summary>
    public void AddDeclaredMemory(string bus, string region, ulong start, ulong size)
    {
        string space = $"namespace{region["region".Length..]}.0";
        foreach ((string path, string value) in ((string, string)[])
        [
            ("provider", "e820"), ($"{region}/nstype", "4"), ($"{region}/size", $"{size}"), ($"{region}/resource", $"0x{start:x}"), ($"{region}/mappings", "0"), ($"{region}/available_size", "0"),
            ($"{region}/{space}/size", $"{size}"), ($"{region}/{space}/resource", $"0x{start:x}"), ($"{region}/{space}/mode", "raw"), ($"{region}/{space}/nstype", "4"),
        ])
        {
            string file = Path.Combine(_root, "sys/devices/platform", bus, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, $"{value}\n");
        }

        foreach (string device in (string[])[bus, $"{bus}/{region}", $"{bus}/{region}/{space}"])
            Directory.CreateSymbolicLink(Attribute(Path.GetFileName(device)), Path.Combine(_root, "sys/devices/platform", device));
        Bind(region, "nd_region");
        Bind(space, "nd_pmem");
    }

    public void Bind(string device, string driver) => Link(Path.Combine(Attribute(device), "driver"), driver);

    public void Unbind(string device) => File.Delete(Path.Combine(Attribute(device), "driver"));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void OnWrite(string path, string value)
    {
        string known = path.Replace("sys/bus/nd/devices/", string.Empty, StringComparison.Ordinal).Replace("sys/bus/nd/drivers/", string.Empty, StringComparison.Ordinal);
        _writes.Add((known, value));
        Kernel?.Invoke(known, value);
    }

    private void Link(string path, string driver)
    {
        if (!Path.Exists(path))
            Directory.CreateSymbolicLink(path, DriverFolder(driver));
    }

    private string DriverFolder(string driver)
    {
        string folder = PathOf($"sys/bus/nd/drivers/{driver}");
        Directory.CreateDirectory(folder);
        if (!File.Exists(Path.Combine(folder, "unbind")))
            File.WriteAllText(Path.Combine(folder, "unbind"), string.Empty);
        return folder;
    }

    private static bool IsDevice(string name) => ((string[])["nmem", "region", "namespace", "btt", "pfn", "dax"]).Any(kind => name.StartsWith(kind, StringComparison.Ordinal) && name.Length > kind.Length && char.IsAsciiDigit(name[kind.Length]));
}
