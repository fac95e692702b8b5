using System.Globalization;
using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Model;

namespace Pmem.Platform.Translation;

/// <summary>
/// Translates a place of a platform from any form into all forms: file offset, DIMM address, system address, region, namespace, device, block of a block
/// translation table, 512-byte sector of a list of bad blocks. Says what is there. Reads the media where it must (info blocks, maps), and changes nothing.
/// </summary>
/// <remarks>Every form leads through the system address, and all others come from it, so that they agree. Thread-safe.</remarks>
/// <param name="evidence">The platform.</param>
public sealed class AddressTranslator(PlatformEvidence evidence)
{
    /// <summary>Bytes of a sector in lists of bad blocks.</summary>
    public const ulong SectorSize = 512;

    /// <summary>The place at a system physical address.</summary>
    /// <exception cref="PmemException">No region has the address.</exception>
    public Place FromSystem(ulong address)
    {
        RegionEvidence region = evidence.Regions.FirstOrDefault(region => address >= region.Range.Base && address - region.Range.Base < region.Range.Length)
            ?? throw new PmemException($"no region has the address 0x{address:x}{Ranges()}");
        return Describe(region, address - region.Range.Base);
    }

    /// <summary>The place at a DIMM physical address.</summary>
    /// <param name="module"><c>nmem0</c>, or a device handle such as <c>0x1</c>.</param>
    /// <param name="address">DIMM physical address.</param>
    /// <exception cref="PmemException">There is no such module, or it has no such address.</exception>
    public Place FromModule(string module, ulong address) => FromModule(Find(module), address);

    /// <summary>The place at an offset of a module's file: its media, then its label storage area.</summary>
    /// <param name="file">Path, or name without folder.</param>
    /// <param name="offset">In bytes.</param>
    /// <exception cref="PmemException">No module is in the file, or it has no such offset.</exception>
    public Place FromFile(string file, ulong offset)
    {
        int[] found = [.. Enumerable.Range(0, evidence.Modules.Count).Where(i => IsFile(evidence.Modules[i].File, file))];
        if (found.Length != 1)
            throw new PmemException($"{(found.Length == 0 ? "no" : "more than one")} module is in a file {file}; there are {string.Join(", ", evidence.Modules.Select(module => module.File).Where(name => name is not null).DefaultIfEmpty("no files at all"))}");
        ModuleEvidence module = evidence.Modules[found[0]];
        if (offset < module.Capacity)
            return FromModule(found[0], offset);
        if (module.LabelOffset is { } labels && module.Labels is { } area && offset >= labels && offset - labels < (ulong)area.Size)
            return LabelPlaces.Describe(evidence, found[0], offset - labels);
        throw new PmemException($"{file} has {module.Capacity} bytes of media{(module.Labels is null ? string.Empty : $" and {module.Labels.Size} of labels")}, and nothing at {offset}");
    }

    /// <summary>The place at an offset of a region.</summary>
    /// <param name="region"><c>region0</c> and so on.</param>
    /// <param name="offset">In bytes.</param>
    /// <exception cref="PmemException">There is no such region, or it is shorter.</exception>
    public Place FromRegion(string region, ulong offset)
    {
        RegionEvidence found = evidence.Regions.FirstOrDefault(known => known.Name == region) ?? throw new PmemException($"there is no {region}; the platform has {Names(evidence.Regions.Select(known => known.Name))}");
        return offset < found.Range.Length ? Describe(found, offset) : throw Beyond(region, found.Range.Length, offset);
    }

    /// <summary>The place at an offset of a namespace, its metadata included.</summary>
    /// <param name="name">Such as <c>namespace0.0</c>, or a friendly name.</param>
    /// <param name="offset">From its start, in bytes.</param>
    /// <exception cref="PmemException">There is no such namespace, or it is shorter.</exception>
    public Place FromNamespace(string name, ulong offset)
    {
        (RegionEvidence region, NamespaceView space) = FindNamespace(name);
        return offset < space.RawSize ? Describe(region, space.Start - region.Range.Base + offset) : throw Beyond(space.Name, space.RawSize, offset);
    }

    /// <summary>The place at an offset of a device as its users see it: of the data, without metadata; of a sector device through its map.</summary>
    /// <param name="device">Such as <c>pmem0</c>, <c>pmem0.1s</c>, <c>dax0.0</c>.</param>
    /// <param name="offset">In bytes.</param>
    /// <exception cref="PmemException">There is no such device, or it is shorter.</exception>
    public Place FromDevice(string device, ulong offset)
    {
        string name = device.StartsWith("/dev/", StringComparison.Ordinal) ? device[5..] : device;
        (RegionEvidence region, NamespaceView space) = Spaces().FirstOrDefault(known => known.Space.Device == name);
        if (space is null)
            throw new PmemException($"there is no device {name}; the platform has {Names(Spaces().Select(known => known.Space.Device))}");
        if (offset >= space.Size)
            throw Beyond(name, space.Size, offset);
        if (space.Mode != NamespaceMode.Sector)
            return Describe(region, space.Start - region.Range.Base + space.DataOffset + offset);
        uint sector = BttReader.ExposedSize((uint)space.SectorSize);
        return FromBlock(space.Name, offset / sector, offset % sector);
    }

    /// <summary>The place of a block of a sector namespace: what holds it now.</summary>
    /// <param name="name">Of the namespace.</param>
    /// <param name="block">As users number it, before the map.</param>
    /// <param name="offset">From the start of the block, in bytes.</param>
    /// <exception cref="PmemException">The namespace is not one of sectors, has fewer, or its table cannot be read.</exception>
    public Place FromBlock(string name, ulong block, ulong offset = 0)
    {
        (RegionEvidence region, NamespaceView space) = FindNamespace(name);
        BttReader table = DemandTable(region, space);
        return Describe(region, space.Start - region.Range.Base + table.PlaceOfBlock(block, offset));
    }

    /// <summary>The place of a block of an arena's data area.</summary>
    /// <param name="name">Of the namespace.</param>
    /// <param name="arena">Which arena.</param>
    /// <param name="block">Number of the block after the map.</param>
    /// <param name="offset">From the start of the block, in bytes.</param>
    /// <exception cref="PmemException">The namespace is not one of sectors, has fewer, or its table cannot be read.</exception>
    public Place FromInternalBlock(string name, int arena, ulong block, ulong offset = 0)
    {
        (RegionEvidence region, NamespaceView space) = FindNamespace(name);
        return Describe(region, space.Start - region.Range.Base + DemandTable(region, space).PlaceOfInternalBlock(arena, block, offset));
    }

    private Place FromModule(int number, ulong address)
    {
        ModuleEvidence module = evidence.Modules[number];
        if (address >= module.Capacity)
            throw Beyond(PlatformEvidence.NameOf(number), module.Capacity, address);
        foreach (RegionEvidence region in evidence.Regions)
        {
            if (region.Set is not null && region.Set.TryToSystem(module.Handle, address, out ulong system, out _))
                return Describe(region, system - region.Range.Base);
        }

        return new Place(PlaceKind.Unmapped, $"media of {PlatformEvidence.NameOf(number)} that no region has", null, ModulePlaceOf(number, address), null, null, null, null, 0);
    }

    private Place Describe(RegionEvidence region, ulong offset)
    {
        bool hasModule = region.TryToModule(offset, out int module, out ulong address, out ulong contiguous);
        var place = new Place(PlaceKind.Free, Free(region), region.Range.Base + offset, hasModule ? ModulePlaceOf(module, address) : null, new RegionPlace(region.Name, offset, offset / SectorSize), null, null, null, contiguous);
        NamespaceView? space = region.View.Namespaces.FirstOrDefault(space => region.Range.Base + offset >= space.Start && region.Range.Base + offset - space.Start < space.RawSize);
        return space is null ? place : NamespacePlaces.Describe(place, region, space);
    }

    private static string Free(RegionEvidence region) => region.View.State == Labels.RegionState.Disabled
        ? $"memory of {region.Name}, which is not enabled: {region.View.Reason}"
        : $"memory of {region.Name} that no namespace has";

    private ModulePlace ModulePlaceOf(int number, ulong address)
    {
        ModuleEvidence module = evidence.Modules[number];
        return new ModulePlace(PlatformEvidence.NameOf(number), module.Handle.Value, address, module.File, module.File is null ? null : address);
    }

    private static BttReader DemandTable(RegionEvidence region, NamespaceView space)
    {
        if (space.Mode != NamespaceMode.Sector)
            throw new PmemException($"{space.Name} is {space.Mode.ToString().ToLowerInvariant()}, and only sector namespaces have blocks; give an offset instead");
        return new BttReader(region, space);
    }

    private int Find(string module)
    {
        for (int i = 0; i < evidence.Modules.Count; i++)
        {
            if (module == PlatformEvidence.NameOf(i) || module == evidence.Modules[i].Handle.ToString() || module == i.ToString(CultureInfo.InvariantCulture))
                return i;
        }

        throw new PmemException($"there is no module {module}; the platform has {Names(Enumerable.Range(0, evidence.Modules.Count).Select(PlatformEvidence.NameOf))}");
    }

    private IEnumerable<(RegionEvidence Region, NamespaceView Space)> Spaces() => evidence.Regions.SelectMany(region => region.View.Namespaces.Select(space => (region, space)));

    private (RegionEvidence Region, NamespaceView Space) FindNamespace(string name)
    {
        (RegionEvidence, NamespaceView Space)[] found = [.. Spaces().Where(known => known.Space.Name == name)];
        if (found.Length == 0)
            found = [.. Spaces().Where(known => name.Length > 0 && known.Space.FriendlyName == name)];
        return found.Length == 1
            ? found[0]
            : throw new PmemException(found.Length == 0 ? $"there is no namespace {name}; the platform has {Names(Spaces().Select(known => known.Space.Name))}" : $"more than one namespace is called {name}: take one of {Names(found.Select(known => known.Space.Name))}");
    }

    private string Ranges() => evidence.Regions.Count == 0 ? ": there is none" : $"; there are {string.Join(", ", evidence.Regions.Select(region => $"{region.Name} at 0x{region.Range.Base:x}–0x{unchecked(region.Range.Base + region.Range.Length - 1):x}"))}";

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.DefaultIfEmpty("none"));

    private static PmemException Beyond(string what, ulong size, ulong offset) => new($"{what} has {size} bytes, and none at {offset} (0x{offset:x})");

    private static bool IsFile(string? known, string file) => known is not null && (known == file || Path.GetFileName(known) == file || Path.GetFullPath(known) == Path.GetFullPath(file));
}
