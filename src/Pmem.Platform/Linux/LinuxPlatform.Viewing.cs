using System.Globalization;
using Pmem.Platform.Acpi;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Linux;

/// <content>From attributes to views.</content>
public sealed partial class LinuxPlatform
{
    private DimmView ViewDimm(string name)
    {
        LinuxLabelStorage? labels = LinuxLabelStorage.Open(Device(name));
        return new DimmView(
            name,
            new NfitDeviceHandle((uint)(Number($"{name}/nfit/handle") ?? 0)),
            (ushort)(Number($"{name}/nfit/phys_id") ?? 0),
            Text($"{name}/nfit/id") ?? string.Empty,
            CapacityOf(name),
            labels?.Size ?? 0,
            labels is null ? null : FormatOf(labels),
            (int)Math.Min(Number($"{name}/available_slots") ?? 0, int.MaxValue),
            IsBound(name))
        {
            Bus = _sysfs.BusOf(name),
            Details = _hardware.Describe(NumberOf(name) ?? 0),
        };
    }

    private static LabelFormat? FormatOf(LinuxLabelStorage labels)
    {
        try
        {
            return LabelArea.Read(labels).Format;
        }
        catch (PmemException)
        {
            // The area is locked, or the firmware failed: the DIMM is there all the same.
            return null;
        }
    }

    /// <summary>The kernel does not say how much a DIMM has: what regions take of it is known.</summary>
    private ulong CapacityOf(string dimm) => _sysfs.Names("region").SelectMany(MappingsOf).Where(mapping => mapping.Dimm == dimm).Select(mapping => mapping.Offset + mapping.Length).DefaultIfEmpty().Max();

    private RegionView ViewRegion(string name)
    {
        bool isBound = IsBound(name);
        bool hasLabels = Text($"{name}/nstype") == "5";
        return new RegionView
        {
            Name = name,
            Bus = _sysfs.BusOf(name),
            Start = Number($"{name}/resource") ?? 0,
            Size = Number($"{name}/size") ?? 0,
            Alignment = Number($"{name}/align") ?? DefaultAlignment,
            AvailableSize = Number($"{name}/available_size") ?? 0,
            MaximumExtent = Number($"{name}/max_available_extent") ?? Number($"{name}/available_size") ?? 0,
            SetCookie = Number($"{name}/set_cookie") ?? 0,
            State = !isBound ? RegionState.Disabled : hasLabels ? RegionState.Enabled : RegionState.LabelLess,
            Reason = isBound ? string.Empty : "no driver has it; the kernel's log may say why",
            IsReadOnly = Text($"{name}/read_only") == "1",
            Domain = Text($"{name}/persistence_domain") switch
            {
                "cpu_cache" => PersistenceDomain.CpuCache,
                "memory_controller" => PersistenceDomain.MemoryController,
                _ => null,
            },
            NumaNode = NodeOf($"{name}/numa_node"),
            TargetNode = NodeOf($"{name}/target_node"),
            Mappings = MappingsOf(name),
            Namespaces = [.. _sysfs.Names($"namespace{name["region".Length..]}.").Select(ViewNamespace).Where(space => space.RawSize > 0)],
        };
    }

    private MappingView[] MappingsOf(string region)
    {
        var mappings = new List<MappingView>();
        for (int i = 0; i < MaximumMappings && Text($"{region}/mapping{i}") is { } text; i++)
        {
            string[] parts = text.Split(',');
            if (parts.Length >= 3 && ulong.TryParse(parts[1], CultureInfo.InvariantCulture, out ulong offset) && ulong.TryParse(parts[2], CultureInfo.InvariantCulture, out ulong length))
                mappings.Add(new MappingView(parts[0], offset, length, parts.Length > 3 && int.TryParse(parts[3], CultureInfo.InvariantCulture, out int position) ? position : i));
        }

        return [.. mappings];
    }

    private NamespaceView ViewNamespace(string name)
    {
        string region = $"region{name["namespace".Length..].Split('.')[0]}";
        string holder = Text($"{name}/holder") is { Length: > 0 } held && _sysfs.Exists($"{Sysfs.Devices}/{held}") ? held : name;
        bool isHeld = holder != name;
        NamespaceMode mode = Text($"{name}/mode") switch
        {
            "safe" => NamespaceMode.Sector,
            "memory" => NamespaceMode.Fsdax,
            "dax" => NamespaceMode.Devdax,
            _ => NamespaceMode.Raw,
        };
        ulong rawSize = Number($"{name}/size") ?? 0;
        ulong start = Number($"{name}/resource") ?? 0;
        bool hasPages = isHeld && mode is NamespaceMode.Fsdax or NamespaceMode.Devdax;
        var rawUuid = UuidOf($"{name}/uuid");
        return new NamespaceView
        {
            Name = name,
            Region = region,
            Mode = mode,
            Class = Text($"{name}/holder_class") switch
            {
                "btt" => NamespaceClass.Btt,
                "pfn" => NamespaceClass.Pfn,
                "dax" => NamespaceClass.Dax,
                _ => NamespaceClass.None,
            },
            Map = !hasPages ? PageMapMode.None : Text($"{holder}/mode") == "ram" ? PageMapMode.Memory : PageMapMode.Device,
            Size = (isHeld ? Number($"{holder}/size") : null) ?? rawSize,
            RawSize = rawSize,
            Start = start,
            DataOffset = hasPages && Number($"{holder}/resource") is { } data && data > start ? data - start : 0,
            Uuid = isHeld ? UuidOf($"{holder}/uuid") : rawUuid,
            RawUuid = rawUuid,
            FriendlyName = Text($"{name}/alt_name") ?? string.Empty,
            SectorSize = mode == NamespaceMode.Devdax ? 0 : SelectedOf($"{(mode == NamespaceMode.Sector ? holder : name)}/sector_size"),
            Alignment = hasPages ? Number($"{holder}/align") ?? 0 : 0,
            Device = DeviceOf(holder),
            IsEnabled = IsBound(holder),
            Reasons = isHeld ? [$"the kernel found what {holder} holds it for"] : [],
        };
    }

    /// <summary>Name of the block or character device.</summary>
    private string DeviceOf(string holder)
    {
        string path = $"{Sysfs.Devices}/{holder}";
        return _sysfs.First($"{path}/block")
            ?? _sysfs.First($"{path}/dax")
            ?? _sysfs.List(path).FirstOrDefault(child => child.StartsWith("dax", StringComparison.Ordinal) && child.Length > 3 && char.IsAsciiDigit(child[3]))
            ?? string.Empty;
    }

    private bool IsBound(string device) => _sysfs.Exists($"{Sysfs.Devices}/{device}/driver");

    private Guid UuidOf(string path) => Guid.TryParse(Text(path), out Guid uuid) ? uuid : Guid.Empty;

    // The one in brackets of "512 [4096]".
    private int SelectedOf(string path)
    {
        string text = Text(path) ?? string.Empty;
        int open = text.IndexOf('[', StringComparison.Ordinal);
        int close = text.IndexOf(']', StringComparison.Ordinal);
        return open >= 0 && close > open && int.TryParse(text.AsSpan(open + 1, close - open - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int size) ? size : DefaultSectorSize;
    }

    private int? NodeOf(string path) => int.TryParse(Text(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int node) && node >= 0 ? node : null;
}
