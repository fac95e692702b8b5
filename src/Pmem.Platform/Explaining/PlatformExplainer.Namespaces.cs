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

        if (IsUnread(space) && _evidence.Shown.FirstOrDefault(seen => seen.Start == space.Start && seen.RawSize == space.RawSize && seen.IsEnabled) is { } shown)
        {
            Add("namespace-shown", LintSeverity.Info, space.Name, $"it is told as the running kernel has it, {shown.Name} in mode {shown.Mode.ToString().ToLowerInvariant()}",
                "the media of a namespace in use are not read", "none; to have its info block judged, disable it and look with 'pmem namespace read-infoblock'");
            return space with
            {
                Mode = shown.Mode,
                Map = shown.Map,
                Size = shown.Size,
                DataOffset = shown.DataOffset,
                Uuid = shown.Uuid,
                SectorSize = shown.SectorSize,
                Alignment = shown.Alignment,
                Device = shown.Device,
                Reasons = shown.Reasons,
                Remedy = string.Empty,
            };
        }

        ExplainInfoBlocks(region, space, meant);
        if (space.Mode == NamespaceMode.Sector && FindTableObstacle(region, space) is { } obstacle)
        {
            Add("namespace-table", LintSeverity.Error, space.Name, "the namespace cannot be enabled (-ENOMEM): the info block of its BTT is in order, the rest is not", obstacle.Reason, TableObstacle.Remedy);
            return space with { IsEnabled = false };
        }

        if (space is { Mode: NamespaceMode.Fsdax or NamespaceMode.Devdax, IsEnabled: true, Size: 0 })
        {
            const string Reason = "its info block leaves no room between page structures and padding";
            const string Remedy = "write the block that fits the namespace, 'pmem infoblock write', or make a larger namespace";
            bool isRefused = KernelDifferences.ZeroSize.AppliesTo(_kernel);
            Add(isRefused ? "namespace-refused" : KernelDifferences.ZeroSize.Id, isRefused ? LintSeverity.Error : LintSeverity.Warning, space.Name,
                isRefused ? "the namespace cannot be enabled (-EOPNOTSUPP), not even as a raw device" : "the namespace is enabled with size 0", Reason, Remedy);
            return space with { IsEnabled = !isRefused };
        }

        ExplainMode(space, meant);
        return space;
    }

    /// <summary>What is odd about info blocks, and accepted; what is not is explained with the mode.</summary>
    private void ExplainInfoBlocks(RegionEvidence region, NamespaceView space, NamespaceClass meant)
    {
        byte[] head = new byte[Math.Min(NamespacePersonality.HeadSize, space.RawSize)];
        if (!region.TryRead(space.Start - region.Range.Base, head))
            return;
        foreach (LintFinding finding in InfoBlockLint.Examine(head, meant, space.RawUuid, space.Start, space.RawSize).Where(finding => finding.Severity == LintSeverity.Warning))
            Add(finding.Rule, finding.Severity, space.Name, finding.Effect, finding.Message, "write the block anew for this namespace, 'pmem infoblock write': with the same mode, map and alignment, data are where they were");
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
            case NamespaceMode.Raw when IsUnread(space):
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

    private static bool IsUnread(NamespaceView space) =>
        space is { Mode: NamespaceMode.Raw, IsEnabled: true } && space.Reasons.Any(text => text.Contains("cannot be read", StringComparison.Ordinal));

    /// <summary>What keeps a table from being enabled. What was not kept of the media is no obstacle; what is bad is.</summary>
    private TableObstacle? FindTableObstacle(RegionEvidence region, NamespaceView space)
    {
        TableObstacle? obstacle = new BttReader(region, space).FindObstacle();
        return obstacle is { IsUnread: true } && new BttReader(_places.Regions[region.Number], space).FindObstacle() == obstacle ? null : obstacle;
    }

    private static bool Overlap(RegionEvidence a, RegionEvidence b) =>
        a.Range.Base < unchecked(b.Range.Base + b.Range.Length) && b.Range.Base < unchecked(a.Range.Base + a.Range.Length);
}
