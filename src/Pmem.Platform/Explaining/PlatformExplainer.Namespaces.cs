using Pmem.Platform.Evidence;
using Pmem.Platform.InfoBlocks;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;
using Pmem.Platform.Translation;

namespace Pmem.Platform.Explaining;

/// <content>Namespaces, and what of them cannot be read.</content>
public sealed partial class PlatformExplainer
{
    private const ulong PageSize = 4096;
    private const ulong PageStructSize = 64;
    private const int MostPlaces = 16;

    private NamespaceView PredictNamespace(RegionEvidence region, NamespaceView space, RegionLabelVerdict? verdict)
    {
        NamespaceClass meant = NamespaceClasses.Of(verdict?.Namespaces.FirstOrDefault(found => found.Uuid == space.RawUuid && found.Uuid != Guid.Empty)?.Abstraction ?? Guid.Empty);
        bool isLocked = region.Modules.Any(module => module >= 0 && _evidence.Modules[module].IsLocked);
        RegionEvidence? other = region.IsPersistentMemory ? _evidence.Regions.Take(region.Number).FirstOrDefault(before => before.IsPersistentMemory && Overlap(before, region)) : null;
        if (isLocked || other is not null)
        {
            Add(isLocked ? "namespace-locked" : "namespace-overlap", LintSeverity.Error, space.Name, isLocked ? "the namespace cannot be enabled (-EACCES)" : "the namespace cannot be enabled (-EBUSY)",
                isLocked ? "a DIMM of it is locked" : $"its memory is that of {other!.Name} too", isLocked ? "unlock the DIMM with its passphrase" : "give each range of the table addresses of its own");
            return space with { IsEnabled = false };
        }

        ExplainMode(space, meant);
        return space;
    }

    private void ExplainMode(NamespaceView space, NamespaceClass meant)
    {
        string reason = space.Reasons.Count == 0 ? string.Empty : string.Join("; ", space.Reasons);
        if (!space.IsEnabled)
        {
            Add("namespace-refused", LintSeverity.Error, space.Name, $"the namespace cannot be enabled (-{(space.RawSize < PageSize ? "ENODEV" : "EOPNOTSUPP")}), not even as a raw device", reason, space.Remedy);
            return;
        }

        switch (space.Mode)
        {
            case NamespaceMode.Raw when space.Reasons.Any(text => text.Contains("cannot be read", StringComparison.Ordinal)):
                Add("namespace-unread", LintSeverity.Warning, space.Name, "what it is cannot be predicted; raw is shown", reason, space.Remedy);
                break;
            case NamespaceMode.Raw when space.Remedy.Length > 0 || meant is not NamespaceClass.None:
                Add("namespace-became-raw", LintSeverity.Error, space.Name, $"the namespace silently becomes a raw device, {space.Device}: its metadata lie open to whoever writes to it", reason, space.Remedy);
                break;
            case NamespaceMode.Raw:
                Add("namespace-no-dax", LintSeverity.Info, space.Name, $"file systems on {space.Device} cannot be mounted with -o dax", "a raw namespace has no page structures", "none, if that is not wanted; else 'pmem namespace reconfigure --mode fsdax', which loses what it holds");
                break;
            case NamespaceMode.Fsdax when !KernelDifferences.XfsReflink.AppliesTo(_kernel):
                Add(KernelDifferences.XfsReflink.Id, LintSeverity.Info, space.Name, "XFS with its default format is not mounted with -o dax", KernelDifferences.XfsReflink.Before, "mkfs.xfs -m reflink=0, or ext4");
                break;
            default:
                break;
        }

        if (space.Map == PageMapMode.Memory)
            Add("namespace-map-memory", LintSeverity.Info, space.Name, $"its page structures take {space.Size / PageSize * PageStructSize} bytes of ordinary memory", "it was made with map mem", "none, if there is enough memory; else --map dev");
    }

    private void ExplainPoison(ModuleEvidence module, int number)
    {
        string name = PlatformEvidence.NameOf(number);
        var translator = new AddressTranslator(_evidence);
        foreach ((ulong address, ulong length) in module.Poison.Take(MostPlaces))
        {
            Place? place = address < module.Capacity ? translator.FromModule(name, address) : null;
            string where = place?.Region is { } region ? $"{region.Region} bad block {region.Sector}: {place.What}" : "in no region";
            Add("dimm-poison", LintSeverity.Error, name, $"{length} byte(s) from DIMM address 0x{address:x} cannot be read (read: EIO; mapped: SIGBUS)", where, "'pmem namespace clear-errors', then restore what was there from a copy");
        }

        if (module.Poison.Count > MostPlaces)
            Add("dimm-poison", LintSeverity.Error, name, $"{module.Poison.Count - MostPlaces} more ranges cannot be read", "see 'pmem list --media-errors'", "'pmem namespace clear-errors', then restore what was there from a copy");
    }

    private static bool Overlap(RegionEvidence a, RegionEvidence b) =>
        a.Range.Base < unchecked(b.Range.Base + b.Range.Length) && b.Range.Base < unchecked(a.Range.Base + a.Range.Length);
}
