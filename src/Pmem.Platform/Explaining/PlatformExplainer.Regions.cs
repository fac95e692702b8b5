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
        var all = RegionLabelVerdict.Judge(region.Description, region.Areas);
        LabelArea?[] areas = [.. region.Areas];
        if (KernelDifferences.BlockWindows.AppliesTo(_kernel) || areas[0] is not { } first || WithoutLocal(first) is not { } others)
            return (region, region.View, all);

        // Each label takes its place on its DIMM, whatever it is for; two that want the same stop the DIMM here too.
        if (all.DimmEnabled.Contains(false))
            return (region, region.View, all);
        areas[0] = others;
        bool hasWindows = HasWindows(region.Mappings[0]);
        Add(KernelDifferences.BlockWindows.Id, LintSeverity.Info, region.Name, hasWindows ? "labels of block namespaces are left to block regions" : "labels of block namespaces make no namespace, and their places stay taken",
            KernelDifferences.BlockWindows.Before, "free these slots before a newer kernel is booted: it takes them for labels of the region, which it may disable");
        using var old = new PlatformEvidence(_evidence.Source, _evidence.NfitBytes, _evidence.Modules.Select((module, i) => module with
        {
            Media = module.Media is null ? null : new PoisonedMedia(module.Media, module.Poison),
            Labels = i == region.Modules[0] ? others : module.Labels,
        }));
        return (region, LessLocal(region, old.Regions[region.Number].View), RegionLabelVerdict.Judge(region.Description, areas));
    }

    private bool HasWindows(NfitRegionMapping mapping) =>
        _evidence.Nfit.Of<NfitControlRegion>().Any(control => control is { HasWindowFields: true, WindowCount: > 0 } && _evidence.Nfit.Of<NfitRegionMapping>().Any(own => own.Handle == mapping.Handle && own.ControlRegionIndex == control.Index))
        && _evidence.Nfit.Of<NfitBlockDataWindow>().Any();

    /// <summary>What is free ends, on every DIMM, where on any of them the first block namespace begins (<c>nd_pmem_available_dpa</c>).</summary>
    private static RegionView LessLocal(RegionEvidence region, RegionView view)
    {
        ulong overlap = 0;
        for (int i = 0; i < region.Areas.Count; i++)
        {
            RegionMapping mapping = region.Description.Mappings[i];
            foreach (LabelSlot slot in region.Areas[i]?.Slots.Where(IsLocal) ?? [])
            {
                if (slot.Label.Dpa < mapping.DpaStart ? slot.Label.Dpa + slot.Label.RawSize > mapping.DpaStart : slot.Label.Dpa - mapping.DpaStart < mapping.Size)
                    overlap = Math.Max(overlap, mapping.Size - (Math.Max(slot.Label.Dpa, mapping.DpaStart) - mapping.DpaStart));
            }
        }

        ulong lost = overlap * (ulong)region.Areas.Count;
        ulong free = view.AvailableSize == 0 ? 0 : new RegionSpace(region.Description, [.. region.Areas.Select(area => area is null ? null : WithoutLocal(area) ?? area)]).Available;
        ulong available = free > lost ? free - lost : 0;
        return view with { AvailableSize = available, MaximumExtent = Math.Min(available, new RegionSpace(region.Description, region.Areas).MaximumExtent) };
    }

    private static bool IsLocal(LabelSlot slot) => slot.State == LabelSlotState.Active && (slot.Label.Flags & NamespaceLabelFlags.Local) != 0;

    /// <summary>The area without labels of block namespaces; null when it has none.</summary>
    private static LabelArea? WithoutLocal(LabelArea area)
    {
        int[] local = [.. area.Slots.Where(IsLocal).Select(slot => slot.Slot)];
        if (local.Length == 0)
            return null;
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
            Add("region-read-only", LintSeverity.Warning, region.Name, "the region and its namespaces are read-only", "a DIMM of it is not armed: what is written would be lost with the power", "charge or replace the module's energy source (of a virtual one: 'pmem platform inject --dimm NUMBER --armed true'); read_only of the region can be cleared by hand at that risk"
                + (KernelDifferences.ReadOnlyRegions.AppliesTo(_kernel) ? string.Empty : ", and its namespaces disabled and enabled, for their disks stay read-only until then"));
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
            (LintSeverity severity, string what) = label.Kind switch
            {
                LabelVerdictKind.Doubtful => (LintSeverity.Warning, "is accepted"),
                LabelVerdictKind.Ignored => (LintSeverity.Warning, "is not looked at"),
                LabelVerdictKind.Hidden => (LintSeverity.Error, "makes no namespace, and its place stays taken"),
                LabelVerdictKind.DisablesDimm => (LintSeverity.Error, "keeps its DIMM from being enabled"),
                _ => (LintSeverity.Error, $"keeps {region.Name} from being enabled"),
            };
            Add(label.Rule, severity, subject, $"{name} {what}", label.Reason, label.Rule == "label-cookie" ? WayBack(region, label) : label.Remedy);
        }

        // Areas without a valid block are explained with their DIMM.
        foreach (LabelFinding finding in LabelLint.Unjudged(region.Description, region.Areas).Where(finding => region.Areas[finding.Dimm]?.Current is not null && finding.Finding.Severity > LintSeverity.Info))
            Add(finding.Finding.Rule, finding.Finding.Severity, region.Modules[finding.Dimm] >= 0 ? PlatformEvidence.NameOf(region.Modules[finding.Dimm]) : region.Name, finding.Finding.Effect, finding.Finding.Message, LabelRepair.MendsIndex(finding.Finding.Rule) ? "'pmem labels repair' writes that block anew" : "'pmem labels show' and 'pmem labels check' say more");
    }

    private void ExplainLabelLess(RegionEvidence region, RegionLabelVerdict verdict)
    {
        if (verdict.DimmEnabled.Contains(false) || HadLabels(region))
            Add("region-exposed", LintSeverity.Error, region.Name, "the region comes up as one raw device over everything in it: namespaces and their metadata lie open to whoever writes to it", verdict.Reason, verdict.Remedy);
        else
            Add("region-whole", LintSeverity.Info, region.Name, "the region is one namespace over its whole capacity", verdict.Reason, verdict.Remedy);
    }

    /// <summary>Whether areas that count as unlabelled still hold labels.</summary>
    private static bool HadLabels(RegionEvidence region) => region.Areas.Any(area => area is { Current: null } && Enum.GetValues<LabelFormat>().Any(format => area.FindOrphanLabels(format).Count > 0));

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
