using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Interleave;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Translation;

namespace Pmem.Platform.Explaining;

/// <content>Media that cannot be read: what lies there, and what helps, which is another thing for each kind of place.</content>
public sealed partial class PlatformExplainer
{
    private const int MostPlaces = 16;
    private const int Samples = 64;
    private const ulong SectorSize = 512;

    private void ExplainPoison(ModuleEvidence module, int number)
    {
        if (module.Poison.Count == 0)
            return;
        string name = PlatformEvidence.NameOf(number);
        var translator = new AddressTranslator(_places);
        string silent = WhyUntold(module);
        foreach ((ulong address, ulong length) in module.Poison.Take(MostPlaces))
        {
            string range = $"{length} byte(s) from DIMM address 0x{address:x}{(module.File is null ? string.Empty : $" ({Path.GetFileName(module.File)})")} cannot be read (read: EIO; mapped: SIGBUS)";
            if (address >= module.Capacity)
            {
                Add("dimm-poison", LintSeverity.Warning, name, range, "the address is beyond the DIMM's media", "look at where the list of errors is from");
                continue;
            }

            if (silent.Length > 0)
            {
                Add("dimm-poison", LintSeverity.Error, name, range, $"what lies there cannot be told: {silent}", CannotBeTold);
                continue;
            }

            ulong end = length > module.Capacity - address ? module.Capacity : address + length;
            Place[] places = [.. Candidates(module.Handle, address, end).Select(at => translator.FromModule(name, at)).DistinctBy(place => (place.Kind, place.Namespace?.Namespace, place.Btt?.Arena))];
            foreach (Place place in places)
            {
                string unknown = WhyUntold(place);
                Add("dimm-poison", unknown.Length > 0 ? LintSeverity.Error : SeverityOf(place), name, range, unknown.Length > 0 ? $"what lies there cannot be told: {unknown}" : WhereIs(place),
                    unknown.Length > 0 ? CannotBeTold : $"{RemedyOf(place)}; {ClearingOf(place, name, address, end - address)}");
            }
        }

        if (module.Poison.Count > MostPlaces)
            Add("dimm-poison", LintSeverity.Error, name, $"{module.Poison.Count - MostPlaces} more ranges cannot be read", "see 'pmem list --media-errors'", "ask of each where it is: 'pmem translate --dimm DIMM --dpa ADDRESS'; the remedy depends on the place");
    }

    private const string CannotBeTold = "clear nothing: writing over the place loses for good what may lie there. Unlock the DIMM, put back what is lost, or mend labels and region first; then ask again";

    /// <summary>Why nothing can be told of any place of a module; empty when something can.</summary>
    private static string WhyUntold(ModuleEvidence module) => module switch
    {
        { IsPresent: false } => "the DIMM is lost, and nobody reads its labels and media until it is put back",
        { IsLocked: true } => "the DIMM is locked, and nobody reads its labels and media until it is unlocked",
        { Details.Security.State: DimmSecurityState.Overwrite } => "the DIMM is being overwritten",
        _ => string.Empty,
    };

    /// <summary>Why nothing can be told of a place, though its module can be read; empty when something can.</summary>
    private string WhyUntold(Place place)
    {
        if (place.Kind == PlaceKind.Unmapped)
            return "no region has the place now, and a region that lacks a DIMM is none: its namespaces may have it";
        if (place is { Region: { } whole, Namespace: not null } && _places.Regions.FirstOrDefault(region => region.Name == whole.Region) is { View.State: RegionState.LabelLess } exposed && HadLabels(exposed))
            return $"{exposed.Name} is one raw device because its labels are lost: what they divided it into may lie there";
        if (place is not { Kind: PlaceKind.Free, Region: { } at } || _places.Regions.FirstOrDefault(region => region.Name == at.Region) is not { } known)
            return string.Empty;
        if (known.Modules.Where(number => number >= 0).Select(number => WhyUntold(_places.Modules[number])).FirstOrDefault(why => why.Length > 0) is { } other)
            return $"it is in {known.Name}, of which {other}";
        if (known.View.State == RegionState.Disabled)
            return $"{known.Name} is not enabled ({known.View.Reason})";
        return HiddenLabelAt(known, place) is { } hidden ? $"a label on the DIMM has the place, that of {hidden.Uuid}, whose namespace is not shown" : string.Empty;
    }

    /// <summary>A label in use whose namespace no kernel shows: its data are there.</summary>
    private static NamespaceLabel? HiddenLabelAt(RegionEvidence region, Place place)
    {
        int mapping = place.Module is { } module ? region.Modules.ToList().FindIndex(number => number >= 0 && PlatformEvidence.NameOf(number) == module.Module) : -1;
        return mapping < 0 || place.Module!.Address is not { } at ? null : region.Areas[mapping]?.ActiveLabels.FirstOrDefault(label => at >= label.Dpa && at - label.Dpa < label.RawSize);
    }

    /// <summary>Addresses of a range of a DIMM at which something else may begin: its start, where metadata of namespaces begin, and some between.</summary>
    private SortedSet<ulong> Candidates(Acpi.NfitDeviceHandle handle, ulong address, ulong end)
    {
        var found = new SortedSet<ulong> { address };
        for (ulong i = 1; i < Samples; i++)
            found.Add(address + ((end - address) / Samples * i));
        foreach (RegionEvidence region in _places.Regions.Where(region => region.Set is not null))
        {
            foreach (ulong boundary in region.View.Namespaces.SelectMany(space => NamespacePlaces.Boundaries(region, space).Select(at => space.Start - region.Range.Base + at)))
            {
                // What begins there is spread over the modules: the first line of this one is among the next few.
                ulong at = boundary;
                for (int line = 0; line < region.Mappings.Count && region.Set!.TryToDimm(region.Range.Base + at, out DimmAddress place); line++)
                {
                    if (place.Handle == handle && place.Dpa < end && address < place.Dpa + Math.Min(place.Contiguous, SectorSize))
                        found.Add(Math.Max(place.Dpa, address));
                    at += Math.Max(place.Contiguous, 1);
                    if (at >= region.Range.Length)
                        break;
                }
            }
        }

        return found;
    }

    private static LintSeverity SeverityOf(Place place) => place.Kind switch
    {
        PlaceKind.Free or PlaceKind.Unmapped or PlaceKind.Padding or PlaceKind.Reserved or PlaceKind.BttFreeBlock or PlaceKind.BttLostBlock => LintSeverity.Warning,
        PlaceKind.InfoBlockCopy or PlaceKind.PageStructures => LintSeverity.Warning,
        _ => LintSeverity.Error,
    };

    private static string WhereIs(Place place)
    {
        string where = place.Region is { } region ? $"{region.Region} bad block {region.Sector}: {place.What}" : $"in no region: {place.What}";
        return place is { Kind: PlaceKind.Data, Namespace: { DeviceOffset: { } offset } own } ? $"{where}, byte {offset} of {own.Device} (bad block {own.DeviceSector} of its list)" : where;
    }

    /// <summary>What brings back what lay there.</summary>
    private string RemedyOf(Place place)
    {
        string name = place.Namespace?.Namespace ?? string.Empty;
        bool isSector = place.Namespace?.Mode == NamespaceMode.Sector;
        return place.Kind switch
        {
            PlaceKind.InfoBlock when isSector => "the copy at the end of the arena brings it back: 'pmem btt repair', after the error is cleared",
            PlaceKind.InfoBlock => $"data are where they were: after the error is cleared, {WriteAgain(name)}",
            PlaceKind.InfoBlockCopy => "the info block itself is intact, and no kernel reads the copy: 'pmem btt repair' writes it anew, after the error is cleared",
            // Kernels look for these errors at the namespace's offsets, but from the start of the region.
            PlaceKind.PageStructures when place.Region!.Offset == place.Namespace!.Offset =>
                "nothing is lost: page structures are made anew, and a kernel clears errors among them, when the namespace is disabled and enabled again. Until then it may refuse to enable other fsdax and devdax namespaces of the region (-EFAULT)",
            PlaceKind.PageStructures => "nothing is lost: page structures are made anew whenever the namespace is enabled. Kernels clear errors among them only in a region's first namespace: clear this one by hand",
            PlaceKind.BttMap => "save what can still be read first: entries that are cleared read as blocks that were never written. After that 'pmem btt check' lists what is wrong, and 'pmem btt repair --accept-loss' marks these blocks as bad; restore them from a copy",
            PlaceKind.BttFlog => "blocks are where they were: after the error is cleared, 'pmem btt repair --accept-loss' makes the entries anew",
            PlaceKind.BttFreeBlock or PlaceKind.BttLostBlock => "nothing is lost: nobody's data lie there",
            PlaceKind.Data when isSector => "restore the block from a copy: writing it takes another place and clears the error",
            PlaceKind.Data when place.Namespace?.Mode == NamespaceMode.Fsdax => "find the file that has the block (debugfs icheck, xfs_io fsmap), and restore it from a copy",
            PlaceKind.Data => "restore what was there from a copy",
            _ => "nothing is lost: nobody's data lie there",
        };
    }

    private string WriteAgain(string name)
    {
        NamespaceView? space = _places.Regions.SelectMany(region => region.View.Namespaces).FirstOrDefault(known => known.Name == name);
        return space is null || space.Map == PageMapMode.None
            ? "'pmem namespace write-infoblock' writes it anew with the mode, map and alignment it had"
            : $"'pmem namespace write-infoblock {name} --mode {space.Mode.ToString().ToLowerInvariant()} --map {(space.Map == PageMapMode.Memory ? "mem" : "dev")} --align {space.Alignment} --uuid {space.Uuid}'";
    }

    /// <summary>What makes the place readable again.</summary>
    private static string ClearingOf(Place place, string module, ulong address, ulong length)
    {
        string below = $"writing over the place clears it: on a virtual platform 'pmem platform inject --dimm {module["nmem".Length..]} --poison 0x{address:x} --length {length} --clear'";
        return place.Kind switch
        {
            PlaceKind.Data when place.Namespace?.Mode != NamespaceMode.Sector => $"'pmem namespace clear-errors {place.Namespace?.Namespace}' makes the place readable, with what nobody wrote",
            PlaceKind.Data => "until then it reads as an error, and the map remembers that",
            _ when place.Namespace is { } own => $"{below}, on a machine dd with oflag=direct to the namespace's device while it is forced raw (force_raw of {own.Namespace})",
            _ => $"{below}; on a machine it is cleared when a namespace there is written",
        };
    }
}
