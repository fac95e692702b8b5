using Pmem.Platform.Acpi;
using Pmem.Platform.Acpi.Aml;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Linux;
using Pmem.Platform.Model;

namespace Pmem.Platform.Captures;

/// <summary>
/// What a running Linux shows of its persistent memory: tables, label storage areas, and the text of its files below <c>/sys/bus/nd</c>. It reads what it may; what
/// only root may read is left out when it is not root.
/// </summary>
public static class RunningMachine
{
    private const string Tables = "sys/firmware/acpi/tables";
    private const string Devices = "sys/bus/nd/devices";
    private const string Driver = "driver";
    private const int MaximumText = 64 << 10;
    private const int MostTexts = 20_000;
    private const int MaximumDepth = 3;
    private const int MostSsdts = 512;

    /// <summary>Reads it.</summary>
    /// <param name="root">Where its file system is: <c>/</c>, or a folder with a copy of <c>sys</c>.</param>
    /// <param name="openLabels">Gives the label storage area of a DIMM by its name, such as <c>nmem0</c>; null asks this kernel's devices, if it is this machine.</param>
    /// <returns>The evidence, and text by path below <c>/sys</c>.</returns>
    /// <exception cref="PmemException">It has no NFIT, or the table may not be read.</exception>
    public static (PlatformEvidence Evidence, IReadOnlyDictionary<string, string> Texts) Read(string root = "/", Func<string, ILabelStorage?>? openLabels = null)
    {
        openLabels ??= root == "/" ? name => LinuxLabelStorage.Open($"/dev/{name}") : null;
        byte[] nfit = ReadTable(Path.Combine(root, Tables, "NFIT"));
        Dictionary<string, string> texts = ReadTexts(root);
        using PlatformEvidence known = ImageSet.OfTable(nfit, []);
        var modules = new List<ModuleEvidence>();
        foreach (ModuleEvidence module in known.Modules)
        {
            string? name = texts.Where(text => text.Key.EndsWith("/nfit/handle", StringComparison.Ordinal) && NfitDeviceHandle.TryParse(text.Value, out NfitDeviceHandle handle) && handle == module.Handle)
                .Select(text => text.Key.Split('/').FirstOrDefault(part => part.StartsWith("nmem", StringComparison.Ordinal))).FirstOrDefault();
            modules.Add(module with { Labels = name is null ? null : ReadLabels(openLabels, name) });
        }

        return (new PlatformEvidence(root == "/" ? "a running Linux" : root, nfit, modules, ReadSsdts(Path.Combine(root, Tables)))
        {
            Scrub = ScrubOf(root),
            Kernel = () => new LinuxPlatform(root),
        }, texts);
    }

    private static ScrubStatus? ScrubOf(string root) => new LinuxPlatform(root).GetScrub() is { State: not ScrubState.NotSupported } scrub ? scrub : null;

    private static byte[] ReadTable(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new PmemException($"{path} may be read by root only: run this as root", refused);
        }
        catch (IOException missing)
        {
            throw new PmemException($"there is no {path}: this machine's firmware announces no NVDIMMs; name a platform with --platform", missing);
        }
    }

    /// <summary>Tables that have NVDIMM devices.</summary>
    private static List<byte[]> ReadSsdts(string folder)
    {
        var found = new List<byte[]>();
        foreach (string path in Directory.EnumerateFiles(folder).Where(path => Path.GetFileName(path) is { } name && (name == "DSDT" || name.StartsWith("SSDT", StringComparison.Ordinal))).Order(StringComparer.Ordinal).Take(MostSsdts))
        {
            try
            {
                byte[] table = File.ReadAllBytes(path);
                if (AmlDevice.NvdimmHandles(AmlReader.Devices(table)).Count > 0)
                    found.Add(table);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or PmemFormatException)
            {
                // What cannot be read says nothing.
            }
        }

        return found;
    }

    private static Dictionary<string, string> ReadTexts(string root)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        string folder = Path.Combine(root, Devices);
        if (!Directory.Exists(folder))
            return texts;
        foreach (string device in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
            ReadFolder(device, $"bus/nd/devices/{Path.GetFileName(device)}", texts, 0);
        return texts;
    }

    /// <summary>Attributes of a device and of the folders in it; links lead to other devices, which are read by themselves.</summary>
    private static void ReadFolder(string folder, string name, Dictionary<string, string> texts, int depth)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string path in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).TakeWhile(_ => texts.Count < MostTexts))
        {
            if (ReadText(path) is { } text)
                texts[$"{name}/{Path.GetFileName(path)}"] = text;
        }

        // Which driver a device has, a link says.
        if (new DirectoryInfo(Path.Combine(folder, Driver)) is { LinkTarget: { } driver })
            texts[$"{name}/{Driver}"] = Path.GetFileName(driver);
        if (depth == MaximumDepth)
            return;
        foreach (DirectoryInfo inner in new DirectoryInfo(folder).EnumerateDirectories().Where(inner => inner.LinkTarget is null).OrderBy(inner => inner.Name, StringComparer.Ordinal))
            ReadFolder(inner.FullName, $"{name}/{inner.Name}", texts, depth + 1);
    }

    private static string? ReadText(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[MaximumText];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return bytes.AsSpan(0, length).Contains((byte)0) ? null : System.Text.Encoding.UTF8.GetString(bytes, 0, length).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Written only, or not now.
            return null;
        }
    }

    private static LabelArea? ReadLabels(Func<string, ILabelStorage?>? openLabels, string name)
    {
        try
        {
            return openLabels?.Invoke(name) is { } storage ? LabelArea.Read(storage) : null;
        }
        catch (PmemException)
        {
            return null;
        }
    }
}
