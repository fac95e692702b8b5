using Pmem.Platform.Acpi;
using Pmem.Platform.Evidence;
using Pmem.Platform.Labels;
using Pmem.Platform.Model;

namespace Pmem.Platform.Explaining;

/// <content>Regions.</content>
public sealed partial class PlatformExplainer
{
    /// <summary>A region as this kernel sees it: from 5.18 on as the evidence has it, before without the labels of block namespaces.</summary>
    private (RegionEvidence Region, RegionView View, RegionLabelVerdict? Verdict) View(RegionEvidence region)
    {
        if (!region.IsPersistentMemory || region.Mappings.Count == 0)
            return (region, region.View, null);
        if (KernelDifferences.BlockWindows.AppliesTo(_kernel) || !region.Mappings.Any(HasWindows))
            return (region, region.View, RegionLabelVerdict.Judge(region.Description, region.Areas));

        // The labels of block namespaces belong to block regions, and the persistent region does not see them.
        LabelArea?[] areas = [.. region.Areas.Select((area, i) => area is null || !HasWindows(region.Mappings[i]) ? area : WithoutLocal(area))];
        var verdict = RegionLabelVerdict.Judge(region.Description, areas);
        if (areas.SequenceEqual(region.Areas))
            return (region, region.View, verdict);
        Add(KernelDifferences.BlockWindows.Id, LintSeverity.Info, region.Name, "labels of block namespaces are left to block regions", KernelDifferences.BlockWindows.Before, "free these slots before a newer kernel is booted: it would disable the region");
        using var old = new PlatformEvidence(_evidence.Source, _evidence.NfitBytes, _evidence.Modules.Select(module => module with
        {
            Media = module.Media is null ? null : new PoisonedMedia(module.Media, module.Poison),
            Labels = module.Labels is null ? null : WithoutLocal(module.Labels),
        }));
        return (region, old.Regions[region.Number].View, verdict);
    }

    private bool HasWindows(NfitRegionMapping mapping) =>
        _evidence.Nfit.Of<NfitControlRegion>().Any(control => control is { HasWindowFields: true, WindowCount: > 0 } && _evidence.Nfit.Of<NfitRegionMapping>().Any(own => own.Handle == mapping.Handle && own.ControlRegionIndex == control.Index))
        && _evidence.Nfit.Of<NfitBlockDataWindow>().Any();

    private static LabelArea WithoutLocal(LabelArea area)
    {
        int[] local = [.. area.Slots.Where(slot => slot.State == LabelSlotState.Active && (slot.Label.Flags & NamespaceLabelFlags.Local) != 0).Select(slot => slot.Slot)];
        if (local.Length == 0)
            return area;
        var editor = new LabelAreaEditor(area, 0, []);
        editor.Commit([], local);
        return editor.Area;
    }

    private PredictedRegion PredictRegion(RegionEvidence region, RegionView view, RegionLabelVerdict? verdict)
    {
        if (region.Modules.Any(module => module >= 0 && !_evidence.Modules[module].IsPresent))
            view = view with { State = RegionState.Disabled, Reason = "a DIMM of it is not there", Namespaces = [] };
        bool isReadOnly = region.Mappings.Any(mapping => _evidence.StateOf(mapping.Handle).HasFlag(NfitStateFlags.NotArmed));
        if (isReadOnly)
            Add("region-read-only", LintSeverity.Warning, region.Name, "the region and its namespaces are read-only", "a DIMM of it is not armed: what is written would be lost with the power", "charge or replace the module's energy source; read_only of the region can be cleared by hand at that risk");
        if (region.SetProblem.Length > 0)
            Add("region-interleave", LintSeverity.Warning, region.Name, "none: Linux does not look at interleaving, but nobody can tell which DIMM a bad block is on", region.SetProblem, "correct the interleave structures of the table");
        if (verdict is not null)
            ExplainLabels(region, view, verdict);
        bool? deepFlush = DeepFlushOf(region);
        string domain = Domain();
        ExplainFlushing(region, deepFlush, domain);
        view = view with { IsReadOnly = isReadOnly, Namespaces = [.. view.Namespaces.Select(space => PredictNamespace(region, space, verdict))] };
        bool isVolatile = region.Range.RangeType == NfitRangeType.Volatile || region.Range.RangeType == NfitRangeType.VolatileVirtualDisk || region.Range.RangeType == NfitRangeType.VolatileVirtualCd;
        return new PredictedRegion(view, isVolatile ? "volatile" : "pmem", isReadOnly, domain, deepFlush);
    }

    private void ExplainLabels(RegionEvidence region, RegionView view, RegionLabelVerdict verdict)
    {
        if (view.State == RegionState.Disabled && verdict.State == RegionState.Disabled)
            Add("region-disabled", LintSeverity.Error, region.Name, "the region is not enabled: nothing of it can be used", verdict.Reason, verdict.Remedy);
        if (view.State == RegionState.LabelLess)
            ExplainLabelLess(region, verdict);
        foreach (LabelVerdict label in verdict.Labels.Where(label => label.Kind != LabelVerdictKind.Accepted))
        {
            string subject = region.Modules[label.Dimm] >= 0 ? PlatformEvidence.NameOf(region.Modules[label.Dimm]) : region.Name;
            string name = $"label in slot {label.Slot.Slot} ({label.Slot.Label.Uuid}{(label.Slot.Label.Name.Length > 0 ? $" \"{label.Slot.Label.Name}\"" : string.Empty)})";
            (string rule, LintSeverity severity, string what) = label.Kind switch
            {
                LabelVerdictKind.Doubtful => ("label-doubtful", LintSeverity.Warning, "is accepted"),
                LabelVerdictKind.Ignored => ("label-ignored", LintSeverity.Warning, "is not looked at"),
                LabelVerdictKind.Hidden => ("label-hidden", LintSeverity.Error, "makes no namespace, and its place stays taken"),
                LabelVerdictKind.DisablesDimm => ("label-disables-dimm", LintSeverity.Error, "keeps its DIMM from being enabled"),
                _ => ("label-disables-region", LintSeverity.Error, $"keeps {region.Name} from being enabled"),
            };
            Add(rule, severity, subject, $"{name} {what}", label.Reason, label.Remedy);
        }
    }

    private void ExplainLabelLess(RegionEvidence region, RegionLabelVerdict verdict)
    {
        bool hadLabels = verdict.DimmEnabled.Contains(false) || region.Areas.Any(area => area is { Current: null } && Enum.GetValues<LabelFormat>().Any(format => area.FindOrphanLabels(format).Count > 0));
        if (hadLabels)
            Add("region-exposed", LintSeverity.Error, region.Name, "the region comes up as one raw device over everything in it: namespaces and their metadata lie open to whoever writes to it", verdict.Reason, verdict.Remedy);
        else
            Add("region-whole", LintSeverity.Info, region.Name, "the region is one namespace over its whole capacity", verdict.Reason, verdict.Remedy);
    }

    private void ExplainFlushing(RegionEvidence region, bool? deepFlush, string domain)
    {
        if (deepFlush is null)
            Add("region-no-deep-flush", LintSeverity.Info, region.Name, "there is no deep_flush: a deep flush is not supported (EOPNOTSUPP)", "no DIMM is said to be behind the range", "none; let programs treat a flush as enough only if the platform promises it");
        if (domain == "unknown" && region.IsPersistentMemory && deepFlush != true)
            Add("region-domain-unknown", LintSeverity.Info, region.Name, "persistence_domain is empty (ndctl: unknown)", "the table has no platform capabilities, and no flush hints", "state the platform's capabilities (QEMU: -machine nvdimm-persistence=mem-ctrl)");
    }

    /// <summary>As <c>nvdimm_has_flush</c>: not known without DIMMs, yes when any of them has hints.</summary>
    private bool? DeepFlushOf(RegionEvidence region) => region.Mappings.Count == 0 ? null : region.Mappings.Any(mapping => _evidence.Nfit.Of<NfitFlushHints>().Any(hints => hints.Handle == mapping.Handle && hints.Addresses.Length > 0));

    private string Domain() => _evidence.Domain switch
    {
        Pmem.PersistenceDomain.CpuCache => "cpu_cache",
        Pmem.PersistenceDomain.MemoryController => "memory_controller",
        _ => "unknown",
    };
}
